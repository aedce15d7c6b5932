/* SPDX-License-Identifier: MIT */
#include "relayed.hpp"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "failure.hpp"
#include "guard_path.h"
#include "launch.hpp"
#include "relay.hpp"
#include "spawnx/version.h"

namespace spawnx_core
{

const char *guard_path = SPAWNX_GUARD_PATH;

bool sees_what_a_child_writes()
{
	int mark = 0;
	kernel::clone_args args = {};
	args.flags = kernel::clone_vm | kernel::clone_vfork;
	const signals_blocked blocked;
	const long pid = spawnx_clone(__NR_clone3, sys::word(&args),
		kernel::clone_args_size_ver0, 0, child_that_exits, &mark);
	if (pid > 0)
		(void)reap(static_cast<int>(pid));
	return pid > 0 && __atomic_load_n(&mark, __ATOMIC_RELAXED) == 1;
}

/* The guard says what it is near its beginning: a version of its own, no other program. */
static bool is_our_guard(int fd)
{
	static const char mark[] = "\nspawnx-guard " SPAWNX_VERSION "\n";
	char start[4096];
	const long n = sys::pread(fd, start, sizeof(start), 0);
	return n > 0 && memmem(start, static_cast<size_t>(n), mark, sizeof(mark) - 1);
}

/* See guard.cpp: another user's process takes a right, which the guard keeps if we have it. */
static bool guard_may_kill(plan &p)
{
	kernel::cap_header header = {kernel::cap_version_3, 0};
	kernel::cap_half sets[2] = {};
	long uid = -1;
	for (unsigned i = 0; i < p.tail_count; i++)
		if (p.tail[i].what == op::uid)
			uid = static_cast<unsigned>(p.tail[i].a);
	if (uid < 0 || uid == sys::getuid() || uid == sys::geteuid())
		return true;
	p.guard.for_other_user = true;
	return sys::capget(&header, sets) == 0 &&
		(sets[0].permitted >> kernel::cap_kill & 1);
}

int open_guard(plan &p)
{
	/* The kernel's rule holds for the emulation, too. */
	if (lacks_right_to_autokill(p))
		return EPERM;
	if (!guard_may_kill(p))
		return ENOTSUP;
	long fd = sys::open_to_read(guard_path);
	if (fd < 0)
		return fd == -EMFILE || fd == -ENFILE ? static_cast<int>(-fd) : ENOTSUP;
	if (fd < 3) { /* guard.cpp wants room below it */
		const long above =
			sys::fcntl(static_cast<int>(fd), kernel::f_dupfd_cloexec, 3);
		(void)sys::close(static_cast<int>(fd));
		if ((fd = above) < 0)
			return static_cast<int>(-fd);
	}
	p.guard.fd = static_cast<int>(fd);
	/* Positive, as a file offset; from the kernel, which other libraries do not guess. */
	uint64_t byte = 0;
	const bool random = getrandom(&byte, sizeof(byte), 0) == sizeof(byte);
	p.guard.byte = byte >> 2;
	(void)snprintf(p.guard.byte_text, sizeof(p.guard.byte_text), "%llu",
		static_cast<unsigned long long>(p.guard.byte));
	/* Executed it will be when the program runs already: what can be known is asked now. */
	if (random && sys::may_execute(p.guard.fd) != -EACCES && is_our_guard(p.guard.fd))
		return 0;
	(void)sys::close(p.guard.fd);
	p.guard.fd = -1;
	return ENOTSUP;
}

long clone_relay(plan &p)
{
	p.relay.pidfd = -1;
	kernel::clone_args args = {};
	args.flags = kernel::clone_vm | kernel::clone_vfork | kernel::clone_files |
		kernel::clone_parent_settid;
	args.parent_tid = reinterpret_cast<uint64_t>(&p.relay.self);
	return clone3_with(args, p.parent == parent::guard ? guard : orphan, p);
}

/*
 * A relay was killed. The child is a guard's, init's, or ours if we are a subreaper: it must
 * not stay. Nor can it be left to its pdeathsig, which a set-user-ID program has no more.
 */
static void kill_abandoned(const launched &l)
{
	if (l.pid == 0)
		return;
	(void)(l.pidfd >= 0 ? sys::pidfd_send_signal(l.pidfd, SIGKILL)
			    : sys::kill(l.pid, SIGKILL));
	(void)reap(l.pid); /* ECHILD, mostly */
}

void settle_relay(plan &p, launched &l)
{
	const relay &r = p.relay;

	/* In this order: while the inner relay is there, it may make a child. */
	wait_for_memory(r.inner);
	wait_for_memory(r.child);
	(void)reap(l.pid);
	l.pid = r.child.pid;
	/* A clone3 that fails may have written the number of a descriptor it did not open. */
	l.pidfd = r.child.pid ? r.pidfd : -1;
	if (r.error) {
		l.error = r.error;
		l.cloned = false;
	} else if (p.result.error) {
		l.error = p.result.error;
	} else if (r.guard_error) {
		l.error = r.guard_error == ECANCELED ? ECANCELED : ENOTSUP;
	} else if (!r.done) {
		/* By SIGKILL, all else is blocked. */
		l.error = ECANCELED;
	}
	if (l.error == ECANCELED && !p.result.error) {
		l.killed_by = SIGKILL;
		kill_abandoned(l);
	} else if (!r.done && p.result.error && l.pid) {
		/* It failed, and the relay was killed before it had reaped it. */
		(void)reap(l.pid);
	}
	if (l.error && l.pidfd >= 0) {
		(void)sys::close(l.pidfd);
		l.pidfd = -1;
	}
}

} // namespace spawnx_core
