/* SPDX-License-Identifier: MIT */
/* What some steps of a plan point to, and what the weaker fallbacks add to it. */
#pragma once

#include <stdint.h>
#include <sys/resource.h>

namespace spawnx_core
{

/* What steps point to. */
struct id_maps {
	char *uid, *gid; /* as the kernel wants them; nullptr: not written */
};

struct limits {
	unsigned known; /* bit resource: it is set */
	rlimit of[RLIM_NLIMITS];
};

struct capabilities { /* bit n: capability n */
	bool has_iab, has_securebits;
	unsigned securebits;
	uint64_t inheritable, ambient, blocked;
};

/* One that runs in our memory though it is not our child: relay.hpp. */
struct cloned {
	int32_t pid;   /* 0: there was none */
	int32_t alive; /* not 0 while it runs in our memory, if there was one */
};

/* What the kernel and a relay write while they stand between us and the child: relay.hpp. */
struct relay {
	int32_t done;        /* 1: it was not killed before its end */
	int32_t error;       /* of clone3 */
	int32_t guard_error; /* why there is no guard; so there is no child either */
	int32_t inner_failed;
	int32_t self;   /* the pid of our relay, as we see it */
	int32_t parent; /* the pid of the child's parent */
	int32_t sigchld_ignored; /* by the caller, and so by the child */
	cloned inner, child;
	int pidfd;
};

struct guard_program {
	int fd;
	bool for_other_user; /* the child becomes one: CAP_KILL is needed */
	uint64_t byte; /* of the pidfd that is locked: one that nobody else would think of */
	char byte_text[24];
};

} // namespace spawnx_core
