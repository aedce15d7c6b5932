/* SPDX-License-Identifier: MIT */
/*
 * kernel.hpp against numbers written down here once more, and against the kernel's own
 * headers where the build host's are new enough to have a name. The first holds on every
 * host: the bits of CLONE_NNP and CLONE_PIDFD_AUTOKILL were swapped on the mailing list.
 *
 * Only <linux/...> headers: libc's do not get along with them.
 */
#include <catch2/catch_test_macros.hpp>

#include <asm/ioctls.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/wait.h>
#if __has_include(<linux/close_range.h>)
#include <linux/close_range.h>
#endif
#if __has_include(<linux/pidfd.h>)
#include <linux/pidfd.h>
#endif

#include "kernel.hpp"

using namespace spawnx_core;

namespace
{

struct constant {
	const char *name;
	uint64_t ours, merged;
};
#define IS(ours, merged)                                                                 \
	{                                                                                \
#ours, static_cast < uint64_t>(kernel::ours), merged                     \
	}

constexpr constant written_down[] = {
	IS(clone_vm, 0x100),
	IS(clone_pidfd, 0x1000),
	IS(clone_vfork, 0x4000),
	IS(clone_clear_sighand, 0x100000000),
	IS(clone_into_cgroup, 0x200000000),
	IS(clone_autoreap, 0x400000000),
	IS(clone_nnp, 0x800000000),
	IS(clone_pidfd_autokill, 0x1000000000),
	IS(clone_args_size_ver0, 64),
	IS(clone_args_size_ver2, 88),
	IS(last_signal, 64),
	IS(sig_dfl, 0),
	IS(sig_ign, 1),
	IS(bit(1), 1),
	IS(bit(64), 0x8000000000000000),
	IS(p_pid, 1),
	IS(p_pidfd, 3),
	IS(wnohang, 1),
	IS(wexited, 4),
	IS(wnowait, 0x1000000),
	IS(wall, 0x40000000),
	IS(wclone, 0xffffffff80000000),
	IS(pidfd_info_exit, 8),
	IS(pidfd_get_info, 0xc040ff0b),
	IS(pr_get_dumpable, 3),
	IS(pr_set_dumpable, 4),
	IS(pr_set_no_new_privs, 38),
	IS(pr_set_pdeathsig, 1),
	IS(pr_set_keepcaps, 8),
	IS(pr_capbset_read, 23),
	IS(pr_capbset_drop, 24),
	IS(pr_set_securebits, 28),
	IS(pr_cap_ambient, 47),
	IS(pr_cap_ambient_raise, 2),
	IS(pr_cap_ambient_clear_all, 4),
	IS(cap_version_3, 0x20080522),
	IS(cap_setpcap, 8),
	IS(last_capability, 63),
	IS(seccomp_set_mode_filter, 1),
	IS(clone_newtime, 0x80),
	IS(clone_newns, 0x20000),
	IS(clone_newcgroup, 0x2000000),
	IS(clone_newuts, 0x4000000),
	IS(clone_newipc, 0x8000000),
	IS(clone_newuser, 0x10000000),
	IS(clone_newpid, 0x20000000),
	IS(clone_newnet, 0x40000000),
	IS(clone_new_all, 0x7e020080),
	IS(prio_process, 0),
	IS(close_range_cloexec, 4),
	IS(tiocsctty, 0x540e),
	IS(tiocspgrp, 0x5410),
	IS(f_getfd, 1),
	IS(f_setfd, 2),
	IS(fd_cloexec, 1),
	IS(f_dupfd_cloexec, 1030),
	IS(at_fdcwd, 0xffffffffffffff9c),
};

constexpr constant in_headers[] = {
	IS(clone_vm, CLONE_VM),
	IS(clone_vfork, CLONE_VFORK),
#ifdef CLONE_PIDFD
	IS(clone_pidfd, CLONE_PIDFD),
#endif
#ifdef CLONE_CLEAR_SIGHAND
	IS(clone_clear_sighand, CLONE_CLEAR_SIGHAND),
#endif
#ifdef CLONE_INTO_CGROUP
	IS(clone_into_cgroup, CLONE_INTO_CGROUP),
#endif
#ifdef CLONE_AUTOREAP
	IS(clone_autoreap, CLONE_AUTOREAP),
#endif
#ifdef CLONE_NNP
	IS(clone_nnp, CLONE_NNP),
#endif
#ifdef CLONE_PIDFD_AUTOKILL
	IS(clone_pidfd_autokill, CLONE_PIDFD_AUTOKILL),
#endif
#ifdef CLONE_ARGS_SIZE_VER0
	IS(clone_args_size_ver0, CLONE_ARGS_SIZE_VER0),
#endif
#ifdef CLONE_ARGS_SIZE_VER2
	IS(clone_args_size_ver2, CLONE_ARGS_SIZE_VER2),
#endif
	IS(p_pid, P_PID),
#ifdef P_PIDFD
	IS(p_pidfd, P_PIDFD),
#endif
	IS(wnohang, WNOHANG),
	IS(wexited, WEXITED),
	IS(wnowait, WNOWAIT),
	IS(wall, static_cast<int>(__WALL)),
	IS(wclone, static_cast<uint64_t>(static_cast<int>(__WCLONE))),
#ifdef PIDFD_INFO_EXIT
	IS(pidfd_info_exit, PIDFD_INFO_EXIT),
#endif
	IS(pr_get_dumpable, PR_GET_DUMPABLE),
	IS(pr_set_dumpable, PR_SET_DUMPABLE),
	IS(pr_set_no_new_privs, PR_SET_NO_NEW_PRIVS),
	IS(pr_set_pdeathsig, PR_SET_PDEATHSIG),
	IS(pr_set_keepcaps, PR_SET_KEEPCAPS),
	IS(pr_capbset_read, PR_CAPBSET_READ),
	IS(pr_capbset_drop, PR_CAPBSET_DROP),
	IS(pr_set_securebits, PR_SET_SECUREBITS),
	IS(pr_cap_ambient, PR_CAP_AMBIENT),
	IS(pr_cap_ambient_raise, PR_CAP_AMBIENT_RAISE),
	IS(pr_cap_ambient_clear_all, PR_CAP_AMBIENT_CLEAR_ALL),
	IS(cap_version_3, _LINUX_CAPABILITY_VERSION_3),
	IS(cap_setpcap, CAP_SETPCAP),
	IS(seccomp_set_mode_filter, SECCOMP_SET_MODE_FILTER),
#ifdef CLONE_NEWTIME
	IS(clone_newtime, CLONE_NEWTIME),
#endif
	IS(clone_newns, CLONE_NEWNS),
	IS(clone_newcgroup, CLONE_NEWCGROUP),
	IS(clone_newuts, CLONE_NEWUTS),
	IS(clone_newipc, CLONE_NEWIPC),
	IS(clone_newuser, CLONE_NEWUSER),
	IS(clone_newpid, CLONE_NEWPID),
	IS(clone_newnet, CLONE_NEWNET),
#ifdef CLOSE_RANGE_CLOEXEC
	IS(close_range_cloexec, CLOSE_RANGE_CLOEXEC),
#endif
	IS(tiocsctty, TIOCSCTTY),
	IS(tiocspgrp, TIOCSPGRP),
	IS(f_getfd, F_GETFD),
	IS(f_setfd, F_SETFD),
	IS(fd_cloexec, FD_CLOEXEC),
	IS(f_dupfd_cloexec, F_DUPFD_CLOEXEC),
	IS(at_fdcwd, static_cast<uint64_t>(AT_FDCWD)),
};

template <typename T> void compare(const T &table)
{
	for (const constant &c : table) {
		INFO(c.name);
		CHECK(c.ours == c.merged);
	}
}

/* Name and offset in our struct; the same member of the kernel's. */
#define SAME_OFFSET(member)                                                              \
	CHECK(offsetof(kernel::clone_args, member) ==                                    \
		offsetof(struct ::clone_args, member))

} // namespace

TEST_CASE("the kernel's constants are those of the merged headers, as written down")
{
	compare(written_down);
}

TEST_CASE("the kernel's constants are those of this host's headers")
{
	compare(in_headers);
}

TEST_CASE("system call numbers are the same on all three architectures")
{
	CHECK(__NR_pidfd_send_signal == 424);
	CHECK(__NR_clone3 == 435);
	CHECK(__NR_close_range == 436);
	CHECK(__NR_landlock_restrict_self == 446);
}

TEST_CASE("struct clone_args is laid out as the kernel's")
{
	CHECK(sizeof(kernel::clone_args) == 88);
	CHECK(offsetof(kernel::clone_args, flags) == 0);
	CHECK(offsetof(kernel::clone_args, pidfd) == 8);
	CHECK(offsetof(kernel::clone_args, child_tid) == 16);
	CHECK(offsetof(kernel::clone_args, parent_tid) == 24);
	CHECK(offsetof(kernel::clone_args, exit_signal) == 32);
	CHECK(offsetof(kernel::clone_args, stack) == 40);
	CHECK(offsetof(kernel::clone_args, stack_size) == 48);
	CHECK(offsetof(kernel::clone_args, tls) == 56);
	CHECK(offsetof(kernel::clone_args, set_tid) == 64);
	CHECK(offsetof(kernel::clone_args, set_tid_size) == 72);
	CHECK(offsetof(kernel::clone_args, cgroup) == 80);
#ifdef CLONE_ARGS_SIZE_VER2
	SAME_OFFSET(flags);
	SAME_OFFSET(pidfd);
	SAME_OFFSET(child_tid);
	SAME_OFFSET(parent_tid);
	SAME_OFFSET(exit_signal);
	SAME_OFFSET(stack);
	SAME_OFFSET(stack_size);
	SAME_OFFSET(tls);
	SAME_OFFSET(set_tid);
	SAME_OFFSET(set_tid_size);
	SAME_OFFSET(cgroup);
#endif
}

TEST_CASE("what capget and capset take is laid out as the kernel's, and has room for all")
{
	CHECK(sizeof(kernel::cap_header) == sizeof(__user_cap_header_struct));
	CHECK(offsetof(kernel::cap_header, pid) ==
		offsetof(__user_cap_header_struct, pid));
	CHECK(sizeof(kernel::cap_half) == sizeof(__user_cap_data_struct));
	CHECK(offsetof(kernel::cap_half, permitted) ==
		offsetof(__user_cap_data_struct, permitted));
	CHECK(offsetof(kernel::cap_half, inheritable) ==
		offsetof(__user_cap_data_struct, inheritable));
	CHECK(CAP_LAST_CAP <= kernel::last_capability);
	CHECK(_LINUX_CAPABILITY_U32S_3 == 2);
}

TEST_CASE("struct pidfd_info is the first version's")
{
	CHECK(sizeof(kernel::pidfd_info) == 64);
	CHECK(offsetof(kernel::pidfd_info, mask) == 0);
	CHECK(offsetof(kernel::pidfd_info, cgroupid) == 8);
	CHECK(offsetof(kernel::pidfd_info, pid) == 16);
	CHECK(offsetof(kernel::pidfd_info, ppid) == 24);
	CHECK(offsetof(kernel::pidfd_info, fsgid) == 56);
	CHECK(offsetof(kernel::pidfd_info, exit_code) == 60);
#ifdef PIDFD_INFO_EXIT
	CHECK(offsetof(kernel::pidfd_info, exit_code) ==
		offsetof(struct ::pidfd_info, exit_code));
	/* The number has the size of today's struct in it; ours stays with 64 bytes. */
	constexpr unsigned long size_bits = 0x3ffful << 16;
	CHECK((kernel::pidfd_get_info & ~size_bits) == (PIDFD_GET_INFO & ~size_bits));
#endif
}

TEST_CASE("struct sigaction has a restorer where the architecture has one")
{
#ifdef __riscv
	CHECK(sizeof(kernel::sigaction) == 24);
	CHECK(offsetof(kernel::sigaction, mask) == 16);
#else
	CHECK(sizeof(kernel::sigaction) == 32);
	CHECK(offsetof(kernel::sigaction, mask) == 24);
#endif
	CHECK(offsetof(kernel::sigaction, flags) == 8);
}
