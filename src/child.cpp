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
 *   0 a descriptor table of its own, where it was born with its parent's; then
 *     what belongs to birth, where clone3 cannot do it: no-new-privs, id maps, cgroup
 *   1 signal dispositions
 *   2 scheduling, affinity, nice, limits, oom score
 *   3 setsid, setpgid
 *   4 effective ids reset
 *   5 file actions, in the caller's order; descriptors announced
 *   6 umask
 *   7 inheritable and bounding capabilities; groups, gid, uid
 *   8 ambient capabilities, securebits
 *   9 parent death signal, which a change of ids clears
 *  10 Landlock
 *  11 seccomp
 *  12 signal mask
 *     exec
 */
#include "child.hpp"

#include <errno.h>
#include <signal.h>

#include "descriptors.hpp"
#include "exec.hpp"
#include "identity.hpp"
#include "plan.hpp"
#include "surroundings.hpp"
#include "syscall.hpp"

namespace spawnx_core
{

/*
 * Signal dispositions. Failure is not possible but for SIGKILL and SIGSTOP, which have
 * none to change: POSIX callers fill the whole set and mean it.
 */
static void set_signal(int sig, uintptr_t handler)
{
	kernel::sigaction action;
	action.handler = handler;
	action.flags = 0;
#ifndef __riscv
	action.restorer = 0;
#endif
	action.mask = 0;
	(void)sys::rt_sigaction(sig, &action, nullptr);
}

static long clear_handlers()
{
	for (int sig = 1; sig <= kernel::last_signal; sig++) {
		kernel::sigaction now;
		if (sys::rt_sigaction(sig, nullptr, &now) == 0 &&
			now.handler != kernel::sig_dfl && now.handler != kernel::sig_ign)
			set_signal(sig, kernel::sig_dfl);
	}
	return 0;
}

static long set_signals(kernel::sigset set, uintptr_t handler)
{
	for (int sig = 1; sig <= kernel::last_signal; sig++)
		if (set & kernel::bit(sig))
			set_signal(sig, handler);
	return 0;
}

template <typename T> static const T &data_of(const step &s)
{
	return *static_cast<const T *>(s.data);
}

/* One step. Returns 0 or a negative error number. */
static long perform(const step &s, running &r)
{
	switch (s.what) {
	case op::unshare_files: /* 0 */
		return unshare_files(s, r.p, r.report);
	case op::no_new_privs:
		return sys::prctl(kernel::pr_set_no_new_privs, 1);
	case op::idmap:
		return write_id_maps(data_of<id_maps>(s), r.failed);
	case op::cgroup_procs:
		return write_file(s.a, "cgroup.procs", "0");

	case op::clear_handlers: /* 1 */
		return clear_handlers();
	case op::default_signals:
		return set_signals(s.set, kernel::sig_dfl);
	case op::ignore_signals:
		return set_signals(s.set, kernel::sig_ign);

	case op::setscheduler: /* 2 */
		return sys::sched_setscheduler(s.a, &s.b);
	case op::setparam:
		return sys::sched_setparam(&s.b);
	case op::affinity:
		return sys::sched_setaffinity(s.set, s.data);
	case op::nice:
		return sys::setpriority(s.a);
	case op::rlimits:
		return set_limits(data_of<limits>(s), r.failed);
	case op::oom_score_adj:
		return write_file(kernel::at_fdcwd, "/proc/self/oom_score_adj", s.path);

	case op::setsid: /* 3 */
		return sys::zero_or_error(sys::setsid());
	case op::setpgid:
		return sys::setpgid(0, s.a);

	case op::resetids: /* 4 */
		return resetids();

	default: /* 5 */
		return file_action(s, r);

	case op::umask: /* 6 */
		return sys::zero_or_error(sys::umask(s.a)); /* fails under a filter only */

	case op::caps_before_ids: /* 7 */
		return caps_before_ids(data_of<capabilities>(s), s.a != 0, r.failed);
	case op::groups:
		return sys::setgroups(s.set, static_cast<const unsigned *>(s.data));
	case op::gid:
		return set_gid(static_cast<unsigned>(s.a));
	case op::uid:
		return set_uid(static_cast<unsigned>(s.a));

	case op::caps_after_ids: /* 8 */
		return caps_after_ids(data_of<capabilities>(s), r.failed);
	case op::pdeathsig: /* 9 */
		return set_pdeathsig(s.a,
			r.p.parent == parent::us ? s.b : r.p.relay.parent,
			(r.p.clone_flags & kernel::clone_newpid) != 0);
	case op::landlock: /* 10 */
		return s.a == r.report ? -EBADF : sys::landlock_restrict_self(s.a);
	case op::seccomp: /* 11 */
		return sys::seccomp_filter(s.data);

	case op::sigmask: /* 12 */
		return sys::rt_sigprocmask(&s.set, nullptr);
	case op::restore_sigmask:
		return sys::rt_sigprocmask(&r.p.caller_mask, nullptr);
	}
}

static long run(const step *steps, size_t count, running &r)
{
	for (size_t i = 0; i < count; i++) {
		if (const long error = perform(steps[i], r)) {
			r.failed.at = &steps[i];
			return error;
		}
	}
	return 0;
}

void child(void *arg)
{
	plan &p = *static_cast<plan *>(arg);
	struct result &failed = p.result;
	running r = {p, failed, p.report[1], -1};
	long error;

	failed.entered = 1;
	/* With CLONE_FILES the table is not ours yet: but then there is no pipe, no guard. */
	if (r.report >= 0)
		(void)sys::close(p.report[0]);
	if (p.parent == parent::guard) /* nor is this one of the caller's */
		(void)sys::close(p.guard.fd);
	if (p.relay.sigchld_ignored)
		set_signal(SIGCHLD, kernel::sig_ign);

	(error = run(p.head, p.head_count, r)) ||
		(error = run(p.actions, p.action_count, r)) ||
		(error = run(p.tail, p.tail_count, r)) ||
		(error = p.execfd >= 0 ? exec_fd(p, r.report) : exec_candidates(p, failed));

	failed.error = static_cast<int32_t>(-error);
	if (!failed.at && (error == -ENOENT || error == -ENOTDIR))
		explain(p, failed);
	if (r.report >= 0)
		(void)sys::write(r.report, &failed);
	sys::exit_group(127);
}

void child_that_exits(void *mark)
{
	if (mark)
		*static_cast<int *>(mark) = 1;
	sys::exit_group(0);
}

} // namespace spawnx_core
