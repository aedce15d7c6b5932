/* SPDX-License-Identifier: MIT */
/*
 * The parent's critical section: mask → clone → result → reap → restore.
 *
 * A failed spawn is invisible. The child is cloned with exit_signal 0: before exec its
 * death sends no SIGCHLD and no ordinary wait, wait(-1) included, can see it; the exec
 * itself puts SIGCHLD back (de_thread, fs/exec.c). So only this file reaps a child that
 * never became a program.
 */
#include "launch.hpp"

#include <atomic>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include "clone.hpp"
#include "dumpable.hpp"
#include "features.hpp"
#include "relayed.hpp"
#include "plan.hpp"
#include "syscall.hpp"

namespace spawnx_core
{

/*
 * Emulators (qemu-user, WSL1) make CLONE_VM|CLONE_VFORK a fork: the child writes into a
 * copy, and the parent runs on. Until one child was seen to write into our memory, a
 * pipe carries the result as well. Never set back: a kernel does not change its mind.
 */
static std::atomic<bool> memory_is_shared;

template <typename F> static long retry(F call)
{
	long r;
	do
		r = call();
	while (r == -EINTR);
	return r;
}

static void close_and_forget(int &fd)
{
	if (fd >= 0)
		(void)sys::close(fd);
	fd = -1;
}

/*
 * A full descriptor table is no obstacle: memory is shared on every real kernel, and
 * where it turns out not to be, settle() finds out.
 */
static int open_report(plan &p)
{
	if (memory_is_shared.load(std::memory_order_relaxed))
		return 0;
	/* The table stays ours: there is a pipe in it; or it is a fork, which has a copy. */
	p.clone_flags &= ~kernel::clone_files;
	const long error = sys::pipe2(p.report, O_CLOEXEC);
	if (error == 0 || error == -EMFILE || error == -ENFILE)
		return 0;
	return static_cast<int>(-error);
}

/* A relay tells its result through memory, and through nothing else. */
static int open_relay(plan &p)
{
	/* A first process there would end the namespace, another has no parent for the child. */
	if (feature::children_are_elsewhere())
		return ENOTSUP;
	if (!memory_is_shared.load(std::memory_order_relaxed)) {
		if (!sees_what_a_child_writes())
			return ENOTSUP;
		memory_is_shared.store(true, std::memory_order_relaxed);
	}
	return p.parent == parent::guard ? p.relay.guard_error = open_guard(p) : 0;
}

/*
 * The kernel reaps an autoreap child; it is gone when its pid is. The pidfd tells by
 * POLLHUP (POLLIN alone: dead, but still there). Without one, waitid blocks while the
 * child lives, and says ECHILD a moment before the kernel has taken it out of the pid
 * table, so that moment is yielded away. WNOWAIT: should the pid already be another
 * child's, its status is not ours to take.
 */
static void wait_until_autoreaped(const launched &l, siginfo_t *info)
{
	if (l.pidfd >= 0) {
		pollfd p = {l.pidfd, 0, 0}; /* POLLHUP needs no asking */
		(void)retry([&] { return sys::ppoll(&p, 1, nullptr); });
		return;
	}
	(void)retry([&] {
		return sys::waitid(kernel::p_pid, l.pid, info,
			kernel::wexited | kernel::wall | kernel::wnowait);
	});
	/* Bounded: in theory the pid may be somebody else's by now. */
	for (int i = 0; i < 10000 && sys::kill(l.pid, 0) == 0; i++)
		sys::sched_yield();
}

/* Returns when the child is gone, files closed and locks released, not merely failing. */
static void wait_until_gone(const plan &p, const launched &l, siginfo_t *info)
{
	if (p.autoreap)
		return wait_until_autoreaped(l, info);
	(void)retry([&] {
		return sys::waitid(
			kernel::p_pid, l.pid, info, kernel::wexited | kernel::wall);
	});
}

/*
 * Signals are not blocked, so one may kill the child before exec. Nobody's wait would
 * ever see that zombie. waitid for "clone children", those whose exit_signal is not
 * SIGCHLD, tells: ECHILD once exec has put SIGCHLD back, which it does before it wakes
 * us; otherwise the child is dead or dying.
 */
static bool killed_before_exec(const plan &p, launched &l)
{
	siginfo_t info = {};
	const int options = kernel::wexited | kernel::wnohang | kernel::wclone;

	if (retry([&] { return sys::waitid(kernel::p_pid, l.pid, &info, options); }) != 0)
		return false;
	if (info.si_pid == 0)
		wait_until_gone(p, l, &info);
	/* valgrind ends a child itself, by exit, whose exec fails later than it thought. */
	l.killed_by = info.si_code == CLD_EXITED ? 0 : info.si_status;
	return true;
}

/* Takes the result out of the pipe, where memory carried none. */
static void read_report(plan &p)
{
	struct result r;
	close_and_forget(p.report[1]);
	/* Blocks until exec or exit has closed the child's end. */
	if (retry([&] { return sys::read(p.report[0], &r); }) == sizeof(r))
		p.result = r;
}

/* There is a child: has it become the program? */
static void settle(plan &p, launched &l, int exit_signal)
{
	siginfo_t info;

	if (p.result.entered)
		memory_is_shared.store(true, std::memory_order_relaxed);
	else if (p.report[0] >= 0)
		read_report(p);
	/* Killed before its first instruction, a child has nothing written anywhere. */
	const bool known =
		p.report[0] >= 0 || memory_is_shared.load(std::memory_order_relaxed);

	if (p.result.error) {
		l.error = p.result.error;
		wait_until_gone(p, l, &info);
	} else if (!known) {
		/* An emulator and a full descriptor table: no way to learn the result. */
		(void)sys::kill(l.pid, SIGKILL);
		wait_until_gone(p, l, &info);
		l.error = EMFILE;
		l.cloned = false;
	} else if (!p.autoreap && exit_signal == 0 && killed_before_exec(p, l)) {
		l.error = ECANCELED;
	}
	if (l.error)
		close_and_forget(l.pidfd);
}

launched launch(plan &p)
{
	launched l;
	int exit_signal = 0;

	l.error = p.parent == parent::us ? open_report(p) : open_relay(p);
	if (l.error)
		return l;
	if (p.changes_ids)
		enter_undumpable();
	if (p.block_signals) {
		const kernel::sigset every = ~kernel::sigset(0);
		(void)sys::rt_sigprocmask(&every, &p.caller_mask);
	}

	const long pid =
		p.parent == parent::us ? clone_child(p, exit_signal) : clone_relay(p);
	if (pid < 0) {
		l.error = static_cast<int>(-pid);
	} else {
		l.pid = static_cast<pid_t>(pid);
		l.cloned = true;
		l.pidfd = p.pidfd;
		if (p.parent == parent::us)
			settle(p, l, exit_signal);
		else
			settle_relay(p, l);
	}

	if (p.block_signals)
		(void)sys::rt_sigprocmask(&p.caller_mask, nullptr);
	if (p.changes_ids)
		leave_undumpable();
	close_and_forget(p.report[0]);
	close_and_forget(p.report[1]);
	close_and_forget(p.guard.fd);
	return l;
}

} // namespace spawnx_core
