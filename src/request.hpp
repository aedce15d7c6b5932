/* SPDX-License-Identifier: MIT */
/* What the handles hold, and what one call asks for. */
#pragma once

#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

#include "plan.hpp"

/* Behind spawnxattr_t. calloc'ed: all zero is "nothing asked for". */
struct spawnx_attr {
	short flags;
	pid_t pgroup;
	sigset_t sigdefault;
	sigset_t sigmask;
	int schedpolicy;
	sched_param schedparam;
	int cgroup;
	bool autoreap;
	bool autokill; /* implies autoreap; see autoreap() in attr.cpp */
	bool nonewprivs;
	bool has_execfd, has_listenfds;
	int execfd;
	int listenfds;
};

/* Behind spawnx_file_actions_t. Paths are owned. */
struct spawnx_actions {
	spawnx_core::step *steps;
	size_t count;
	size_t capacity;
	bool closes_ranges; /* one of them is closefrom */
	bool sets_tcpgrp;   /* one of them is tcsetpgrp */
};

namespace spawnx_core
{

/* What a handle takes for a descriptor: neither negative nor at or above the soft limit. */
bool descriptor_in_range(int fd);

struct request {
	const spawnx_attr *attr;       /* nullptr: none */
	const spawnx_actions *actions; /* nullptr: none */
	bool pidfd;		       /* the caller takes a pidfd */
	const char *const *candidates; /* what to exec, in turn */
	size_t candidate_count;
	int no_candidate; /* the error where there is none */
	char *listen_pid; /* see plan.hpp */
	char *const *argv;
	char *const *envp;
};

} // namespace spawnx_core
