/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

namespace spawnx_core
{

/*
 * The names to try for "file" along "path_list" (nullptr: the default path), in one
 * block that the caller frees. nullptr: no memory.
 */
const char **search_candidates(
	const char *path_list, const char *file, size_t &ret_count);

/* The value of PATH in an environment; nullptr: it has none. */
const char *path_of(char *const envp[]);

} // namespace spawnx_core
