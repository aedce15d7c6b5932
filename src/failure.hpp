/* SPDX-License-Identifier: MIT */
/* What failed: from the plan's result to struct spawnx_failure, and to words. */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "spawnx.h"

namespace spawnx_core
{

struct plan;
struct launched;

/* Which argument was refused: spawnx_failure.reserved of stage ARGUMENT. */
enum class argument : int {
	path = 1,
	argv,
	pidfd,
	attr,
	actions,
	how,
	size,
	autokill_without_pidfd,
	idmap_without_newuser,
	memory,
};

/* spawnx_failure.reserved of stage FEATURE: 0, why clone3 cannot be had, or this. */
inline constexpr int emulation_refused = -1;

/*
 * spawnx_failure.reserved of stage EXEC: the signal that killed the child (ECANCELED), or
 * what is missing.
 */
enum class exec_detail : int {
	program = 1,
	directory,   /* and, times exec_detail_length, how much of the path is none */
	interpreter, /* its name, if it is known, stands in text, behind the path's null */
	not_in_path,
};
inline constexpr int exec_detail_length = 8;

/* spawnx_failure.reserved of a step: its op, and perhaps these. */
inline constexpr int without_no_new_privs = 0x100;
inline constexpr int of_the_whole = 0x200; /* result.whole */
inline constexpr int of_inheritable_set = 0x400;

/* spawnx_failure.reserved of stage CLONE: 0, or one of these. */
inline constexpr int with_namespaces = 1;
inline constexpr int with_user_namespace = 2; /* and perhaps others */

/* The one place where an error number becomes errno. */
inline int finish(int error)
{
	if (error)
		errno = error;
	return error;
}

/*
 * Copies an output struct the kernel's way: a short one gets what fits, the tail of a
 * long one is zero-filled; the caller's size stays.
 */
template <typename T> void copy_out(T *to, const T &from)
{
	const uint32_t size = to->size;
	const size_t fits = size < sizeof(T) ? size : sizeof(T);
	const size_t skip = sizeof(to->size);
	if (fits > skip)
		memcpy(reinterpret_cast<char *>(to) + skip,
			reinterpret_cast<const char *>(&from) + skip, fits - skip);
	if (size > sizeof(T))
		memset(reinterpret_cast<char *>(to) + sizeof(T), 0, size - sizeof(T));
}

spawnx_failure argument_failure(argument, int error = EINVAL);
spawnx_failure feature_failure(unsigned missing);
bool lacks_right_to_autokill(const plan &);
spawnx_failure launch_failure(const plan &, const launched &, const char *given_path);

/* Keeps it as the calling thread's last. */
void remember(const spawnx_failure &);

} // namespace spawnx_core
