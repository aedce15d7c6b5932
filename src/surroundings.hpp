/* SPDX-License-Identifier: MIT */
/*
 * What the child sets round itself: limits, id maps, cgroup, its parent's death. Part of
 * child.cpp, whose rules hold here: raw system calls only.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "plan.hpp"
#include "syscall.hpp"

namespace spawnx_core
{

inline long write_file(int dirfd, const char *path, const char *text)
{
	size_t size = 0;
	while (text[size])
		size++;
	const int fd =
		static_cast<int>(sys::openat(dirfd, path, O_WRONLY | O_CLOEXEC, 0));
	if (fd < 0)
		return fd;
	const long written = sys::write(fd, text, size);
	(void)sys::close(fd);
	return sys::zero_or_error(written);
}

/*
 * Without a right in the parent's namespace the kernel takes a gid map only from one who
 * has given up setgroups(2) (user_namespaces(7), Linux 3.19).
 */
inline long write_id_maps(const id_maps &maps, struct result &failed)
{
	const struct {
		const char *path, *text;
	} files[] = {{"/proc/self/setgroups", maps.gid ? "deny" : nullptr},
		{"/proc/self/uid_map", maps.uid}, {"/proc/self/gid_map", maps.gid}};

	for (const auto &file : files) {
		if (!file.text)
			continue;
		failed.path = file.path;
		if (const long error = write_file(kernel::at_fdcwd, file.path, file.text))
			return error;
	}
	failed.path = nullptr;
	return 0;
}

inline long set_limits(const limits &l, struct result &failed)
{
	for (int resource = 0; resource < static_cast<int>(RLIM_NLIMITS); resource++) {
		if (!(l.known >> resource & 1))
			continue;
		if (const long error = sys::setrlimit(resource, &l.of[resource])) {
			failed.element = resource;
			return error;
		}
	}
	return 0;
}

/*
 * The parent's pid as the parent's own /proc has it: to the first process of a new pid
 * namespace getppid() is 0, alive or not. "pid (name) state ppid …", any byte in name.
 */
inline long ppid_in_proc()
{
	char text[128];
	const int fd = static_cast<int>(sys::open_to_read("/proc/self/stat"));
	if (fd < 0)
		return fd;
	const long n = sys::pread(fd, text, sizeof(text), 0);
	(void)sys::close(fd);
	long at = n - 1, ppid = 0;
	while (at >= 0 && text[at] != ')')
		at--;
	if (at < 0)
		return n < 0 ? n : -ESRCH;
	for (at += 4; at < n && text[at] >= '0' && text[at] <= '9'; at++)
		ppid = 10 * ppid + (text[at] - '0');
	return ppid;
}

/*
 * A parent that has died before the prctl sends nothing: then we do it. As the signal
 * comes from ourselves, the mask and disposition that the program gets decide, as they
 * would later. (The first process of a pid namespace is spared by its own signals.)
 */
inline long set_pdeathsig(int sig, int parent, bool new_pid_namespace)
{
	long now = sys::prctl(kernel::pr_set_pdeathsig, sig);
	if (now || !sig)
		return now;
	now = sys::getppid();
	/* Born into another pid namespace: by us, or by a parent that had joined it before. */
	if (now == 0)
		now = ppid_in_proc();
	if (now < 0)
		return now;
	if (now != parent) {
		if (new_pid_namespace && sig == SIGKILL)
			sys::exit_group(127);
		(void)sys::kill(static_cast<int>(sys::getpid()), sig);
	}
	return 0;
}

} // namespace spawnx_core
