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

static bool has_path(op what)
{
	return what == op::open || what == op::openat || what == op::chdir;
}

int spawnx_file_actions_destroy(spawnx_file_actions_t *actions) noexcept
{
	if (!actions || !*actions)
		return finish(EINVAL);
	spawnx_actions *a = *actions;
	for (size_t i = 0; i < a->count; i++)
		if (has_path(a->steps[i].what))
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

static bool grow(spawnx_actions *a, size_t more)
{
	if (a->capacity - a->count >= more)
		return true;
	const size_t doubled = a->capacity ? 2 * a->capacity : 8;
	const size_t capacity = doubled - a->count < more ? a->count + more : doubled;
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
	if (!grow(a, 1))
		return finish(ENOMEM);
	if (has_path(s.what) && !(s.path = strdup(s.path)))
		return finish(ENOMEM);
	s.index = static_cast<int32_t>(a->added++);
	a->closes_ranges |= s.what == op::closefrom;
	a->sets_tcpgrp |= s.what == op::tcsetpgrp;
	a->sets_ctty |= s.what == op::setctty;
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
	return append(actions, {op::open, 0, 0, fd, oflag, mode, {path}});
}

int spawnx_file_actions_addclose(spawnx_file_actions_t *actions, int fd) noexcept
{
	if (!descriptor_in_range(fd))
		return finish(EBADF);
	return append(actions, {op::close, 0, 0, fd, 0, 0, {nullptr}});
}

int spawnx_file_actions_adddup2(
	spawnx_file_actions_t *actions, int fd, int newfd) noexcept
{
	if (!descriptor_in_range(fd) || !descriptor_in_range(newfd))
		return finish(EBADF);
	return append(actions, {op::dup2, 0, 0, fd, newfd, 0, {nullptr}});
}

int spawnx_file_actions_addchdir(
	spawnx_file_actions_t *actions, const char *path) noexcept
{
	if (!path)
		return finish(EINVAL);
	return append(actions, {op::chdir, 0, 0, 0, 0, 0, {path}});
}

int spawnx_file_actions_addchdir_np(
	spawnx_file_actions_t *actions, const char *path) noexcept
{
	return spawnx_file_actions_addchdir(actions, path);
}

/* Any number is taken: whether it is a directory shows in the child; as glibc. */
int spawnx_file_actions_addfchdir(spawnx_file_actions_t *actions, int fd) noexcept
{
	return append(actions, {op::fchdir, 0, 0, fd, 0, 0, {nullptr}});
}

int spawnx_file_actions_addfchdir_np(spawnx_file_actions_t *actions, int fd) noexcept
{
	return spawnx_file_actions_addfchdir(actions, fd);
}

int spawnx_file_actions_addclosefrom_np(spawnx_file_actions_t *actions, int from) noexcept
{
	if (!descriptor_in_range(from))
		return finish(EBADF);
	return append(actions, {op::closefrom, 0, 0, from, 0, 0, {nullptr}});
}

int spawnx_file_actions_addtcsetpgrp_np(spawnx_file_actions_t *actions, int tcfd) noexcept
{
	if (!descriptor_in_range(tcfd))
		return finish(EBADF);
	return append(actions, {op::tcsetpgrp, 0, 0, tcfd, 0, 0, {nullptr}});
}

int spawnx_file_actions_addinherit_np(spawnx_file_actions_t *actions, int fd) noexcept
{
	if (!descriptor_in_range(fd))
		return finish(EBADF);
	return append(actions, {op::inherit, 0, 0, fd, 0, 0, {nullptr}});
}

int spawnx_file_actions_addopenat(spawnx_file_actions_t *actions, int fd, int dirfd,
	const char *path, int oflag, mode_t mode) noexcept
{
	if (!path)
		return finish(EINVAL);
	if (!descriptor_in_range(fd) ||
		(dirfd != kernel::at_fdcwd && !descriptor_in_range(dirfd)))
		return finish(EBADF);
	const uint64_t both =
		static_cast<uint64_t>(static_cast<uint32_t>(dirfd)) << 32 | mode;
	return append(actions, {op::openat, 0, 0, fd, oflag, both, {path}});
}

int spawnx_file_actions_addsetctty(spawnx_file_actions_t *actions, int fd) noexcept
{
	if (!descriptor_in_range(fd))
		return finish(EBADF);
	return append(actions, {op::setctty, 0, 0, fd, 0, 0, {nullptr}});
}

/*
 * The order in which descriptors can be moved one by one is found here, where there is
 * memory for it. A target that nobody still has to be copied from goes first, and then what
 * it was copied from, if nobody else waits for that; what is left are circles, and one of
 * each circle waits in a descriptor of its own.
 */
static size_t order_maps(size_t n, const int src[], const int dst[], bool *done, step *to)
{
	size_t count = 0;
	const auto add = [&](op what, int from, int target) {
		to[count++] = {what, 0, 0, from, target, 0, {nullptr}};
	};
	const auto is_wanted = [&](int fd, size_t but) {
		for (size_t i = 0; i < n; i++)
			if (!done[i] && i != but && src[i] == fd)
				return true;
		return false;
	};

	const auto whose_target_is = [&](int fd) {
		size_t i = 0;
		while (i < n && dst[i] != fd)
			i++;
		return i;
	};

	for (size_t first = 0; first < n; first++)
		for (size_t i = first; i < n && !done[i] && !is_wanted(dst[i], i);) {
			add(op::map, src[i], dst[i]);
			done[i] = true;
			i = whose_target_is(src[i]);
		}
	for (size_t first = 0; first < n; first++) {
		if (done[first])
			continue;
		/*
		 * What is not open would get the number of the one that waits: so all of the
		 * circle are looked at before, by a map onto itself.
		 */
		int fd = src[first];
		do {
			add(op::map, fd, fd);
			fd = src[whose_target_is(fd)];
		} while (fd != src[first]);
		/* first's source is where the circle is opened; then backwards along it. */
		add(op::map_save, src[first], dst[first]);
		done[first] = true;
		for (int gap = src[first]; gap != dst[first];) {
			const size_t at = whose_target_is(gap);
			add(op::map, src[at], gap);
			done[at] = true;
			gap = src[at];
		}
		add(op::map_saved, src[first], dst[first]);
	}
	return count;
}

int spawnx_file_actions_addmapfds(spawnx_file_actions_t *actions, size_t n,
	const int src[], const int dst[]) noexcept
{
	if (!actions || !*actions || (n && (!src || !dst)) || n > INT32_MAX)
		return finish(EINVAL);
	for (size_t i = 0; i < n; i++)
		if (!descriptor_in_range(src[i]) || !descriptor_in_range(dst[i]))
			return finish(EBADF);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (dst[i] == dst[j])
				return finish(EINVAL);

	spawnx_actions *a = *actions;
	bool *done = static_cast<bool *>(calloc(n + 1, sizeof(bool)));
	/* A circle of two takes five steps; more descriptors take fewer for each. */
	if (!done || !grow(a, 3 * n)) {
		free(done);
		return finish(ENOMEM);
	}
	const size_t count = order_maps(n, src, dst, done, a->steps + a->count);
	free(done);
	for (size_t i = 0; i < count; i++)
		a->steps[a->count + i].index = static_cast<int32_t>(a->added);
	a->count += count;
	a->added++;
	return 0;
}
