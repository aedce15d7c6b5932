/* SPDX-License-Identifier: MIT */
/*
 * The posix_spawn family of a program that was never rebuilt, over libspawnx's public
 * API. Each function asks whether the object is ours; if not, the next definition gets it.
 */
#include "objects.hpp"
#include "settings.hpp"

#include <errno.h>

using namespace spawnx_preload;

#pragma GCC visibility push(default)

/* glibc 2.43's flags; ours beyond them are not the caller's to know. */
static constexpr short glibc_flags = 0x1ff;

template <typename handle, typename posix>
static int destroy(posix *p, int (*unmake)(handle *))
{
	handle ours = ours_in<handle>(p);
	write_object<handle>(p, nullptr);
	return unmake(&ours);
}

/* ---- attributes ---- */

int posix_spawnattr_init(posix_spawnattr_t *p) noexcept
{
	if (asked_for().off)
		return NEXT(posix_spawnattr_init, p);
	spawnxattr_t ours;
	const int error = make_attr(&ours);
	if (!error)
		write_object(p, ours);
	return error;
}

int posix_spawnattr_destroy(posix_spawnattr_t *p) noexcept
{
	if (!ours_in<spawnxattr_t>(p))
		return NEXT(posix_spawnattr_destroy, p);
	return destroy<spawnxattr_t>(p, spawnxattr_destroy);
}

int posix_spawnattr_setflags(posix_spawnattr_t *p, short flags) noexcept
{
	spawnxattr_t ours = ours_in<spawnxattr_t>(p);
	if (!ours)
		return NEXT(posix_spawnattr_setflags, p, flags);
	if (flags & ~glibc_flags)
		return refuse(EINVAL);
	return spawnxattr_setflags(&ours, with_added(flags));
}

int posix_spawnattr_getflags(const posix_spawnattr_t *p, short *ret) noexcept
{
	spawnxattr_t ours = ours_in<spawnxattr_t>(p);
	if (!ours)
		return NEXT(posix_spawnattr_getflags, p, ret);
	const int error = spawnxattr_getflags(&ours, ret);
	if (!error)
		*ret &= glibc_flags;
	return error;
}

/* The others: one value, ours or the next definition's. */
#define ATTRIBUTE(name, posix_type, value_type)                                          \
	int posix_spawnattr_##name(posix_type *p, value_type value) noexcept             \
	{                                                                                \
		spawnxattr_t ours = ours_in<spawnxattr_t>(p);                            \
		if (!ours)                                                               \
			return NEXT(posix_spawnattr_##name, p, value);                   \
		return spawnxattr_##name(&ours, value);                                  \
	}
#define SETTER(name, type) ATTRIBUTE(set##name, posix_spawnattr_t, type)
#define GETTER(name, type) ATTRIBUTE(get##name, const posix_spawnattr_t, type)

SETTER(pgroup, pid_t)
GETTER(pgroup, pid_t *)
SETTER(sigdefault, const sigset_t *)
GETTER(sigdefault, sigset_t *)
SETTER(sigmask, const sigset_t *)
GETTER(sigmask, sigset_t *)
SETTER(schedpolicy, int)
GETTER(schedpolicy, int *)
SETTER(schedparam, const sched_param *)
GETTER(schedparam, sched_param *)
SETTER(cgroup_np, int)
GETTER(cgroup_np, int *)

/* ---- file actions ---- */

int posix_spawn_file_actions_init(posix_spawn_file_actions_t *p) noexcept
{
	if (asked_for().off)
		return NEXT(posix_spawn_file_actions_init, p);
	spawnx_file_actions_t ours;
	const int error = make_actions(&ours);
	if (!error)
		write_object(p, ours);
	return error;
}

int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *p) noexcept
{
	if (!ours_in<spawnx_file_actions_t>(p))
		return NEXT(posix_spawn_file_actions_destroy, p);
	return destroy<spawnx_file_actions_t>(p, spawnx_file_actions_destroy);
}

#define PARAMETERS(...) __VA_ARGS__
#define ACTION(name, parameters, ...)                                                    \
	int posix_spawn_file_actions_##name(                                             \
		posix_spawn_file_actions_t *p, parameters) noexcept                      \
	{                                                                                \
		spawnx_file_actions_t ours = ours_in<spawnx_file_actions_t>(p);          \
		if (!ours)                                                               \
			return NEXT(posix_spawn_file_actions_##name, p, __VA_ARGS__);    \
		return spawnx_file_actions_##name(&ours, __VA_ARGS__);                   \
	}

ACTION(addopen, PARAMETERS(int fd, const char *path, int oflag, mode_t mode), fd, path,
	oflag, mode)
ACTION(addclose, int fd, fd)
ACTION(adddup2, PARAMETERS(int fd, int newfd), fd, newfd)
ACTION(addchdir, const char *path, path)
ACTION(addchdir_np, const char *path, path)
ACTION(addfchdir, int fd, fd)
ACTION(addfchdir_np, int fd, fd)
ACTION(addclosefrom_np, int from, from)
ACTION(addtcsetpgrp_np, int tcfd, tcfd)
