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

/* The same, asked of the kernel now: a seccomp filter may have come since. */
uint64_t native_now(uint64_t wanted);

/* Why clone3 cannot be had: 0 (it can), ENOSYS or EPERM. */
int clone3_error();

} // namespace spawnx_core::feature
