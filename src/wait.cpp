/* SPDX-License-Identifier: MIT */
/* After the spawn: one way to wait for every kind of child, by its pidfd. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "failure.hpp"
#include "features.hpp"
#include "kernel.hpp"
#include "spawnx.h"
#include "syscall.hpp"

namespace spawnx_core
{

namespace
{

constexpr int64_t ns_per_second = 1000000000;

/* What a parent elsewhere gets to reap a dead child, if no limit was given. */
constexpr int64_t patience_ns = ns_per_second;
constexpr int64_t others_patience_ns = ns_per_second / 50;

int64_t now_ns()
{
	timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * ns_per_second + t.tv_nsec;
}

/* What is left of a time-out; far ones count as none (292 years do not fit in 64 bits). */
struct deadline {
	bool none = true;
	int64_t at = 0;

	explicit deadline(const timespec *timeout)
	{
		if (!timeout || timeout->tv_sec > INT64_MAX / ns_per_second / 2)
			return;
		none = false;
		at = now_ns() + timeout->tv_sec * ns_per_second + timeout->tv_nsec;
	}

	int64_t left() const
	{
		const int64_t left = at - now_ns();
		return left > 0 ? left : 0;
	}
};

/* Until the process has exited: 0, ETIMEDOUT or another error number. */
int poll_exit(int pidfd, const deadline &d)
{
	for (;;) {
		pollfd p = {pidfd, POLLIN, 0};
		const int64_t left = d.none ? 0 : d.left();
		timespec t = {left / ns_per_second, left % ns_per_second};
		const long n = sys::ppoll(&p, 1, d.none ? nullptr : &t);
		if (n > 0)
			return p.revents & POLLNVAL ? EBADF : 0;
		if (n == 0)
			return ETIMEDOUT;
		if (n != -EINTR)
			return static_cast<int>(-n);
	}
}

/* Reaps an ordinary child: 0 and a status, EAGAIN while it lives, ECHILD, EBADF. */
int reap(int pidfd, spawnx_exit &e)
{
	siginfo_t info = {};
	const long r = sys::waitid(kernel::p_pidfd, pidfd, &info,
		kernel::wexited | kernel::wnohang | kernel::wall);
	if (r < 0)
		return static_cast<int>(-r);
	if (info.si_pid == 0)
		return EAGAIN;
	e.code = info.si_code;
	e.status = info.si_status;
	return 0;
}

/*
 * The status the kernel keeps with the pidfd of a child that was reaped, by the kernel
 * itself (autoreap), or by somebody else's wait. 0; EAGAIN: dead, but not yet reaped by its
 * parent (a zombie answers without the EXIT bit); EBUSY: the parent is us, whom waitid has
 * denied it, or it is just going (ESRCH, no parent): the kernel is reaping it this very
 * moment, and the status will be there; ENODATA: this kernel keeps none.
 */
int kept_status(int pidfd, spawnx_exit &e)
{
	kernel::pidfd_info info = {};
	info.mask = kernel::pidfd_info_exit;
	const long r = sys::pidfd_get_info(pidfd, &info);
	if (r == -ESRCH)
		return feature::native_or_unasked(feature::bit(feature::EXIT_INFO))
			? EBUSY
			: ENODATA;
	if (r < 0)
		return ENODATA;
	if (!(info.mask & kernel::pidfd_info_exit) &&
		!feature::native_or_unasked(feature::bit(feature::EXIT_INFO)))
		return ENODATA; /* Linux 6.13 and 6.14 */
	if (!(info.mask & kernel::pidfd_info_exit))
		return info.ppid == 0 || info.ppid == static_cast<uint32_t>(sys::getpid())
			? EBUSY
			: EAGAIN;
	if (WIFEXITED(info.exit_code)) {
		e.code = CLD_EXITED;
		e.status = WEXITSTATUS(info.exit_code);
	} else {
		e.code = WCOREDUMP(info.exit_code) ? CLD_DUMPED : CLD_KILLED;
		e.status = WTERMSIG(info.exit_code);
	}
	return 0;
}

/*
 * It has exited and cannot be reaped by us, now or at all: whoever does reap it needs a
 * moment. Where that is the kernel (autoreap, SIGCHLD ignored) it is some microseconds
 * after poll has told, and they are waited for even with no time left: else a caller who
 * polls and then waits with a time-out of 0 would get ENODATA now and then. init, or a
 * guard, takes longer, and gets some milliseconds whatever the time-out is. Where a tracer
 * holds our own child's zombie (reap: EAGAIN), it becomes ours when the tracer lets go.
 */
int wait_for_status(int pidfd, spawnx_exit &e, const deadline &d)
{
	const int64_t begun = now_ns();
	const int64_t least = begun + others_patience_ns;
	const int64_t until = d.none ? begun + patience_ns : d.at < least ? least : d.at;

	for (int64_t pause_ns = 10000;;
		pause_ns = pause_ns < 5000000 ? 2 * pause_ns : pause_ns) {
		int error = reap(pidfd, e);
		const bool traced = error == EAGAIN;
		if (error == ECHILD)
			error = kept_status(pidfd, e);
		if (error != EAGAIN && error != EBUSY)
			return error;
		const int64_t now = now_ns();
		if (traced && !d.none && now >= d.at)
			return ETIMEDOUT;
		if (!traced && now >= (error == EBUSY ? begun + patience_ns : until))
			return ENODATA;
		timespec t = {0, static_cast<long>(pause_ns)};
		(void)sys::ppoll(nullptr, 0, &t);
	}
}

int send(int pidfd, int sig)
{
	return static_cast<int>(-sys::pidfd_send_signal(pidfd, sig));
}

int wait(int pidfd, spawnx_exit &e, const timespec *timeout)
{
	const deadline d(timeout);

	if (pidfd < 0) /* waitid says EINVAL */
		return EBADF;
	/* First of all: it tells a pidfd from another descriptor, which poll does not. */
	int error = reap(pidfd, e);
	if (error != EAGAIN && error != ECHILD)
		return error;
	error = poll_exit(pidfd, d);
	return error ? error : wait_for_status(pidfd, e, d);
}

/*
 * The first wait tells a pidfd from what else would take a signal (a directory of /proc
 * does), and finds a child that has ended: signals for that one would be EPERM or ESRCH.
 */
int stop(int pidfd, spawnx_exit &e, const timespec *grace)
{
	static constexpr timespec now = {0, 0};
	int error = wait(pidfd, e, &now);
	if (error == ENODATA) /* dead; whoever is to reap it may need a moment */
		return wait(pidfd, e, nullptr);
	if (error != ETIMEDOUT)
		return error;
	error = send(pidfd, SIGTERM);
	if (error && error != ESRCH)
		return error;
	error = wait(pidfd, e, grace);
	if (error != ETIMEDOUT)
		return error;
	error = send(pidfd, SIGKILL);
	if (error && error != ESRCH)
		return error;
	return wait(pidfd, e, nullptr);
}

bool valid(const timespec *t)
{
	return !t || (t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < ns_per_second);
}

} // namespace

} // namespace spawnx_core

using namespace spawnx_core;

int spawnx_wait(int pidfd, spawnx_exit *ret, const timespec *timeout) noexcept
{
	if ((ret && ret->size == 0) || !valid(timeout))
		return finish(EINVAL);
	spawnx_exit e = {};
	const int error = wait(pidfd, e, timeout);
	if (!error && ret)
		copy_out(ret, e);
	return finish(error);
}

int spawnx_signal(int pidfd, int sig) noexcept
{
	return finish(send(pidfd, sig));
}

int spawnx_stop(int pidfd, const timespec *grace, spawnx_exit *ret) noexcept
{
	if ((ret && ret->size == 0) || !valid(grace))
		return finish(EINVAL);
	spawnx_exit e = {};
	const int error = stop(pidfd, e, grace);
	/* Gone is what was asked for; that nobody knows how matters only to who asks. */
	if (error == ENODATA && !ret)
		return 0;
	if (!error && ret)
		copy_out(ret, e);
	return finish(error);
}
