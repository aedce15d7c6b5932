/* SPDX-License-Identifier: MIT */
#include "features.hpp"

#include <atomic>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "clone.hpp"
#include "spawnx.h"
#include "syscall.hpp"

namespace spawnx_core::feature
{

namespace
{

struct row {
	const char *name, *since, *what;
	int without;
};

constexpr row table[] = {
#define X(id, NAME, name, since, probe, without, what, instead)                          \
	{name, since, what, without},
#include "features.def"
#undef X
};
constexpr unsigned count = sizeof(table) / sizeof(table[0]);

#define X(id, NAME, ...) static_assert(SPAWNX_FEATURE_##NAME == id);
#include "features.def"
#undef X

/* Two masks: known says which bits of had mean something. Relaxed would do for each
 * alone; known is released after had, so that a known bit is a true bit. */
std::atomic<uint64_t> known_bits;
std::atomic<uint64_t> had_bits;

enum class answer { absent, present, inconclusive };

/*
 * Asks clone3 without making a process: the pidfd goes to an address that cannot be
 * written, which the kernel finds out last. Flags it does not know are EINVAL before
 * anything else; EFAULT, or having run out of something on the way (EAGAIN, ENOMEM,
 * EMFILE, ENFILE), means that they were understood, EBADF that the cgroup was looked at.
 */
long try_clone3(uint64_t flags)
{
	kernel::clone_args args = {};
	args.flags = flags | kernel::clone_pidfd;
	args.pidfd = static_cast<uint64_t>(-8);
	args.cgroup = (flags & kernel::clone_into_cgroup) ? INT_MAX : 0;
	const long r = sys::clone3(&args,
		args.cgroup ? kernel::clone_args_size_ver2
			    : kernel::clone_args_size_ver0);
	if (r == 0) /* an emulator that takes that address: a child nobody wanted */
		sys::exit_group(0);
	siginfo_t info;
	if (r > 0)
		(void)sys::waitid(kernel::p_pid, static_cast<int>(r), &info,
			kernel::wexited | kernel::wall);
	return r;
}

answer ask_clone3(uint64_t flags)
{
	switch (try_clone3(flags)) {
	case -EFAULT:
	case -EAGAIN:
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
		return answer::present;
	case -EBADF:
		return flags & kernel::clone_into_cgroup ? answer::present
							 : answer::inconclusive;
	case -EINVAL:
	case -E2BIG:
	case -ENOSYS:
	case -EPERM: /* a seccomp filter: no flag here is a matter of privilege */
		return answer::absent;
	default:
		return answer::inconclusive;
	}
}

/*
 * A child that lives for a few microseconds in our memory and is gone; like a failed spawn
 * nobody sees it. Returns what clone returned, and the child's pidfd.
 */
long gone_child(int &pidfd)
{
	kernel::clone_args args = {};
	args.flags = kernel::clone_vm | kernel::clone_vfork | kernel::clone_pidfd;
	args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
	const signals_blocked blocked;
	long pid = spawnx_clone(__NR_clone3, sys::word(&args),
		kernel::clone_args_size_ver0, 0, child_that_exits, nullptr);
	/* SIGCHLD is for emulators, which may know no other signal: launch.cpp. */
	for (long exit_signal = 0; exit_signal <= SIGCHLD; exit_signal += SIGCHLD)
		if (pid == -ENOSYS || pid == -EPERM || pid == -EINVAL)
			pid = spawnx_clone(__NR_clone,
				static_cast<long>(args.flags) | exit_signal, 0,
				sys::word(&pidfd), child_that_exits, nullptr);
	siginfo_t info; /* the kernel needs none, valgrind complains of none */
	if (pid > 0)
		(void)sys::waitid(kernel::p_pid, static_cast<int>(pid), &info,
			kernel::wexited | kernel::wall);
	return pid;
}

/*
 * Since 5.4 waitid knows P_PIDFD: EBADF for this, EINVAL before (glibc asks so too). An
 * emulator may pass that on to its kernel and still have a clone that makes no pidfd. The
 * question for clone3 asks for one, too; without clone3 only a child tells.
 */
answer ask_pidfd()
{
	siginfo_t info;
	const long r = sys::waitid(
		kernel::p_pidfd, INT_MAX, &info, kernel::wexited | kernel::wnohang);
	if (r != -EBADF)
		return answer::absent;
	if (native(bit(CLONE3)))
		return answer::present;
	int pidfd = -1;
	const long pid = gone_child(pidfd);
	/* Out of something, or refused: the spawn itself will be told what. */
	if (pid < 0)
		return pid == -EINVAL ? answer::absent : answer::present;
	if (pidfd < 0)
		return answer::absent;
	(void)sys::close(pidfd);
	return answer::present;
}

/* An empty range is EINVAL where the call exists. */
answer ask_close_range()
{
	return sys::close_range(1, 0, 0) == -EINVAL ? answer::present : answer::absent;
}

/*
 * Whether a dead child's status stays with its pidfd has no tell but a dead child.
 * CLONE_AUTOREAP came later and builds on it.
 */
answer ask_exit_info()
{
	if (native(bit(AUTOREAP)))
		return answer::present;
	int pidfd = -1;
	const long pid = gone_child(pidfd);
	if (pid < 0)
		return pid == -EINVAL ? answer::absent : answer::inconclusive;
	kernel::pidfd_info info = {};
	info.mask = kernel::pidfd_info_exit;
	const long r = sys::pidfd_get_info(pidfd, &info);
	(void)sys::close(pidfd);
	return r == 0 && (info.mask & kernel::pidfd_info_exit) ? answer::present
							       : answer::absent;
}

answer ask(unsigned id)
{
	using namespace kernel;
	switch (id) {
#define X(id, NAME, name, since, probe, ...)                                             \
	case id:                                                                         \
		return probe;
#include "features.def"
#undef X
	}
	return answer::absent;
}

/*
 * An inconclusive answer counts as absent for this once, and is not remembered. What was
 * known before is replaced bit by bit: no other thread sees anything as absent meanwhile.
 */
uint64_t probe(uint64_t wanted)
{
	/* All others may make a process, or come near it. */
	if (wanted & ~bit(CLOSE_RANGE) && children_are_elsewhere())
		wanted &= bit(CLOSE_RANGE);
	uint64_t had = 0, known = 0;
	for (unsigned id = 0; id < count; id++) {
		if (!(wanted & bit(id)))
			continue;
		const answer a = ask(id);
		had |= a == answer::present ? bit(id) : 0;
		known |= a != answer::inconclusive ? bit(id) : 0;
	}
	known_bits.fetch_and(~(wanted & ~known), std::memory_order_relaxed);
	had_bits.fetch_or(had, std::memory_order_relaxed);
	had_bits.fetch_and(~(wanted & ~had), std::memory_order_relaxed);
	known_bits.fetch_or(known, std::memory_order_release);
	return had;
}

} // namespace

uint64_t native(uint64_t wanted)
{
	const uint64_t known = known_bits.load(std::memory_order_acquire);
	const uint64_t unknown = wanted & ~known;
	const uint64_t had = had_bits.load(std::memory_order_relaxed) & known & wanted;
	return unknown ? had | probe(unknown) : had;
}

uint64_t native_or_unasked(uint64_t wanted)
{
	const uint64_t had = native(wanted);
	const uint64_t unknown = wanted & ~known_bits.load(std::memory_order_acquire);
	return unknown && children_are_elsewhere() ? had | unknown : had;
}

/*
 * Where nothing may be asked, clone3 itself has answered, and before it took a pid: EINVAL
 * for a flag it does not know, the newest first, E2BIG for a cgroup, ENOSYS or EPERM for
 * all of it. EPERM is also about rights, which are no reason to do without the flags.
 */
static uint64_t step_down(int refusal, uint64_t native)
{
	constexpr uint64_t newest = bit(AUTOREAP) | bit(AUTOKILL) | bit(NONEWPRIVS);
	constexpr uint64_t older = bit(CLEAR_SIGHAND) | bit(INTO_CGROUP);
	if (refusal == EPERM &&
		native & (bit(AUTOREAP) | bit(AUTOKILL) | bit(INTO_CGROUP)))
		return native;
	if (refusal == EINVAL && native & newest)
		return native & ~newest;
	if ((refusal == EINVAL || refusal == E2BIG) && native & older)
		return native & ~older;
	return native & ~(newest | older | bit(CLONE3));
}

uint64_t native_after(int refusal, uint64_t wanted, uint64_t native)
{
	if (children_are_elsewhere())
		return step_down(refusal, native);
	return refusal == E2BIG ? native : probe(wanted);
}

bool children_are_elsewhere()
{
	char own[32], next[32];
	const long length = sys::readlink("/proc/thread-self/ns/pid", own, sizeof(own));
	const long other = sys::readlink(
		"/proc/thread-self/ns/pid_for_children", next, sizeof(next));
	if (length <= 0)
		return false;
	/* Before Linux 7.1 a namespace without a first process has no name yet. */
	return other == -ENOENT ||
		(other > 0 &&
			(other != length ||
				memcmp(own, next, static_cast<size_t>(length)) != 0));
}

int clone3_error()
{
	if (children_are_elsewhere())
		return 0;
	const long r = try_clone3(0);
	return r == -ENOSYS || r == -EPERM ? static_cast<int>(-r) : 0;
}

const char *name(unsigned id)
{
	return id < count ? table[id].name : nullptr;
}

const char *since(unsigned id)
{
	return id < count ? table[id].since : nullptr;
}

const char *what(unsigned id)
{
	return id < count ? table[id].what : nullptr;
}

} // namespace spawnx_core::feature

using namespace spawnx_core;

int spawnx_feature(unsigned int id) noexcept
{
	if (!feature::name(id))
		return SPAWNX_ABSENT;
	if (feature::native(feature::bit(id)))
		return SPAWNX_NATIVE;
	/* What the relays need, see plan.cpp. */
	uint64_t needs = 0;
	if (id == feature::AUTOREAP || id == feature::AUTOKILL)
		needs |= feature::bit(feature::CLONE3);
	if (id == feature::AUTOKILL)
		needs |=
			feature::bit(feature::PIDFD) | feature::bit(feature::CLOSE_RANGE);
	if ((feature::native(needs) & needs) != needs)
		return SPAWNX_ABSENT;
	return feature::table[id].without;
}

uint64_t spawnx_features(void) noexcept
{
	return feature::native(feature::all);
}

const char *spawnx_feature_name(unsigned int id) noexcept
{
	return feature::name(id);
}
