/* SPDX-License-Identifier: MIT */
/*
 * autokill before Linux 7.1, weaker: a guard kills the child when the last copy of its
 * pidfd is closed. A lock on a byte of the pidfd belongs to the open file description, is
 * released by its last close, wherever the copies are, and nobody but the guard asks for it.
 *
 *	we -> outer relay -> inner relay, which becomes the guard -> child
 *
 * The inner relay takes the lock on our pidfd while it still shares our descriptors, so
 * that the lock is never ours to lose: if we are killed meanwhile, it is free, and the
 * guard kills at once. Then it leaves our descriptors, keeps a pidfd of its own, and
 * executes spawnx-guard, which shares neither memory nor descriptor with anybody. The outer
 * relay exits, so that the guard is nobody's child. The child has SIGKILL as its parent
 * death signal: if the guard is killed, it dies.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "relay.hpp"

namespace spawnx_core
{

/* exec gives root its rights back, as far as the bounding set goes: capabilities(7). */
static bool exec_gives_right_to_kill()
{
	const long bits = sys::prctl(kernel::pr_get_securebits);
	return sys::geteuid() == 0 && bits >= 0 && !(bits & kernel::secbit_noroot) &&
		sys::prctl(kernel::pr_capbset_read, kernel::cap_kill) == 1;
}

/*
 * Whoever may kill other users' processes loses that right by exec otherwise: then the guard
 * of a child that has become another user could not kill it, and the kernel, which asks the
 * same of a parent death signal, would not. An ambient capability stays.
 */
static long keep_right_to_kill(const plan &p)
{
	constexpr uint32_t right = 1u << kernel::cap_kill;
	kernel::cap_header header = {kernel::cap_version_3, 0};
	kernel::cap_half sets[2];
	long error;

	if (p.guard.for_other_user && !exec_gives_right_to_kill()) {
		if ((error = sys::capget(&header, sets)))
			return error;
		sets[0].inheritable |= right;
		sets[0].effective |= right; /* should we have to kill it ourselves */
		if ((error = sys::capset(&header, sets)) ||
			(error = sys::prctl(kernel::pr_cap_ambient,
				 kernel::pr_cap_ambient_raise, kernel::cap_kill)))
			return error;
	}
	error = sys::kill(p.relay.child.pid, 0);
	return error == -EPERM ? error : 0;
}

/* Descriptor 0 and argv[1] are what the guard is told: which process, and which byte. */
static long become_guard(plan &p)
{
	const relay &r = p.relay;
	const kernel::flock lock = {
		F_WRLCK, 0 /* SEEK_SET */, static_cast<int64_t>(p.guard.byte), 1, 0};
	const unsigned program = static_cast<unsigned>(p.guard.fd);
	long error;

	if ((error = keep_right_to_kill(p)))
		return error;
	if ((error = sys::fcntl(r.pidfd, kernel::f_ofd_setlk, sys::word(&lock))))
		return error;
	/* launch() has made program at least 3: there is something on either side of it. */
	if ((error = sys::close_range(0, program - 1, kernel::close_range_unshare)) ||
		(error = sys::close_range(program + 1, ~0u, 0)))
		return error;
	const long own = sys::pidfd_open(r.child.pid);
	if (own != 0)
		return own < 0 ? own : -EBADF;
	/* What the guard will do at the end, as far as a filter goes. */
	error = sys::pidfd_send_signal(0, 0);
	if (error && error != -ESRCH)
		return error;
	if ((error = sys::fcntl(0, kernel::f_setfd, 0)))
		return error;
	/* Of no use to it: a terminal, a process group that may be killed, a directory. */
	(void)sys::setsid();
	(void)sys::chdir("/");
	char name[] = "spawnx-guard";
	char *const argv[] = {name, p.guard.byte_text, nullptr};
	char *const envp[] = {nullptr};
	return sys::execveat(p.guard.fd, "", argv, envp, AT_EMPTY_PATH);
}

static void inner_relay(void *arg)
{
	plan &p = *static_cast<plan *>(arg);
	bool dead = false;

	/*
	 * Ignored, the kernel would reap the child, and nobody would tell the guard. But what
	 * the caller ignores the program ignores: the child puts it back.
	 */
	kernel::sigaction dfl = {}, before = {};
	(void)sys::rt_sigaction(SIGCHLD, &dfl, &before);
	p.relay.sigchld_ignored = before.handler == kernel::sig_ign;
	if (relay_child(p, dead) && !dead) {
		const long error = become_guard(p);
		p.relay.guard_error = static_cast<int32_t>(-error);
		if (sys::kill(p.relay.child.pid, SIGKILL) == 0)
			(void)reap(p.relay.child.pid);
	}
	p.relay.inner_failed = 1; /* or there is nothing to guard */
	sys::exit_group(0);
}

void guard(void *arg)
{
	plan &p = *static_cast<plan *>(arg);
	kernel::clone_args args;
	clear(args);
	args.flags = kernel::clone_vm | kernel::clone_vfork | kernel::clone_files;
	const long pid = in_callers_pid_namespace(p)
		? clone_known(args, p.relay.inner, inner_relay, p)
		: -ENOTSUP;

	if (pid < 0) {
		p.relay.error = static_cast<int32_t>(-pid);
	} else {
		wait_for_memory(p.relay.child);
		if (p.relay.inner_failed)
			(void)reap(static_cast<int>(pid));
		else if (sys::waitid(kernel::p_pid, static_cast<int>(pid),
				 static_cast<char *>(nullptr),
				 kernel::wexited | kernel::wnohang | kernel::wclone) ==
			0) {
			/* Killed before it was the guard: so is the child, by its pdeathsig. */
			p.relay.guard_error = ECANCELED;
			(void)reap(static_cast<int>(pid));
		}
	}
	p.relay.done = 1;
	sys::exit_group(0);
}

} // namespace spawnx_core
