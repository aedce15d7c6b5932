/* SPDX-License-Identifier: MIT */
/*
 * The child, from clone3 to exec: an interpreter of the plan.
 *
 * It runs in its parent's memory, on its parent's stack, while the parent's thread is
 * suspended and the parent's other threads run on. Therefore, mechanically checked
 * (tests/abi: this archive has no undefined symbol):
 *
 *  - raw system calls only: no libc, which may take a lock another thread holds;
 *  - no errno and no TLS: they are the parent thread's;
 *  - no allocation, no callback, no lock;
 *  - no stack protector and no sanitizer: both call out;
 *  - one write that the parent can see: plan->result (and where it announces
 *    descriptors, its pid in the environment that launch() alone knows).
 *
 * Handlers are gone (CLONE_CLEAR_SIGHAND) or all signals blocked until step 12.
 *
 * The order is a promise, spawnx(7):
 *   0 no-new-privs, where clone3 cannot set it
 *   1 signal dispositions
 *   2 scheduling
 *   3 setsid, setpgid
 *   4 effective ids reset
 *   5 file actions, in the caller's order; descriptors announced
 *  12 signal mask
 *     exec
 * (The gaps are for attributes to come; the numbers are those of the page.)
 */
#include "child.hpp"

#include <errno.h>
#include <signal.h>

#include "descriptors.hpp"
#include "exec.hpp"
#include "plan.hpp"
#include "syscall.hpp"

namespace spawnx_core
{

/*
 * Signal dispositions. Failure is not possible but for SIGKILL and SIGSTOP, which have
 * none to change: POSIX callers fill the whole set and mean it.
 */
static void set_default(int sig)
{
	static constexpr kernel::sigaction dfl =
		{}; /* constant data: nothing calls memset */
	(void)sys::rt_sigaction(sig, &dfl, nullptr);
}

static long clear_handlers()
{
	for (int sig = 1; sig <= kernel::last_signal; sig++) {
		kernel::sigaction now;
		if (sys::rt_sigaction(sig, nullptr, &now) == 0 &&
			now.handler != kernel::sig_dfl && now.handler != kernel::sig_ign)
			set_default(sig);
	}
	return 0;
}

static long default_signals(kernel::sigset set)
{
	for (int sig = 1; sig <= kernel::last_signal; sig++)
		if (set & kernel::bit(sig))
			set_default(sig);
	return 0;
}

/* Group first: once the user is changed the right to change the group may be gone. */
static long resetids()
{
	const long error = sys::setresgid(-1, sys::getgid(), -1);
	return error ? error : sys::setresuid(-1, sys::getuid(), -1);
}

/* One step. Returns 0 or a negative error number. */
static long perform(const step &s, const plan &p, int &report, struct result &failed)
{
	switch (s.what) {
	case op::no_new_privs: /* 0 */
		return sys::prctl(kernel::pr_set_no_new_privs, 1);

	case op::clear_handlers: /* 1 */
		return clear_handlers();
	case op::default_signals:
		return default_signals(s.set);

	case op::setscheduler: /* 2 */
		return sys::sched_setscheduler(s.a, &s.b);
	case op::setparam:
		return sys::sched_setparam(&s.b);

	case op::setsid: /* 3 */
		return sys::zero_or_error(sys::setsid());
	case op::setpgid:
		return sys::setpgid(0, s.a);

	case op::resetids: /* 4 */
		return resetids();

	case op::cloexec_all: /* 5 */
		return cloexec_all(p, report);
	case op::open:
		if (s.a == report)
			if (const long error = step_aside(report))
				return error;
		return open_on(s.a, s.path, s.b, static_cast<unsigned>(s.set));
	case op::close:
		/* A descriptor that is not open is fine; the range was checked. */
		if (s.a != report)
			(void)sys::close(s.a);
		return 0;
	case op::dup2:
		if (s.a == report)
			return -EBADF;
		if (s.b == report)
			if (const long error = step_aside(report))
				return error;
		return dup2_to(s.a, s.b);
	case op::chdir:
		return sys::chdir(s.path);
	case op::fchdir:
		return s.a == report ? -EBADF : sys::fchdir(s.a);

	case op::closefrom:
		return closefrom(s.a, p, report);
	case op::tcsetpgrp: {
		const int pgid = static_cast<int>(sys::getpgid(0));
		return s.a == report ? -EBADF : sys::tcsetpgrp(s.a, &pgid);
	}

	case op::listenfds:
		return announce(s, p, report, failed);

	case op::sigmask: /* 12 */
		return sys::rt_sigprocmask(&s.set, nullptr);
	case op::restore_sigmask:
		return sys::rt_sigprocmask(&p.caller_mask, nullptr);
	}
	return -ENOSYS; /* a plan from the future: cannot be, and must not pass */
}

static long run(const step *steps, size_t count, const plan &p, int &report,
	struct result &failed)
{
	for (size_t i = 0; i < count; i++) {
		if (const long error = perform(steps[i], p, report, failed)) {
			failed.at = &steps[i];
			return error;
		}
	}
	return 0;
}

void child(void *arg)
{
	plan &p = *static_cast<plan *>(arg);
	struct result &failed = p.result;
	int report = p.report[1];
	long error;

	failed.entered = 1;
	if (report >= 0)
		(void)sys::close(p.report[0]);

	(error = run(p.head, p.head_count, p, report, failed)) ||
		(error = run(p.actions, p.action_count, p, report, failed)) ||
		(error = run(p.tail, p.tail_count, p, report, failed)) ||
		(error = p.execfd >= 0 ? exec_fd(p, report) : exec_candidates(p, failed));

	failed.error = static_cast<int32_t>(-error);
	if (!failed.at && (error == -ENOENT || error == -ENOTDIR))
		explain(p, failed);
	if (report >= 0)
		(void)sys::write(report, &failed);
	sys::exit_group(127);
}

void child_that_exits(void *)
{
	sys::exit_group(0);
}

} // namespace spawnx_core
