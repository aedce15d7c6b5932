/* SPDX-License-Identifier: MIT */
/*
 * spawnx-guard BYTE: the parent of one autokill child before Linux 7.1 (../guard.cpp).
 * Descriptor 0 is a pidfd of the child. On another, which the daemon has, that BYTE is
 * locked: when the last copy of it is closed the lock comes to us, and the child is killed.
 * When the child ends, it is reaped, and we end.
 *
 * No libc: a page of code and a page of stack for as long as the child lives. All signals
 * are blocked as we begin; SIGCHLD alone is let in, and its handler is the way out, if it
 * was the child's: anybody with our user id may send us one.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "spawnx/version.h"
#include "syscall.hpp"

using namespace spawnx_core;

/* What the library looks for before it trusts this file. */
[[gnu::used]] static const char mark[] = "\nspawnx-guard " SPAWNX_VERSION "\n";

static long reap(int options)
{
	return sys::waitid(0 /* P_ALL */, 0, static_cast<char *>(nullptr),
		kernel::wexited | kernel::wall | options);
}

static void on_sigchld(int)
{
	siginfo_t info;
	info.si_pid = 0;
	if (sys::waitid(0 /* P_ALL */, 0, &info,
		    kernel::wexited | kernel::wall | kernel::wnohang) == 0 &&
		info.si_pid == 0)
		return;
	sys::exit_group(0);
}

/* start.S. Only x86_64 has no way of its own back from a handler. */
extern "C" {
[[noreturn]] void guard_main(long argc, char **argv);
#ifdef __x86_64__
void guard_restorer();
#endif
}

void guard_main(long argc, char **argv)
{
	kernel::sigaction action = {};
	action.handler = reinterpret_cast<uintptr_t>(on_sigchld);
	action.flags = SA_NOCLDSTOP;
#ifdef __x86_64__
	action.flags |= 0x04000000; /* SA_RESTORER */
	action.restorer = reinterpret_cast<uintptr_t>(guard_restorer);
#endif
	(void)sys::rt_sigaction(SIGCHLD, &action, nullptr);
	(void)sys::prctl(kernel::pr_set_name, sys::word("spawnx-guard"));

	/* Member by member: as a whole, GCC copies it by a memcpy that is not there (riscv64). */
	kernel::flock lock;
	lock.type = F_WRLCK;
	lock.whence = 0; /* SEEK_SET */
	lock.start = 0;
	lock.len = 1;
	lock.pid = 0;
	for (const char *c = argc > 1 ? argv[1] : ""; *c >= '0' && *c <= '9'; c++)
		lock.start = 10 * lock.start + (*c - '0');

	const kernel::sigset all_but = ~kernel::bit(SIGCHLD);
	(void)sys::rt_sigprocmask(&all_but, nullptr);
	/* It may have ended before there was a handler, and been reaped: SIGCHLD ignored. */
	if (reap(kernel::wnohang | kernel::wnowait) == -ECHILD)
		sys::exit_group(0);

	while (sys::fcntl(0, kernel::f_ofd_setlkw, sys::word(&lock)) == -EINTR)
		;
	/*
	 * Any other answer too: without the lock nobody could say that it is still wanted. If a
	 * filter refuses that, our end is the child's parent death signal.
	 */
	if (sys::pidfd_send_signal(0, SIGKILL) == 0)
		(void)reap(0);
	sys::exit_group(0);
}
