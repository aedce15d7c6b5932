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
inline constexpr uint64_t clone_pidfd = 0x00001000; /* since 5.2 */
inline constexpr uint64_t clone_vfork = 0x00004000;
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

/* close_range(2) */
inline constexpr unsigned close_range_cloexec = 4; /* since 5.11 */

/* ioctl(2) on a terminal, <asm-generic/ioctls.h> */
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

/* System calls that are newer than the oldest headers the library builds with. */
#ifndef __NR_pidfd_send_signal
#define __NR_pidfd_send_signal 424 /* since 5.1 */
#endif
#ifndef __NR_clone3
#define __NR_clone3 435 /* since 5.3 */
#endif
#ifndef __NR_close_range
#define __NR_close_range 436 /* since 5.9 */
#endif

} // namespace spawnx_core::kernel
