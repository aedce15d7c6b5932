/* SPDX-License-Identifier: MIT */
/*
 * What the two weaker fallbacks have in common. Between us and the child stands a relay, a
 * process that shares our memory and our descriptors, clones the child and is gone before
 * the call returns: so the child is nobody's but init's (orphan.cpp), or a guard's
 * (guard.cpp). Both run where the child runs, by child.cpp's rules: raw system calls only.
 *
 * All signals are blocked in a relay. SIGKILL remains: should one be killed, its parent
 * goes on while others still run on the stack below. The kernel says when each has left: it
 * clears "alive" at exec or exit (CLONE_CHILD_CLEARTID). It also writes the pid, before the
 * process begins (CLONE_PARENT_SETTID): where that is 0, the relay was killed before it had
 * cloned anything, and "alive" is not to be waited for.
 */
#pragma once

#include <errno.h>

#include "clone.hpp"

namespace spawnx_core
{

/* Returns when it has left our memory. Usually it has: that is what vfork waits for. */
inline void wait_for_memory(const cloned &c)
{
	if (__atomic_load_n(&c.pid, __ATOMIC_ACQUIRE) == 0)
		return;
	for (int32_t now; (now = __atomic_load_n(&c.alive, __ATOMIC_ACQUIRE)) != 0;)
		(void)sys::futex_wait(&c.alive, now);
}

/* clone3, and c tells of it to those who may outlive the caller. */
inline long clone_known(
	kernel::clone_args &args, cloned &c, void (*entry)(void *), plan &p)
{
	args.flags |= kernel::clone_parent_settid | kernel::clone_child_cleartid;
	args.parent_tid = reinterpret_cast<uint64_t>(&c.pid);
	args.child_tid = reinterpret_cast<uint64_t>(&c.alive);
	__atomic_store_n(&c.alive, 1, __ATOMIC_RELEASE);
	return clone3_with(args, entry, p);
}

/*
 * After unshare(2) or setns(2) with CLONE_NEWPID a relay would be the first process of the
 * namespace, which ends with it, or give the child a pid that says nothing to the caller.
 */
inline bool in_callers_pid_namespace(plan &p)
{
	if (sys::getpid() == p.relay.self)
		return true;
	p.relay.error = ENOTSUP;
	return false;
}

inline long reap(int pid)
{
	long r;
	do
		r = sys::waitid(kernel::p_pid, pid, static_cast<char *>(nullptr),
			kernel::wexited | kernel::wall);
	while (r == -EINTR);
	return r;
}

/*
 * Clones the child, as a relay. True if it has become a program, or was killed before (it
 * is reaped then, and its status stays with the pidfd).
 */
inline bool relay_child(plan &p, bool &dead)
{
	relay &r = p.relay;
	kernel::clone_args args;
	clear(args);
	args.flags = p.clone_flags;
	args.pidfd = (p.clone_flags & kernel::clone_pidfd)
		? reinterpret_cast<uint64_t>(&r.pidfd)
		: 0;

	r.parent = static_cast<int32_t>(sys::getpid());
	const long pid = clone_known(args, r.child, child, p);
	if (pid < 0) {
		r.error = static_cast<int32_t>(-pid);
		return false;
	}
	wait_for_memory(r.child);
	if (p.result.error) {
		(void)reap(r.child.pid);
		return false;
	}
	/* As launch.cpp's killed_before_exec(): only such a one is a "clone child" still. */
	dead = sys::waitid(kernel::p_pid, r.child.pid, static_cast<char *>(nullptr),
		       kernel::wexited | kernel::wnohang | kernel::wclone) == 0;
	if (dead)
		(void)reap(r.child.pid);
	return true;
}

/* The relays: child.hpp's siblings. arg: a plan. */
#pragma GCC visibility push(hidden)
[[noreturn]] void orphan(void *arg);
[[noreturn]] void guard(void *arg);
#pragma GCC visibility pop

} // namespace spawnx_core
