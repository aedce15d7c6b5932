/* SPDX-License-Identifier: MIT */
/*
 * The system calls the library makes, typed. Each returns what the kernel returned: a
 * negative error number, never errno; that is touched at the public edge only. The
 * child uses these too, so nothing here may become a call to libc.
 */
#pragma once

#include <fcntl.h>

#include "kernel.hpp"
#include "raw.hpp" /* src/arch/<cpu>, chosen by meson.build */

struct timespec;
struct pollfd;
struct rlimit;

namespace spawnx_core::sys
{

#define SPAWNX_SYS [[gnu::always_inline]] inline

template <typename T> SPAWNX_SYS long word(T *p)
{
	return reinterpret_cast<long>(p);
}

/* For the calls that return a number when they succeed, where only success counts. */
SPAWNX_SYS long zero_or_error(long result)
{
	return result < 0 ? result : 0;
}

/*
 * A seccomp filter may refuse even this; the parent, suspended, must not hang on it. The
 * trap's signal is forced: neither a mask nor SIG_IGN keeps it off.
 */
[[noreturn]] SPAWNX_SYS void exit_group(int status)
{
	raw(__NR_exit_group, status);
	raw(__NR_exit, status);
	__builtin_trap();
}

SPAWNX_SYS long execve(const char *path, char *const argv[], char *const envp[])
{
	return raw(__NR_execve, word(path), word(argv), word(envp));
}

SPAWNX_SYS long execveat(
	int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
	return raw(__NR_execveat, fd, word(path), word(argv), word(envp), flags);
}

SPAWNX_SYS long openat(int dirfd, const char *path, int flags, unsigned mode)
{
	return raw(__NR_openat, dirfd, word(path), flags, mode);
}

/* A file of any kind, without waiting and without becoming its terminal's owner. */
SPAWNX_SYS long open_to_read(const char *path)
{
	return openat(
		kernel::at_fdcwd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
}

SPAWNX_SYS long readlink(const char *path, char *target, size_t size)
{
	return raw(__NR_readlinkat, kernel::at_fdcwd, word(path), word(target),
		static_cast<long>(size));
}

/* Whether we might execute what is open here. */
SPAWNX_SYS long may_execute(int fd)
{
	return raw(__NR_faccessat2, fd, word(""), 1 /* X_OK */,
		kernel::at_eaccess | kernel::at_empty_path);
}

SPAWNX_SYS long close(int fd)
{
	return raw(__NR_close, fd);
}

SPAWNX_SYS long dup3(int fd, int newfd, int flags)
{
	return raw(__NR_dup3, fd, newfd, flags);
}

SPAWNX_SYS long fcntl(int fd, int what, long arg = 0)
{
	return raw(__NR_fcntl, fd, what, arg);
}

SPAWNX_SYS long pipe2(int *fds, int flags)
{
	return raw(__NR_pipe2, word(fds), flags);
}

template <typename T> SPAWNX_SYS long read(int fd, T *to)
{
	return raw(__NR_read, fd, word(to), sizeof(T));
}

SPAWNX_SYS long write(int fd, const char *from, size_t size)
{
	return raw(__NR_write, fd, word(from), static_cast<long>(size));
}

template <typename T> SPAWNX_SYS long write(int fd, const T *from)
{
	return raw(__NR_write, fd, word(from), sizeof(T));
}

SPAWNX_SYS long pread(int fd, void *to, size_t size, uint64_t at)
{
	return raw(__NR_pread64, fd, word(to), static_cast<long>(size),
		static_cast<long>(at));
}

SPAWNX_SYS long chdir(const char *path)
{
	return raw(__NR_chdir, word(path));
}

SPAWNX_SYS long fchdir(int fd)
{
	return raw(__NR_fchdir, fd);
}

SPAWNX_SYS long setsid()
{
	return raw(__NR_setsid);
}

SPAWNX_SYS long setpgid(int pid, int pgid)
{
	return raw(__NR_setpgid, pid, pgid);
}

SPAWNX_SYS long getpid()
{
	return raw(__NR_getpid);
}

SPAWNX_SYS long getppid()
{
	return raw(__NR_getppid);
}

SPAWNX_SYS long getpgid(int pid)
{
	return raw(__NR_getpgid, pid);
}

SPAWNX_SYS long tcsetpgrp(int fd, const int *pgid)
{
	return raw(__NR_ioctl, fd, static_cast<long>(kernel::tiocspgrp), word(pgid));
}

SPAWNX_SYS long setctty(int fd)
{
	return raw(__NR_ioctl, fd, static_cast<long>(kernel::tiocsctty), 0);
}

SPAWNX_SYS long sched_setaffinity(size_t size, const void *mask)
{
	return raw(__NR_sched_setaffinity, 0, static_cast<long>(size), word(mask));
}

SPAWNX_SYS long setpriority(int nice)
{
	return raw(__NR_setpriority, kernel::prio_process, 0, nice);
}

SPAWNX_SYS long setrlimit(int resource, const rlimit *limit)
{
	return raw(__NR_prlimit64, 0, resource, word(limit), 0);
}

SPAWNX_SYS long umask(int mask)
{
	return raw(__NR_umask, mask);
}

SPAWNX_SYS long sched_setscheduler(int policy, const int *priority)
{
	return raw(__NR_sched_setscheduler, 0, policy, word(priority));
}

SPAWNX_SYS long sched_setparam(const int *priority)
{
	return raw(__NR_sched_setparam, 0, word(priority));
}

SPAWNX_SYS long getdents64(int fd, void *to, size_t size)
{
	return raw(__NR_getdents64, fd, word(to), static_cast<long>(size));
}

SPAWNX_SYS long rewind(int fd)
{
	return raw(__NR_lseek, fd, 0, 0 /* SEEK_SET */);
}

SPAWNX_SYS long getuid()
{
	return raw(__NR_getuid);
}

SPAWNX_SYS long getgid()
{
	return raw(__NR_getgid);
}

SPAWNX_SYS long geteuid()
{
	return raw(__NR_geteuid);
}

SPAWNX_SYS long getegid()
{
	return raw(__NR_getegid);
}

SPAWNX_SYS long setgroups(size_t count, const unsigned *groups)
{
	return raw(__NR_setgroups, static_cast<long>(count), word(groups));
}

SPAWNX_SYS long capget(kernel::cap_header *header, kernel::cap_half *halves)
{
	return raw(__NR_capget, word(header), word(halves));
}

SPAWNX_SYS long capset(kernel::cap_header *header, const kernel::cap_half *halves)
{
	return raw(__NR_capset, word(header), word(halves));
}

SPAWNX_SYS long seccomp_filter(const void *program)
{
	return raw(__NR_seccomp, kernel::seccomp_set_mode_filter, 0, word(program));
}

SPAWNX_SYS long landlock_restrict_self(int ruleset_fd)
{
	return raw(__NR_landlock_restrict_self, ruleset_fd, 0);
}

SPAWNX_SYS long setresuid(long ruid, long euid, long suid)
{
	return raw(__NR_setresuid, ruid, euid, suid);
}

SPAWNX_SYS long setresgid(long rgid, long egid, long sgid)
{
	return raw(__NR_setresgid, rgid, egid, sgid);
}

SPAWNX_SYS long getresuid(unsigned *ruid, unsigned *euid, unsigned *suid)
{
	return raw(__NR_getresuid, word(ruid), word(euid), word(suid));
}

SPAWNX_SYS long getresgid(unsigned *rgid, unsigned *egid, unsigned *sgid)
{
	return raw(__NR_getresgid, word(rgid), word(egid), word(sgid));
}

SPAWNX_SYS long rt_sigaction(
	int sig, const kernel::sigaction *act, kernel::sigaction *old)
{
	return raw(__NR_rt_sigaction, sig, word(act), word(old), sizeof(kernel::sigset));
}

/* Sets the whole mask, signals 32 and 33 included, which libc's wrapper would spare. */
SPAWNX_SYS long rt_sigprocmask(const kernel::sigset *set, kernel::sigset *old)
{
	return raw(__NR_rt_sigprocmask, 2 /* SIG_SETMASK */, word(set), word(old),
		sizeof(kernel::sigset));
}

SPAWNX_SYS long prctl(int what, long arg = 0, long arg3 = 0)
{
	return raw(__NR_prctl, what, arg, arg3, 0, 0);
}

SPAWNX_SYS long kill(int pid, int sig)
{
	return raw(__NR_kill, pid, sig);
}

SPAWNX_SYS long sched_yield()
{
	return raw(__NR_sched_yield);
}

template <typename siginfo>
SPAWNX_SYS long waitid(int type, int id, siginfo *info, int options)
{
	return raw(__NR_waitid, type, id, word(info), options, 0);
}

SPAWNX_SYS long futex_wait(const int32_t *word_at, int32_t value)
{
	return raw(__NR_futex, word(word_at), kernel::futex_wait, value, 0);
}

SPAWNX_SYS long pidfd_open(int pid)
{
	return raw(__NR_pidfd_open, pid, 0);
}

SPAWNX_SYS long pidfd_send_signal(int pidfd, int sig)
{
	return raw(__NR_pidfd_send_signal, pidfd, sig, 0, 0);
}

SPAWNX_SYS long pidfd_get_info(int pidfd, kernel::pidfd_info *info)
{
	return raw(
		__NR_ioctl, pidfd, static_cast<long>(kernel::pidfd_get_info), word(info));
}

/* No signal mask: the caller's stays. timeout is overwritten with what is left. */
SPAWNX_SYS long ppoll(pollfd *fds, unsigned count, timespec *timeout)
{
	return raw(
		__NR_ppoll, word(fds), count, word(timeout), 0, sizeof(kernel::sigset));
}

SPAWNX_SYS long unshare(uint64_t flags)
{
	return raw(__NR_unshare, static_cast<long>(flags));
}

SPAWNX_SYS long close_range(unsigned first, unsigned last, unsigned flags)
{
	return raw(__NR_close_range, first, last, flags);
}

/* Only ever with arguments that make no child, see features.cpp. */
SPAWNX_SYS long clone3(kernel::clone_args *args, size_t size)
{
	return raw(__NR_clone3, word(args), static_cast<long>(size));
}

#undef SPAWNX_SYS

} // namespace spawnx_core::sys
