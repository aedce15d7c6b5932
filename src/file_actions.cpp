/* SPDX-License-Identifier: MIT */
/* The file actions object: a list of the very steps the child will do. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "failure.hpp"
#include "request.hpp"
#include "spawnx.h"

using namespace spawnx_core;

int spawnx_file_actions_init(spawnx_file_actions_t *actions) noexcept
{
	if (!actions)
		return finish(EINVAL);
	*actions = static_cast<spawnx_file_actions_t>(calloc(1, sizeof(**actions)));
	return *actions ? 0 : finish(ENOMEM);
}

int spawnx_file_actions_destroy(spawnx_file_actions_t *actions) noexcept
{
	if (!actions || !*actions)
		return finish(EINVAL);
	spawnx_actions *a = *actions;
	for (size_t i = 0; i < a->count; i++)
		free(const_cast<char *>(a->steps[i].path));
	free(a->steps);
	free(a);
	*actions = nullptr;
	return 0;
}

/* POSIX: EBADF for a descriptor that is negative or not below OPEN_MAX; as glibc. */
bool spawnx_core::descriptor_in_range(int fd)
{
	rlimit limit;
	if (fd < 0)
		return false;
	return getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
		static_cast<rlim_t>(fd) < limit.rlim_cur;
}

static bool grow(spawnx_actions *a)
{
	if (a->count < a->capacity)
		return true;
	const size_t capacity = a->capacity ? 2 * a->capacity : 8;
	void *steps = reallocarray(a->steps, capacity, sizeof(step));
	if (!steps)
		return false;
	a->steps = static_cast<step *>(steps);
	a->capacity = capacity;
	return true;
}

/* On failure the object is as it was. The path, if there is one, is copied. */
static int append(spawnx_file_actions_t *actions, step s)
{
	if (!actions || !*actions)
		return finish(EINVAL);
	spawnx_actions *a = *actions;
	if (!grow(a))
		return finish(ENOMEM);
	if (s.path && !(s.path = strdup(s.path)))
		return finish(ENOMEM);
	s.index = static_cast<int32_t>(a->count);
	a->closes_ranges |= s.what == op::closefrom;
	a->sets_tcpgrp |= s.what == op::tcsetpgrp;
	a->steps[a->count++] = s;
	return 0;
}

int spawnx_file_actions_addopen(spawnx_file_actions_t *actions, int fd, const char *path,
	int oflag, mode_t mode) noexcept
{
	if (!path)
		return finish(EINVAL);
	if (!descriptor_in_range(fd))
		return finish(EBADF);
	return append(actions, {op::open, 0, 0, fd, oflag, mode, path});
}

int spawnx_file_actions_addclose(spawnx_file_actions_t *actions, int fd) noexcept
{
	if (!descriptor_in_range(fd))
		return finish(EBADF);
	return append(actions, {op::close, 0, 0, fd, 0, 0, nullptr});
}

int spawnx_file_actions_adddup2(
	spawnx_file_actions_t *actions, int fd, int newfd) noexcept
{
	if (!descriptor_in_range(fd) || !descriptor_in_range(newfd))
		return finish(EBADF);
	return append(actions, {op::dup2, 0, 0, fd, newfd, 0, nullptr});
}

int spawnx_file_actions_addchdir(
	spawnx_file_actions_t *actions, const char *path) noexcept
{
	if (!path)
		return finish(EINVAL);
	return append(actions, {op::chdir, 0, 0, 0, 0, 0, path});
}

int spawnx_file_actions_addchdir_np(
	spawnx_file_actions_t *actions, const char *path) noexcept
{
	return spawnx_file_actions_addchdir(actions, path);
}

/* Any number is taken: whether it is a directory shows in the child; as glibc. */
int spawnx_file_actions_addfchdir(spawnx_file_actions_t *actions, int fd) noexcept
{
	return append(actions, {op::fchdir, 0, 0, fd, 0, 0, nullptr});
}

int spawnx_file_actions_addfchdir_np(spawnx_file_actions_t *actions, int fd) noexcept
{
	return spawnx_file_actions_addfchdir(actions, fd);
}

int spawnx_file_actions_addclosefrom_np(spawnx_file_actions_t *actions, int from) noexcept
{
	if (!descriptor_in_range(from))
		return finish(EBADF);
	return append(actions, {op::closefrom, 0, 0, from, 0, 0, nullptr});
}

int spawnx_file_actions_addtcsetpgrp_np(spawnx_file_actions_t *actions, int tcfd) noexcept
{
	if (!descriptor_in_range(tcfd))
		return finish(EBADF);
	return append(actions, {op::tcsetpgrp, 0, 0, tcfd, 0, 0, nullptr});
}
