/* SPDX-License-Identifier: MIT */
/*
 * Counts where times would tell nothing in CI: which system calls one spawn makes, in the
 * parent and, up to its exec, in the child. Seen by ptrace, so in the order they happen.
 */
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace counts
{

struct traced {
	std::vector<std::string>
		calls;		  /* names, in order; a number where there is none */
	uint64_t clone_flags = 0; /* of the last clone3 */
	bool complete = false;	  /* from mark() to mark(), and both succeeded */
};

/* In a process of its own: before(), then body(), which is traced. Both return 0. */
traced trace(int (*before)(), int (*body)());

} // namespace counts
