/* SPDX-License-Identifier: MIT */
/*
 * The kernel's words that libc headers may be too old to know, each with the release
 * it came in. Values are those of the merged headers (tests/unit compares them with
 * <linux/sched.h> where the build host's is new enough): the mailing-list posting of
 * the 7.1 flags had CLONE_NNP and CLONE_PIDFD_AUTOKILL swapped.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <type_traits>
#include <asm/unistd.h>

namespace spawnx_core::kernel
{

/* clone(2), <linux/sched.h> */
inline constexpr uint64_t clone_vm = 0x00000100;
inline constexpr uint64_t clone_files = 0x00000400;
inline constexpr uint64_t clone_pidfd = 0x00001000; /* since 5.2 */
inline constexpr uint64_t clone_vfork = 0x00004000;
inline constexpr uint64_t clone_parent_settid = 0x00100000;
inline constexpr uint64_t clone_child_cleartid = 0x00200000;
inline constexpr uint64_t clone_clear_sighand = UINT64_C(1) << 32; /* since 5.5 */
inline constexpr uint64_t clone_into_cgroup = UINT64_C(1) << 33;   /* since 5.7 */
inline constexpr uint64_t clone_autoreap = UINT64_C(1) << 34;      /* since 7.1, 12ae2c81 */
inline constexpr uint64_t clone_nnp = UINT64_C(1) << 35;           /* since 7.1, 24baca56 */
inline constexpr uint64_t clone_pidfd_autokill = UINT64_C(1) << 36; /* since 7.1, c8134b5f */

struct clone_args { /* since 5.3, 7f192e3c */
	uint64_t flags;
	uint64_t pidfd; /* address of an int */
	uint64_t child_tid;
	uint64_t parent_tid;
	uint64_t exit_signal;
	uint64_t stack;
	uint64_t stack_size;
	uint64_t tls;
	uint64_t set_tid; /* since 5.5 */
	uint64_t set_tid_size;
	uint64_t cgroup; /* since 5.7 */
};
inline constexpr size_t clone_args_size_ver0 = 64;
inline constexpr size_t clone_args_size_ver2 = 88;
static_assert(offsetof(clone_args, set_tid) == clone_args_size_ver0);
static_assert(sizeof(clone_args) == clone_args_size_ver2);
static_assert(std::is_trivially_copyable_v<clone_args>);

/* The kernel's signal set: 64 signals, bit sig - 1. */
using sigset = uint64_t;
inline constexpr int last_signal = 64;
inline constexpr sigset bit(int sig)
{
	return UINT64_C(1) << (sig - 1);
}

/*
 * The kernel's struct sigaction: x86_64 and aarch64 define SA_RESTORER and so have
 * sa_restorer, riscv64 does not. Only the handler matters here.
 */
struct sigaction {
	uintptr_t handler;
	unsigned long flags;
#ifndef __riscv
	uintptr_t restorer;
#endif
	sigset mask;
};
inline constexpr uintptr_t sig_dfl = 0;
inline constexpr uintptr_t sig_ign = 1;

/* waitid(2) */
inline constexpr int p_pid = 1;
inline constexpr int p_pidfd = 3; /* since 5.4 */
inline constexpr int wnohang = 1;
inline constexpr int wexited = 4;
inline constexpr int wnowait = 0x01000000;
inline constexpr int wall = 0x40000000;
inline constexpr int wclone = static_cast<int>(0x80000000);

/*
 * ioctl(pidfd, PIDFD_GET_INFO), since 6.13, <linux/pidfd.h>. Only this first version's
 * 64 bytes are stable: the tail moved in 7.1.
 */
struct pidfd_info {
	uint64_t mask; /* wanted, then had */
	uint64_t cgroupid;
	uint32_t pid, tgid, ppid;
	uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code; /* a wait(2) status */
};
static_assert(sizeof(pidfd_info) == 64);
static_assert(offsetof(pidfd_info, exit_code) == 60);
inline constexpr uint64_t pidfd_info_exit = UINT64_C(1) << 3; /* since 6.15 */
inline constexpr unsigned long pidfd_get_info =
	(3ul << 30) | (sizeof(pidfd_info) << 16) | (0xfful << 8) | 11; /* _IOWR(0xFF, 11) */

/* prctl(2) */
inline constexpr int pr_get_dumpable = 3;
inline constexpr int pr_set_dumpable = 4;
inline constexpr int pr_set_no_new_privs = 38; /* since 3.5 */

inline constexpr int pr_set_pdeathsig = 1;
inline constexpr int pr_set_keepcaps = 8;
inline constexpr int pr_set_name = 15;
inline constexpr int pr_capbset_read = 23;
inline constexpr int pr_capbset_drop = 24;
inline constexpr int pr_get_securebits = 27;
inline constexpr int pr_set_securebits = 28;
inline constexpr long secbit_noroot = 1;
inline constexpr int pr_cap_ambient = 47; /* since 4.3 */
inline constexpr int pr_cap_ambient_raise = 2;
inline constexpr int pr_cap_ambient_clear_all = 4;

/* capget(2), capset(2): version 3, two halves of 32 capabilities each. */
struct cap_header {
	uint32_t version;
	int32_t pid; /* 0: the caller */
};
struct cap_half {
	uint32_t effective, permitted, inheritable;
};
inline constexpr uint32_t cap_version_3 = 0x20080522;
inline constexpr int cap_kill = 5;
inline constexpr int cap_setpcap = 8;
inline constexpr int last_capability = 63;

/* seccomp(2), since 3.17 */
inline constexpr unsigned seccomp_set_mode_filter = 1;

/* unshare(2)'s namespaces, as clone3 takes them too. */
inline constexpr uint64_t clone_newtime = 0x00000080; /* since 5.6; not by clone(2) */
inline constexpr uint64_t clone_newns = 0x00020000;
inline constexpr uint64_t clone_newcgroup = 0x02000000;
inline constexpr uint64_t clone_newuts = 0x04000000;
inline constexpr uint64_t clone_newipc = 0x08000000;
inline constexpr uint64_t clone_newuser = 0x10000000;
inline constexpr uint64_t clone_newpid = 0x20000000;
inline constexpr uint64_t clone_newnet = 0x40000000;
inline constexpr uint64_t clone_new_all = clone_newtime | clone_newns | clone_newcgroup |
	clone_newuts | clone_newipc | clone_newuser | clone_newpid | clone_newnet;

/* setpriority(2) */
inline constexpr int prio_process = 0;

/* close_range(2) */
inline constexpr unsigned close_range_unshare = 2;
inline constexpr unsigned close_range_cloexec = 4; /* since 5.11 */

/* fcntl(2): locks that belong to the open file description, since 3.15 */
struct flock {
	int16_t type, whence;
	int64_t start, len;
	int32_t pid; /* 0 for these locks */
};
static_assert(sizeof(flock) == 32);
inline constexpr int f_ofd_setlk = 37;
inline constexpr int f_ofd_setlkw = 38;

/* futex(2) */
inline constexpr int futex_wait = 0;

/* ioctl(2) on a terminal, <asm-generic/ioctls.h> */
inline constexpr unsigned long tiocsctty = 0x540e;
inline constexpr unsigned long tiocspgrp = 0x5410;

/* What getdents64(2) fills a buffer with. */
struct dirent64 {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
};
inline constexpr size_t dirent64_name = 19; /* where the terminated name begins */
static_assert(offsetof(dirent64, type) + 1 == dirent64_name);

/* fcntl(2) */
inline constexpr int f_getfd = 1;
inline constexpr int f_setfd = 2;
inline constexpr int fd_cloexec = 1;
inline constexpr int f_dupfd_cloexec = 1030;
inline constexpr int at_fdcwd = -100;
inline constexpr int at_eaccess = 0x200;
inline constexpr int at_empty_path = 0x1000;

/* System calls that are newer than the oldest headers the library builds with. */
#ifndef __NR_pidfd_send_signal
#define __NR_pidfd_send_signal 424 /* since 5.1 */
#endif
#ifndef __NR_pidfd_open
#define __NR_pidfd_open 434 /* since 5.3 */
#endif
#ifndef __NR_clone3
#define __NR_clone3 435 /* since 5.3 */
#endif
#ifndef __NR_close_range
#define __NR_close_range 436 /* since 5.9 */
#endif

#ifndef __NR_faccessat2
#define __NR_faccessat2 439 /* since 5.8 */
#endif
#ifndef __NR_landlock_restrict_self
#define __NR_landlock_restrict_self 446 /* since 5.13 */
#endif

} // namespace spawnx_core::kernel
