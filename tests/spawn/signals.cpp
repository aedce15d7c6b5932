/* SPDX-License-Identifier: MIT */
/* Dispositions and mask: all 64 signals of the child, whatever its parent has done. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <array>
#include <csignal>
#include <cstdio>
#include <random>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace support;

namespace
{

using word = std::uint64_t; /* bit sig - 1: the kernel's set */

constexpr word bit(int sig)
{
	return UINT64_C(1) << (sig - 1);
}

constexpr word never = bit(SIGKILL) | bit(SIGSTOP); /* no disposition, no mask */
constexpr word libcs = bit(32) | bit(33);	    /* libc keeps these to itself */

std::string hex(word set)
{
	char text[17];
	std::snprintf(
		text, sizeof(text), "%016llx", static_cast<unsigned long long>(set));
	return text;
}

/* sigaddset refuses 32 and 33; a set may have them all the same. */
sigset_t set_of(word w)
{
	sigset_t set;
	sigemptyset(&set);
	memcpy(&set, &w, sizeof(w));
	return set;
}

/* Dispositions and mask as the kernel has them, put back in the end. */
class dispositions
{
public:
	using all = std::array<std::array<char, 64>, 65>;

	dispositions() : before(now())
	{
		syscall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &mask_before, 8);
	}
	~dispositions()
	{
		for (int sig = 1; sig <= 64; sig++)
			if (~never & bit(sig))
				syscall(SYS_rt_sigaction, sig,
					before[static_cast<std::size_t>(sig)].data(),
					nullptr, 8);
		mask(mask_before);
	}
	dispositions(const dispositions &) = delete;
	dispositions &operator=(const dispositions &) = delete;

	static all now()
	{
		all actions = {};
		for (int sig = 1; sig <= 64; sig++)
			syscall(SYS_rt_sigaction, sig, nullptr,
				actions[static_cast<std::size_t>(sig)].data(), 8);
		return actions;
	}
	static void mask(word set)
	{
		syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, nullptr, 8);
	}
	static word mask()
	{
		word set = 0;
		syscall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &set, 8);
		return set;
	}
	static word ignored()
	{
		word set = 0;
		const all actions = now();
		for (int sig = 1; sig <= 64; sig++) {
			std::uintptr_t handler; /* first in the kernel's sigaction */
			memcpy(&handler, actions[static_cast<std::size_t>(sig)].data(),
				sizeof(handler));
			set |= handler == 1 ? bit(sig) : 0;
		}
		return set;
	}
	/* But for those that the test itself or libc needs. */
	static void set(word handled, word ignored)
	{
		struct sigaction action = {};
		for (int sig = 1; sig <= 64; sig++) {
			if ((never | libcs | bit(SIGCHLD)) & bit(sig))
				continue;
			if (ignored & bit(sig))
				action.sa_handler = SIG_IGN;
			else if (handled & bit(sig))
				action.sa_handler = [](int) { handler_ran = 1; };
			else
				action.sa_handler = SIG_DFL;
			sigaction(sig, &action, nullptr);
		}
	}
	static volatile std::sig_atomic_t handler_ran;

private:
	all before;
	word mask_before = 0;
};

volatile std::sig_atomic_t dispositions::handler_ran;

struct asked {
	word defaults = 0, ignore = 0, mask = 0;
	short flags = 0;
	bool sigignore = false;

	void on(spawnxattr_t *attr) const
	{
		const sigset_t d = set_of(defaults), i = set_of(ignore), m = set_of(mask);
		REQUIRE(CALL(spawnxattr_setsigdefault(attr, &d)) == 0);
		REQUIRE(CALL(spawnxattr_setsigmask(attr, &m)) == 0);
		REQUIRE(CALL(spawnxattr_setflags(attr, flags)) == 0);
		if (sigignore)
			REQUIRE(CALL(spawnxattr_setsigignore(attr, &i)) == 0);
	}
	/* What must come of it: SigIgn and SigBlk. */
	word ignored(word by_parent) const
	{
		if (flags & SPAWNX_SETSIGDEF)
			by_parent &= ~defaults;
		if (sigignore)
			by_parent |= ignore;
		return by_parent & ~never;
	}
	word blocked(word by_parent) const
	{
		return (flags & SPAWNX_SETSIGMASK ? mask : by_parent) & ~never;
	}
};

report posix_report(const asked &a)
{
	posix_spawnattr_t attr;
	posix_spawnattr_init(&attr);
	const sigset_t d = set_of(a.defaults), m = set_of(a.mask);
	posix_spawnattr_setsigdefault(&attr, &d);
	posix_spawnattr_setsigmask(&attr, &m);
	posix_spawnattr_setflags(&attr, a.flags);
	const scratch to;
	const strings argv({"report", to.path}), envp({});
	pid_t pid = -1;
	const int error =
		posix_spawn(&pid, helper("report").c_str(), nullptr, &attr, argv, envp);
	posix_spawnattr_destroy(&attr);
	REQUIRE(error == 0);
	REQUIRE(wait_pid(pid) == 0);
	return parse_report(to.path);
}

word number(const report &r, const char *key)
{
	return std::stoull(r.at(key), nullptr, 16);
}

} // namespace

SPAWNX_TEST("sigignore: those and no others; it wins over sigdefault; without any flag")
{
	const dispositions restored;
	dispositions::set(bit(SIGUSR1), bit(SIGHUP) | bit(SIGUSR2));
	asked a;
	a.sigignore = true;
	a.ignore = bit(SIGUSR1) | bit(SIGUSR2) | bit(64) | never;
	attributes attr;
	a.on(attr);
	const word wanted = a.ignore & ~never;
	CHECK(spawn_report(nullptr, attr).at("SigIgn") == hex(wanted | bit(SIGHUP)));
	a.flags = SPAWNX_SETSIGDEF;
	a.defaults = ~word(0);
	a.on(attr);
	const report r = spawn_report(nullptr, attr);
	CHECK(r.at("SigIgn") == hex(wanted));
	CHECK(r.at("SigCgt") == hex(0));
	/* An empty set asks for nothing, and takes back what was asked for. */
	a.ignore = 0;
	a.on(attr);
	CHECK(spawn_report(nullptr, attr).at("SigIgn") == hex(0));
}

SPAWNX_TEST("sigignore: its getter, and what it does not take")
{
	attributes attr;
	sigset_t got, set = set_of(bit(SIGPIPE) | bit(40));
	CHECK(CALL(spawnxattr_getsigignore(attr, &got)) == ENOENT);
	REQUIRE(CALL(spawnxattr_setsigignore(attr, &set)) == 0);
	sigfillset(&set); /* a copy is kept */
	REQUIRE(CALL(spawnxattr_getsigignore(attr, &got)) == 0);
	for (int sig = 1; sig <= 64; sig++)
		CHECK(sigismember(&got, sig) == (sig == SIGPIPE || sig == 40));
	spawnxattr_t none = nullptr;
	CHECK(CALL(spawnxattr_setsigignore(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_setsigignore(nullptr, &set)) == EINVAL);
	CHECK(CALL(spawnxattr_setsigignore(&none, &set)) == EINVAL);
	CHECK(CALL(spawnxattr_getsigignore(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_getsigignore(nullptr, &got)) == EINVAL);
	CHECK(CALL(spawnxattr_getsigignore(&none, &got)) == EINVAL);
}

SPAWNX_TEST("every signal of the child is what parent and attributes make of it")
{
	/* First the corners, then at random; always with what no set can change. */
	const word all = ~word(0);
	const word corners[] = {
		0, all, all & ~libcs, libcs, never, bit(SIGRTMIN), bit(64)};
	std::mt19937_64 random(7);
	for (int round = 0; round < 120; round++) {
		auto pick = [&, n = 0]() mutable -> word {
			if (round < 49)
				return corners[(n++ % 2 ? round / 7 : round) % 7];
			return random() & random();
		};
		asked a;
		a.defaults = pick();
		a.ignore = pick();
		a.mask = pick();
		a.sigignore = round % 2;
		a.flags = static_cast<short>((round & 2 ? SPAWNX_SETSIGDEF : 0) |
			(round & 4 ? SPAWNX_SETSIGMASK : 0));
		const word handled = pick(), ignored = pick(), blocked = pick();
		attributes attr;
		a.on(attr);

		report r;
		word by_parent = 0, mask_there = 0, mask_after = 0;
		dispositions::all before, after;
		{
			const dispositions restored;
			dispositions::set(handled, ignored);
			by_parent = dispositions::ignored();
			before = dispositions::now();
			dispositions::mask(blocked);
			mask_there = dispositions::mask();
			r = spawn_report(nullptr, attr);
			mask_after = dispositions::mask();
			after = dispositions::now();
		}
		INFO("round " << round << ": default " << hex(a.defaults) << " ignore "
			      << hex(a.ignore) << " mask " << hex(a.mask) << " flags "
			      << a.flags << "; parent " << hex(handled) << " "
			      << hex(ignored) << " " << hex(blocked));
		CHECK(r.at("SigIgn") == hex(a.ignored(by_parent)));
		CHECK(r.at("SigBlk") == hex(a.blocked(mask_there)));
		CHECK(r.at("SigCgt") == hex(0));
		CHECK(r.at("SigPnd") == hex(0));
		CHECK(r.at("ShdPnd") == hex(0));
		CHECK(mask_after == mask_there);
		CHECK(mask_there == (blocked & ~never));
		CHECK(before == after);
	}
}

SPAWNX_TEST("sigdefault and sigmask do what glibc's posix_spawn does", "[glibc]")
{
	std::mt19937_64 random(11);
	for (int round = 0; round < 60; round++) {
		asked a;
		a.defaults = round % 5 ? random() & ~libcs : ~libcs;
		a.mask = random() & ~libcs;
		a.flags = static_cast<short>((round & 1 ? SPAWNX_SETSIGDEF : 0) |
			(round & 2 ? SPAWNX_SETSIGMASK : 0));
		attributes attr;
		a.on(attr);
		const word handled = random(), ignored = random() & ~handled;
		report ours, theirs;
		{
			const dispositions restored;
			dispositions::set(handled, ignored);
			dispositions::mask(random() & ~libcs & ~bit(SIGCHLD));
			ours = spawn_report(nullptr, attr);
			theirs = posix_report(a);
		}
		INFO("round " << round);
		/* glibc 2.36 leaves 32 and 33 ignored with a full sigdefault. */
		CHECK((number(ours, "SigIgn") & ~libcs) ==
			(number(theirs, "SigIgn") & ~libcs));
		CHECK(ours.at("SigBlk") == theirs.at("SigBlk"));
		CHECK(ours.at("SigCgt") == theirs.at("SigCgt"));
	}
}

SPAWNX_TEST("what is pending here stays here, and no handler runs before its time")
{
	const dispositions restored;
	dispositions::set(bit(SIGUSR1) | bit(40), 0);
	dispositions::handler_ran = 0;
	dispositions::mask(bit(SIGUSR1) | bit(40));
	raise(SIGUSR1);
	kill(getpid(), 40);
	attributes attr;
	asked a;
	a.flags = SPAWNX_SETSIGMASK;
	a.on(attr);
	const report same_mask = spawn_report(), no_mask = spawn_report(nullptr, attr);
	sigset_t pending;
	sigpending(&pending);
	const int ran = dispositions::handler_ran;
	dispositions::mask(0);
	CHECK(ran == 0);
	CHECK(dispositions::handler_ran == 1);
	CHECK(sigismember(&pending, SIGUSR1) == 1);
	CHECK(sigismember(&pending, 40) == 1);
	CHECK(same_mask.at("SigBlk") == hex(bit(SIGUSR1) | bit(40)));
	for (const report &r : {same_mask, no_mask}) {
		CHECK(r.at("SigPnd") == hex(0));
		CHECK(r.at("ShdPnd") == hex(0));
	}
	CHECK(no_mask.at("SigBlk") == hex(0));
}
