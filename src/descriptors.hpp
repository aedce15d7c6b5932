/* SPDX-License-Identifier: MIT */
/*
 * The child's work on descriptors. Part of child.cpp, whose rules hold here: raw system
 * calls only. "report" is the pipe of an unproved spawn (plan.report) or -1: a descriptor
 * the caller knows nothing of, so the file actions neither see it nor destroy it.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>

#include "plan.hpp"
#include "syscall.hpp"

namespace spawnx_core
{

/*
 * POSIX: an open descriptor is closed before the file is opened on it. So a full table
 * is no obstacle, and a device that can be open once may be opened again. The file may
 * then land on fd by itself; O_CLOEXEC must hold in either case.
 */
inline long open_on(int fd, const char *path, int flags, unsigned mode)
{
	(void)sys::close(fd);
	const long got = sys::openat(kernel::at_fdcwd, path, flags, mode);
	if (got < 0 || got == fd)
		return sys::zero_or_error(got);
	const long error = sys::dup3(static_cast<int>(got), fd, flags & O_CLOEXEC);
	(void)sys::close(static_cast<int>(got));
	return sys::zero_or_error(error);
}

/* The number that is the name of an entry of /proc/self/fd; -1 for "." and "..". */
inline int number_in(const char *name)
{
	int n = 0;
	for (; *name >= '0' && *name <= '9'; name++)
		n = 10 * n + (*name - '0');
	return *name ? -1 : n;
}

/*
 * Calls visit(fd) for every open descriptor from "from" on, as /proc/self/fd has them: the
 * way where close_range is missing. Never a loop to the limit, which may be 2^30. Starts
 * over until a pass changes nothing, as the directory is read while it changes.
 */
template <typename F> inline long walk_descriptors(int from, int spare, F visit)
{
	const long dir = sys::openat(
		kernel::at_fdcwd, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (dir < 0)
		return dir;
	alignas(kernel::dirent64) char buffer[1024];
	bool changed;
	long n;

	do {
		changed = false;
		(void)sys::rewind(static_cast<int>(dir));
		while ((n = sys::getdents64(
				static_cast<int>(dir), buffer, sizeof(buffer))) > 0) {
			for (long at = 0; at < n;) {
				const char *entry = buffer + at;
				const int fd = number_in(entry + kernel::dirent64_name);
				at += reinterpret_cast<const kernel::dirent64 *>(entry)
					      ->reclen;
				if (fd >= from && fd != dir && fd != spare)
					changed |= visit(fd);
			}
		}
	} while (n == 0 && changed);
	(void)sys::close(static_cast<int>(dir));
	return n;
}

/* The report pipe is spared: it is not among what the caller knows to be open. */
inline long closefrom(int from, const plan &p, int report)
{
	const unsigned first = static_cast<unsigned>(from);
	const unsigned spare = static_cast<unsigned>(report);

	/* A filter may have come since the probe: then the walk, too. */
	if (p.close_range && report < from && sys::close_range(first, ~0u, 0) == 0)
		return 0;
	if (p.close_range && report >= from &&
		(report == from || sys::close_range(first, spare - 1, 0) == 0) &&
		sys::close_range(spare + 1, ~0u, 0) == 0)
		return 0;
	/* Makes room for the directory, should the table be full. */
	if (report != from)
		(void)sys::close(from);
	return walk_descriptors(from, report, [](int fd) { return sys::close(fd) == 0; });
}

inline long cloexec_all(const plan &p, int report)
{
	/* The flag came in 5.11, after close_range itself (5.9). */
	if (p.close_range && sys::close_range(0, ~0u, kernel::close_range_cloexec) == 0)
		return 0;
	return walk_descriptors(0, report, [](int fd) {
		(void)sys::fcntl(fd, kernel::f_setfd, kernel::fd_cloexec);
		return false;
	});
}

/* POSIX.1-2024: dup2 onto itself clears close-on-exec (Austin Group issue 411). */
inline long dup2_to(int from, int to)
{
	if (from != to)
		return sys::zero_or_error(sys::dup3(from, to, 0));
	const long flags = sys::fcntl(from, kernel::f_getfd);
	if (flags < 0)
		return flags;
	return sys::fcntl(from, kernel::f_setfd, flags & ~kernel::fd_cloexec);
}

/*
 * Socket activation: descriptors 3 to 3 + n - 1 must be open and stay so; the pid goes
 * into the environment that the parent has prepared, which ends with blanks to fill.
 */
inline long announce(const step &s, const plan &p, int report, struct result &failed)
{
	constexpr int first = 3; /* SD_LISTEN_FDS_START */
	for (int fd = first; fd - first < s.a; fd++) {
		const long flags =
			fd == report ? -EBADF : sys::fcntl(fd, kernel::f_getfd);
		if (flags < 0) {
			failed.fd = fd;
			return flags;
		}
		if (flags & kernel::fd_cloexec)
			(void)sys::fcntl(fd, kernel::f_setfd, flags & ~kernel::fd_cloexec);
	}
	char *to = p.listen_pid;
	long unit = 1;
	const long pid = sys::getpid();
	while (pid / unit > 9)
		unit *= 10;
	for (; unit; unit /= 10)
		*to++ = static_cast<char>('0' + pid / unit % 10);
	*to = '\0';
	return 0;
}

/* The pipe of an unproved spawn (plan.report) must not be in the actions' way. */
inline long step_aside(int &report)
{
	const long got = sys::fcntl(report, kernel::f_dupfd_cloexec);
	if (got < 0)
		return got;
	(void)sys::close(report);
	report = static_cast<int>(got);
	return 0;
}

} // namespace spawnx_core
