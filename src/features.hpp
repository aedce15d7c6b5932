/* SPDX-License-Identifier: MIT */
/* What the running kernel can do; see features.def. */
#pragma once

#include <stdint.h>

namespace spawnx_core::feature
{

enum id : unsigned {
#define X(id, NAME, ...) NAME = id,
#include "features.def"
#undef X
};

inline constexpr uint64_t bit(unsigned id)
{
	return UINT64_C(1) << id;
}

inline constexpr uint64_t all = 0
#define X(id, ...) | (UINT64_C(1) << id)
#include "features.def"
#undef X
	;

const char *name(unsigned id);	/* nullptr past the last */
const char *since(unsigned id); /* the Linux release */
const char *what(unsigned id);	/* the kernel's name for it */

/* Those of "wanted" that the kernel has. Probed once, then remembered. */
uint64_t native(uint64_t wanted);

/* For a spawn: what cannot be asked now is taken to be there, and not remembered. */
uint64_t native_or_unasked(uint64_t wanted);

/*
 * A clone with "native" was refused. What to try instead: the kernel is asked again, as a
 * seccomp filter may have come since; the same as "native" if there is nothing else.
 */
uint64_t native_after(int refusal, uint64_t wanted, uint64_t native);

/*
 * Whether our children are born into another pid namespace, after unshare(2) or setns(2). A
 * clone there that fails once it has a pid, as a probe does before Linux 7.1, and a child
 * that is gone at once make a namespace which has no first process yet useless for ever
 * (ENOMEM; free_pid, kernel/pid.c). Only /proc tells, and not whether there is one.
 */
bool children_are_elsewhere();

/* Why clone3 cannot be had: 0 (it can, or must not be asked), ENOSYS or EPERM. */
int clone3_error();

} // namespace spawnx_core::feature
