/* SPDX-License-Identifier: MIT */
/*
 * The rules of PATH, as glibc's execvpe(3): an empty element is the current directory;
 * an element too long for a path is passed over. Trying is the child's part, after the
 * file actions, so that relative elements follow a chdir.
 */
#include "search.hpp"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

namespace spawnx_core
{

/* confstr(_CS_PATH) of glibc: what a program without PATH gets. */
static const char default_path[] = "/bin:/usr/bin";

static size_t element_length(const char *at)
{
	return strcspn(at, ":");
}

const char **search_candidates(const char *path_list, const char *file, size_t &ret_count)
{
	const char *list = path_list ? path_list : default_path;
	const size_t file_size = strlen(file) + 1;
	size_t elements = 1;
	for (const char *c = list; *c; c++)
		elements += *c == ':';

	/* Each element becomes "element/file": its ':' is the '/'; the last has none. */
	const size_t bytes = strlen(list) + 1 + elements * file_size;
	const size_t table = elements * sizeof(char *);
	char *block = static_cast<char *>(malloc(table + bytes));
	if (!block)
		return nullptr;

	const char **candidates = reinterpret_cast<const char **>(block);
	char *to = block + table;
	ret_count = 0;
	for (const char *at = list;; at++) {
		const size_t length = element_length(at);
		if (length < PATH_MAX) {
			candidates[ret_count++] = to;
			memcpy(to, at, length);
			to += length;
			if (length)
				*to++ = '/';
			memcpy(to, file, file_size);
			to += file_size;
		}
		at += length;
		if (!*at)
			return candidates;
	}
}

const char *path_of(char *const envp[])
{
	for (; envp && *envp; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	return nullptr;
}

} // namespace spawnx_core
