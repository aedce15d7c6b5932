/* SPDX-License-Identifier: MIT */
/*
 * libspawnx-preload.so: a program's posix_spawn objects, as we find them.
 *
 * The caller's object has glibc's size; ours begins with a magic word, then the handle.
 * An object without the word was not initialised by us (another library's copy of the
 * functions, or a program that zeroes it by hand): it belongs to the next definition.
 */
#pragma once

#include <dlfcn.h>
#include <errno.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>

#include <spawnx.h>

/* Newer than some libc's header. */
extern "C" {
int posix_spawnattr_setcgroup_np(posix_spawnattr_t *, int) noexcept;
int posix_spawnattr_getcgroup_np(const posix_spawnattr_t *, int *) noexcept;
int posix_spawn_file_actions_addchdir(posix_spawn_file_actions_t *, const char *) noexcept;
int posix_spawn_file_actions_addfchdir(posix_spawn_file_actions_t *, int) noexcept;
int posix_spawn_file_actions_addtcsetpgrp_np(posix_spawn_file_actions_t *, int) noexcept;
int pidfd_spawn(int *, const char *, const posix_spawn_file_actions_t *,
	const posix_spawnattr_t *, char *const[], char *const[]);
int pidfd_spawnp(int *, const char *, const posix_spawn_file_actions_t *,
	const posix_spawnattr_t *, char *const[], char *const[]);
}

namespace spawnx_preload
{

template <typename handle> struct object {
	uint64_t magic;
	handle ours;
};

/* Two words, so that one kind is never taken for the other. No glibc object begins so:
 * the first is a short and an int of few bits (flags, pgroup), the second two ints. */
template <typename handle> inline constexpr uint64_t magic = 0;
template <> inline constexpr uint64_t magic<spawnxattr_t> = 0x5be9c3a1f0d27e64;
template <> inline constexpr uint64_t magic<spawnx_file_actions_t> = 0xa7410d8e3c96f52b;

static_assert(sizeof(object<spawnxattr_t>) <= sizeof(posix_spawnattr_t));
static_assert(sizeof(object<spawnx_file_actions_t>) <= sizeof(posix_spawn_file_actions_t));

/* The caller's object may be aligned for ints only. */
template <typename handle, typename posix> object<handle> read_object(const posix *p)
{
	object<handle> o = {0, nullptr};
	if (p)
		memcpy(&o, p, sizeof(o));
	return o;
}

template <typename handle, typename posix> void write_object(posix *p, handle ours)
{
	const object<handle> o = {ours ? magic<handle> : 0, ours};
	memcpy(p, &o, sizeof(o));
}

/* Our handle in the caller's object; nullptr: it is not ours. */
template <typename handle, typename posix> handle ours_in(const posix *p)
{
	const object<handle> o = read_object<handle>(p);
	return o.magic == magic<handle> ? o.ours : nullptr;
}

/*
 * The next definition of "name" after ours: libc's, or another interposer's. Looked up
 * each time: it is rare, and needs no state. nullptr: this libc has none.
 */
template <typename function> function next_definition(const char *name, function)
{
	return reinterpret_cast<function>(dlsym(RTLD_NEXT, name));
}

/* As everywhere in libspawnx, errno holds the number that is returned. */
inline int refuse(int error)
{
	errno = error;
	return error;
}

/* Calls the next definition under the name of the function it stands in. */
#define NEXT(name, ...)                                                                  \
	([&]() -> int {                                                                  \
		auto next = next_definition(#name, &name);                               \
		return next ? next(__VA_ARGS__) : refuse(ENOSYS);                                \
	}())

} // namespace spawnx_preload
