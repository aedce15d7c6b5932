/* SPDX-License-Identifier: MIT */
/* From a plan to the arguments of clone3(2). Raw: the two relays use it in shared memory. */
#pragma once

#include <errno.h>
#include <signal.h>

#include "child.hpp"
#include "plan.hpp"
#include "syscall.hpp"

namespace spawnx_core
{

/*
 * Nothing asked for. Word by word: "= {}" may become a call of memset (GCC for riscv64), and
 * the relays call nobody.
 */
inline void clear(kernel::clone_args &args)
{
	uint64_t *const words = &args.flags;
	for (size_t i = 0; i < sizeof(args) / sizeof(*words); i++)
		words[i] = 0;
}

/*
 * All signals, for as long as a child without plan shares our memory: no handler of ours may
 * run in it. (Of a child with a plan the plan decides.)
 */
class signals_blocked
{
public:
	signals_blocked()
	{
		const kernel::sigset every = ~kernel::sigset(0);
		(void)sys::rt_sigprocmask(&every, &before);
	}
	~signals_blocked()
	{
		(void)sys::rt_sigprocmask(&before, nullptr);
	}
	signals_blocked(const signals_blocked &) = delete;
	signals_blocked &operator=(const signals_blocked &) = delete;

private:
	kernel::sigset before;
};

/* The smallest size that says it all: what the oldest kernel understands. */
inline long clone3_with(kernel::clone_args &args, void (*entry)(void *), plan &p)
{
	const bool into_cgroup = args.flags & kernel::clone_into_cgroup;
	args.cgroup = into_cgroup ? static_cast<uint64_t>(p.cgroup) : 0;
	return spawnx_clone(__NR_clone3, sys::word(&args),
		into_cgroup ? kernel::clone_args_size_ver2 : kernel::clone_args_size_ver0,
		0, entry, &p);
}

/* As the plan wants it. exit_signal: what its death before exec sends; 0: nothing. */
inline long clone_child(plan &p, int &exit_signal)
{
	int *const pidfd = &p.pidfd;
	exit_signal = 0;
	if (p.clone3) {
		kernel::clone_args args = {};
		args.flags = p.clone_flags;
		args.pidfd = (p.clone_flags & kernel::clone_pidfd)
			? reinterpret_cast<uint64_t>(pidfd)
			: 0;
		return clone3_with(args, child, p);
	}
	/* clone(2): the low byte is exit_signal, the pidfd goes where parent_tid would. */
	const long flags = static_cast<long>(p.clone_flags);
	const long pid = spawnx_clone(__NR_clone, flags, 0, sys::word(pidfd), child, &p);
	if (pid != -EINVAL)
		return pid;
	/* qemu-user knows no exit_signal but SIGCHLD for what it makes a fork. */
	exit_signal = SIGCHLD;
	return spawnx_clone(__NR_clone, flags | SIGCHLD, 0, sys::word(pidfd), child, &p);
}

} // namespace spawnx_core
