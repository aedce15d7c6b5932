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

/* What the steps of one child have in common. */
struct running {
	const plan &p;
	struct result &failed;
	int report;
	int saved; /* between map_save and map_saved */
};

/*
 * POSIX: an open descriptor is closed before the file is opened on it. So a full table
 * is no obstacle, and a device that can be open once may be opened again. The file may
 * then land on fd by itself; O_CLOEXEC must hold in either case.
 */
inline long open_on(int fd, int dirfd, const char *path, int flags, unsigned mode)
{
	if (fd != dirfd) /* which is needed until then */
		(void)sys::close(fd);
	const long got = sys::openat(dirfd, path, flags, mode);
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
 * One of a map's descriptors has to be out of the way while the others of its circle move.
 * All of them are open, as the steps before this have shown: a free number is none of them.
 */
inline long map_save(int from, int &saved)
{
	const long got = sys::fcntl(from, kernel::f_dupfd_cloexec);
	saved = static_cast<int>(got);
	return sys::zero_or_error(got);
}

inline long map_saved(int saved, int to)
{
	const long error = sys::dup3(saved, to, 0);
	(void)sys::close(saved);
	return sys::zero_or_error(error);
}

/*
 * The first step of a child that shares its parent's table (gap.hpp). One call copies what
 * is outside the range. Refused, as by a filter that came after the probe, the whole is
 * copied: what is to be closed is closed by the steps that follow. The pidfd, which the
 * kernel has put into the shared table, is the parent's.
 */
inline long unshare_files(const step &s, const plan &p, int report)
{
	long error = -EINVAL;
	if (report < s.a || report > s.b)
		error = sys::close_range(static_cast<unsigned>(s.a),
			static_cast<unsigned>(s.b), kernel::close_range_unshare);
	if (error)
		error = sys::unshare(kernel::clone_files);
	if (!error && p.pidfd >= 0 && (p.clone_flags & kernel::clone_files))
		(void)sys::close(p.pidfd);
	return error;
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
			failed.element = fd;
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

/* A file action that makes the descriptor fd. */
inline long make_room(int fd, int &report)
{
	return fd == report ? step_aside(report) : 0;
}

inline long file_action(const step &s, running &r)
{
	/* The pipe's end is not among what the caller knows to be open. */
	const bool from_report = s.a == r.report && r.report >= 0;
	long error;

	switch (s.what) {
	case op::cloexec_all:
		return cloexec_all(r.p, r.report);
	case op::open:
		if ((error = make_room(s.a, r.report)))
			return error;
		return open_on(s.a, kernel::at_fdcwd, s.path, s.b,
			static_cast<unsigned>(s.set));
	case op::openat: {
		const int dirfd = static_cast<int>(s.set >> 32);
		if (dirfd == r.report && r.report >= 0)
			return -EBADF;
		if ((error = make_room(s.a, r.report)))
			return error;
		return open_on(s.a, dirfd, s.path, s.b, static_cast<unsigned>(s.set));
	}
	case op::close:
		/* A descriptor that is not open is fine; the range was checked. */
		if (!from_report)
			(void)sys::close(s.a);
		return 0;
	case op::inherit:
		return from_report ? -EBADF : dup2_to(s.a, s.a);
	case op::dup2:
	case op::map:
		if (from_report)
			return -EBADF;
		error = make_room(s.b, r.report);
		return error ? error : dup2_to(s.a, s.b);
	case op::map_save:
		return from_report ? -EBADF : map_save(s.a, r.saved);
	case op::map_saved:
		return map_saved(r.saved, s.b);
	case op::chdir:
		return sys::chdir(s.path);
	case op::fchdir:
		return from_report ? -EBADF : sys::fchdir(s.a);
	case op::closefrom:
		return closefrom(s.a, r.p, r.report);
	case op::tcsetpgrp: {
		const int pgid = static_cast<int>(sys::getpgid(0));
		return from_report ? -EBADF : sys::tcsetpgrp(s.a, &pgid);
	}
	case op::setctty:
		return from_report ? -EBADF : sys::setctty(s.a);
	case op::listenfds:
		return announce(s, r.p, r.report, r.failed);
	default:
		return -ENOSYS; /* a plan from the future: cannot be, and must not pass */
	}
}

} // namespace spawnx_core
