/* SPDX-License-Identifier: MIT */
/* What the handles hold, and what one call asks for. */
#pragma once

#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/filter.h>

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
	bool weaker; /* SPAWNX_FALLBACK_WEAKER */
	bool has_execfd, has_listenfds;
	int execfd;
	int listenfds;
	int pdeathsig; /* 0: none */

	/* attr_identity.cpp */
	bool has_uid, has_gid, has_groups;
	uid_t uid;
	gid_t gid;
	size_t group_count;
	gid_t *groups; /* owned, as the other pointers are */
	spawnx_core::capabilities caps;
	char *cap_iab_text;

	/* attr_confinement.cpp */
	bool has_seccomp, has_landlock, has_namespaces, has_idmap;
	sock_fprog seccomp;
	int landlock;
	uint64_t namespaces;
	spawnx_core::id_maps idmap;

	/* attr_resources.cpp */
	bool has_umask, has_nice, has_oom_score_adj, has_sigignore;
	spawnx_core::limits limits;
	mode_t umask;
	int nice;
	int oom_score_adj;
	char oom_text[8]; /* the same, as the child writes it */
	size_t affinity_size; /* bytes; 0: not set */
	void *affinity;
	sigset_t sigignore;
};

/* Behind spawnx_file_actions_t. Paths are owned. */
struct spawnx_actions {
	spawnx_core::step *steps;
	size_t count;
	size_t capacity;
	size_t added; /* file actions, as the caller counts: a map is one of several steps */
	bool closes_ranges; /* one of them is closefrom */
	bool sets_tcpgrp;   /* one of them is tcsetpgrp */
	bool sets_ctty;     /* one of them is setctty */
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
	size_t table_size; /* see gap.hpp */
	int self;         /* our pid, where pdeathsig asks for it */
	char *const *argv;
	char *const *envp;
};

} // namespace spawnx_core
