/* SPDX-License-Identifier: MIT */
/* The ways in which a child is waited for, ended and let go. */
#include "stress.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace stress
{

using std::chrono::microseconds;
using std::chrono::seconds;

/* Calls either form of a member, and returns the error number. */
template <typename Call> int worker::attempt(const Call &call)
{
	if (one_in(2)) {
		std::error_code ec(ENOTTY, std::generic_category());
		call(spx::on_error(ec));
		return ec.value();
	}
	try {
		call(spx::on_error());
		return 0;
	} catch (const spx::error &e) {
		return e.code().value();
	}
}

/* One that may have ended may be gone: only then is ESRCH right. */
void worker::send(life &l, int sig)
{
	const bool may_be_gone = l.end.ends() || l.end.signals;
	if (sig != SIGSTOP && sig != SIGCONT)
		l.end.add(sig);
	const int error = attempt([&](spx::on_error e) { l.child.signal(sig, e); });
	judge(manners, error == 0 || (error == ESRCH && may_be_gone), &l,
		"signal " + std::to_string(sig) + ": " + std::strerror(error));
}

void worker::see_to_its_end(life &l)
{
	if (!l.end.ends() && !l.end.signals)
		send(l, any_signal(l.deaf));
}

void worker::await_end(const life &l, int pidfd)
{
	pollfd p = {pidfd, POLLIN, 0};
	int n;
	do
		n = poll(&p, 1, 60000);
	while (n < 0 && errno == EINTR);
	judge(manners, n == 1, &l, "a pidfd that does not become readable");
}

/* What was told once is told again, by the object itself. */
void worker::ask_again(life &l, const spx::exit_status &first)
{
	if (!one_in(4))
		return;
	spx::exit_status again;
	const int error = attempt([&](spx::on_error e) { again = l.child.wait(e); });
	judge(manners, error == 0 && again == first, &l,
		"another status the second time");
}

void worker::wait_at_once(life &l)
{
	see_to_its_end(l);
	spx::exit_status s;
	const int error = attempt([&](spx::on_error e) { s = l.child.wait(e); });
	told(l, error, s);
	if (!error)
		ask_again(l, s);
}

void worker::wait_in_steps(life &l)
{
	std::optional<spx::exit_status> s;
	int error;
	const auto step = [&] {
		const microseconds timeout(below(300));
		error = attempt(
			[&](spx::on_error e) { s = l.child.wait_for(timeout, e); });
		return error != 0 || s.has_value();
	};

	if (!l.end.ends() && !l.end.signals) {
		judge(manners, !step(), &l, "an end that was not to come");
		send(l, any_signal(l.deaf));
	}
	while (!step())
		;
	told(l, error, s.value_or(spx::exit_status()));
}

/* Dead, but init or a guard, which is to reap it, is slow: try_wait gives it 20 ms. */
void worker::wait_for_reaper(life &l, int &error, std::optional<spx::exit_status> &s)
{
	if (error == ENODATA && shared.is_weak(l.what))
		error = attempt([&](spx::on_error e) { s = l.child.wait(e); });
}

void worker::try_until_ended(life &l)
{
	see_to_its_end(l);
	std::optional<spx::exit_status> s;
	int error;
	do {
		sched_yield();
		error = attempt([&](spx::on_error e) { s = l.child.try_wait(e); });
	} while (!error && !s);
	wait_for_reaper(l, error, s);
	told(l, error, s.value_or(spx::exit_status()));
}

void worker::wait_in_c(life &l)
{
	see_to_its_end(l);
	spawnx_exit e = {sizeof(e), 0, 0, 0};
	told(l, spawnx_wait(l.child.pidfd(), &e, nullptr), e);
	l.reaped = l.is_ordinary();
	if (one_in(2)) {
		e = {sizeof(e), 0, 0, 0};
		told(l, spawnx_wait(l.child.pidfd(), &e, nullptr), e);
	}
	if (one_in(2))
		wait_at_once(l);
}

/* Once poll has told, no time is needed. */
void worker::poll_first(life &l)
{
	see_to_its_end(l);
	await_end(l, l.child.pidfd());
	std::optional<spx::exit_status> s;
	int error = attempt([&](spx::on_error e) { s = l.child.try_wait(e); });
	wait_for_reaper(l, error, s);
	if (judge(manners, error || s.has_value(), &l,
		    "ended for poll, not for try_wait"))
		told(l, error, s.value_or(spx::exit_status()));
}

void worker::stop_it(life &l, bool at_once)
{
	const bool patient = !at_once && !l.deaf && one_in(2);
	const microseconds grace(patient ? 60000000 : below(1000));
	if (!l.deaf && !l.reaped)
		l.end.add(SIGTERM);
	if (!patient && !l.reaped)
		l.end.add(SIGKILL);
	spx::exit_status s;
	const int error = attempt([&](spx::on_error e) { s = l.child.stop(grace, e); });
	told(l, error, s);
	if (!error)
		ask_again(l, s);
}

/* A stopped process has not ended, whatever SIGCHLD says. */
void worker::suspend_it(life &l)
{
	send(l, SIGSTOP);
	std::optional<spx::exit_status> s;
	const int error = attempt([&](spx::on_error e) { s = l.child.try_wait(e); });
	judge(manners, !error && !s, &l, "suspended is not ended");
	switch (below(4)) {
	case 0:
		return stop_it(l, true); /* SIGTERM stays pending */
	case 1:
		return drop_it(std::move(l));
	case 2:
		send(l, SIGKILL);
		return wait_at_once(l);
	default:
		send(l, SIGCONT);
		return wait_at_once(l);
	}
}

void worker::release_it(life &l)
{
	see_to_its_end(l);
	const pid_t pid = l.child.pid();
	const int pidfd = l.child.release();
	judge(manners, !l.child && l.child.pid() == -1, &l, "released, but still there");

	spawnx_exit e = {sizeof(e), 0, 0, 0};
	if (!l.is_ordinary() || one_in(2)) {
		told(l, spawnx_wait(pidfd, &e, nullptr), e);
	} else {
		siginfo_t info = {};
		int r;
		do
			r = waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED);
		while (r < 0 && errno == EINTR);
		e.code = info.si_code;
		e.status = info.si_status;
		told(l, r < 0 ? errno : 0, e);
	}
	judge(manners, close(pidfd) == 0, &l, "close of a released pidfd");
}

/*
 * A second pidfd, which tells how a dropped child has ended; -1 if there is none. A copy
 * would keep an autokill child alive. One by pid does not, but while it is opened the pid
 * must be that child's for sure: not of one that may be gone.
 */
int worker::watch(const life &l)
{
	if (!one_in(3) || (l.what == autokill && (l.end.ends() || l.end.signals)))
		return -1;
	const int fd = l.what == autokill
		? static_cast<int>(syscall(SYS_pidfd_open, l.child.pid(), 0))
		: fcntl(l.child.pidfd(), F_DUPFD_CLOEXEC, 0);
	judge(manners, fd >= 0, &l, "a second pidfd");
	return fd;
}

/* After a drop. One that is reaped by the destructor has ended when that returns. */
void worker::gone(life &l, int witness)
{
	if (witness < 0)
		return;
	l.reaped = l.is_ordinary();
	const timespec timeout = {l.reaped ? 0 : 60, 0};
	spawnx_exit e = {sizeof(e), 0, 0, 0};
	const int error = spawnx_wait(witness, &e, &timeout);
	if (judge(dropped, error != ETIMEDOUT, &l, "dropped, but it lives"))
		told(l, error, e);
	close(witness);
}

void worker::drop_it(life l, bool has_ended)
{
	const int witness = watch(l);
	if (!has_ended)
		l.end.add(SIGKILL);
	l.child = spx::child();
	gone(l, witness);
}

void worker::drop_several(life l)
{
	const unsigned more = 1 + below(7);
	std::vector<life> lives;
	std::vector<spx::child> children;
	std::vector<int> witnesses;
	lives.push_back(std::move(l));
	for (unsigned i = 0; i < more && left > 0; i++)
		lives.push_back(begin());
	for (life &each : lives) {
		witnesses.push_back(watch(each));
		each.end.add(SIGKILL);
		children.push_back(std::move(each.child));
	}
	children.clear();
	for (std::size_t i = 0; i < lives.size(); i++)
		gone(lives[i], witnesses[i]);
}

void worker::move_another_over(life l)
{
	if (left <= 0)
		return drop_it(std::move(l));
	life other = begin();
	const int witness = watch(l);
	const pid_t pid = other.child.pid();
	l.end.add(SIGKILL);
	l.child = std::move(other.child);
	judge(manners, !other.child && l.child.pid() == pid, &l, "moved");
	other.child = std::move(l.child);
	gone(l, witness);
	finish(std::move(other));
}

/* Takes what another thread has left there; that one's end is then ours to see. */
void worker::hand_it_over(life l)
{
	life taken;
	{
		const std::lock_guard<std::mutex> lock(shared.slot_mutex);
		taken = std::move(shared.slot);
		shared.slot = std::move(l);
	}
	if (taken.child)
		finish(std::move(taken));
}

/* By its exact pid: no other thread's child may be taken. */
void worker::steal_it(life &l)
{
	see_to_its_end(l);
	siginfo_t info = {};
	int r;
	do
		r = waitid(P_PID, static_cast<id_t>(l.child.pid()), &info, WEXITED);
	while (r < 0 && errno == EINTR);
	const spawnx_exit e = {sizeof(e), info.si_code, info.si_status, 0};
	told(l, r < 0 ? errno : 0, e);
	l.reaped = true;
	switch (below(6)) {
	case 0:
		return wait_at_once(l);
	case 1:
		return wait_in_steps(l);
	case 2:
		return try_until_ended(l);
	case 3:
		return wait_in_c(l);
	case 4:
		return stop_it(l);
	default:
		return; /* the destructor has to find out */
	}
}

void worker::finish(life l)
{
	way w = l.what == stolen ? steal : static_cast<way>(below(steal));
	if (w == suspend && l.end.ends())
		w = wait;
	doing = way_names[w];
	counts.of_way[w]++;
	switch (w) {
	case wait:
		return wait_at_once(l);
	case wait_for:
		return wait_in_steps(l);
	case try_wait:
		return try_until_ended(l);
	case c_wait:
		return wait_in_c(l);
	case poll_then_wait:
		return poll_first(l);
	case stop:
		return stop_it(l);
	case signal_then_wait:
		send(l, any_signal(l.deaf));
		return wait_at_once(l);
	case suspend:
		return suspend_it(l);
	case release:
		return release_it(l);
	case drop:
		return drop_it(std::move(l));
	case drop_dead:
		see_to_its_end(l);
		await_end(l, l.child.pidfd());
		return drop_it(std::move(l), true);
	case drop_many:
		return drop_several(std::move(l));
	case move_over:
		return move_another_over(std::move(l));
	case hand_over:
		return hand_it_over(std::move(l));
	case steal:
		return steal_it(l);
	case ways:
		break;
	}
}

void worker::finish_slot()
{
	if (shared.slot.child)
		finish(std::move(shared.slot));
}

} // namespace stress
