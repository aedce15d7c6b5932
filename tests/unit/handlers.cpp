/* SPDX-License-Identifier: MIT */
/*
 * Signals: where the kernel cannot clear the handlers, the child does it in a loop while
 * all signals are blocked. Nobody may be able to tell the difference.
 */
#include "launching.hpp"

#include <snapshot.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "kernel.hpp"
#include "syscall.hpp"

using namespace spawnx_core;
using feature::bit;
using unit::trial;

namespace
{

constexpr uint64_t ways[] = {0, bit(feature::CLEAR_SIGHAND), bit(feature::CLONE3)};

/* libc keeps 32 and 33 to itself; they are dispositions like all others to the kernel. */
constexpr int libc_signal = 33;

volatile std::sig_atomic_t handled;

void handler(int)
{
	handled = handled + 1;
}

kernel::sigset mask_now()
{
	kernel::sigset mask = 0;
	syscall(SYS_rt_sigprocmask, 0, nullptr, &mask, sizeof(mask));
	return mask;
}

/* All 64 dispositions and the mask, as they were before. */
class signals
{
public:
	signals()
	{
		for (int sig = 1; sig <= kernel::last_signal; sig++)
			sys::rt_sigaction(sig, nullptr, &before[sig]);
		mask = mask_now();
		handled = 0;
	}
	~signals()
	{
		for (int sig = 1; sig <= kernel::last_signal; sig++)
			sys::rt_sigaction(sig, &before[sig], nullptr);
		sys::rt_sigprocmask(&mask, nullptr);
	}
	signals(const signals &) = delete;
	signals &operator=(const signals &) = delete;

	void set(int sig, uintptr_t to)
	{
		kernel::sigaction act = {};
		act.handler = to;
		if (to > kernel::sig_ign) { /* libc's way: with its restorer */
			struct sigaction own = {};
			own.sa_handler = handler;
			if (sigaction(sig, &own, nullptr) == 0)
				return;
		}
		sys::rt_sigaction(sig, &act, nullptr);
	}
	void block(kernel::sigset these)
	{
		sys::rt_sigprocmask(&these, nullptr);
	}

private:
	kernel::sigaction before[kernel::last_signal + 1] = {};
	kernel::sigset mask;
};

std::string hex(kernel::sigset set)
{
	char text[17];
	std::snprintf(
		text, sizeof(text), "%016llx", static_cast<unsigned long long>(set));
	return text;
}

const uintptr_t caught = reinterpret_cast<uintptr_t>(handler);

/*
 * Stops the child at a file action, before exec: it opens a FIFO. Meanwhile a thread does
 * something with it, then lets it go on.
 */
class gate
{
public:
	template <typename F> explicit gate(trial &t, F meanwhile)
	{
		unlink(fifo.path.c_str());
		REQUIRE(mkfifo(fifo.path.c_str(), 0600) == 0);
		spawnx_file_actions_addopen(t.actions, 0, fifo.path.c_str(), O_WRONLY, 0);
		const pid_t parent = gettid();
		thread = std::thread([this, parent, meanwhile] {
			pid_t pid = 0;
			for (int i = 0; i < 5000 && !at_the_gate(parent, pid); i++)
				usleep(1000);
			meanwhile(pid, parent);
			const int fd = open(
				fifo.path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
			while (!passed)
				usleep(1000);
			close(fd);
		});
	}
	~gate()
	{
		passed = true;
		thread.join();
	}
	gate(const gate &) = delete;
	gate &operator=(const gate &) = delete;

private:
	/* The child exists, and waits in open(2). */
	static bool at_the_gate(pid_t parent, pid_t &pid)
	{
		std::ifstream children(
			"/proc/self/task/" + std::to_string(parent) + "/children");
		std::string call;
		if (!(children >> pid))
			return false;
		std::ifstream("/proc/" + std::to_string(pid) + "/syscall") >> call;
		return call == std::to_string(SYS_openat);
	}

	support::scratch fifo;
	std::thread thread;
	std::atomic<bool> passed = false;
};

std::string status_of(pid_t pid, const std::string &key)
{
	std::ifstream in("/proc/" + std::to_string(pid) + "/status");
	for (std::string word; in >> word;)
		if (word == key + ":" && in >> word)
			return word;
	return "";
}

} // namespace

SPAWNX_TEST("signals: the child's are the same whoever clears the handlers")
{
	signals s;
	s.set(SIGUSR1, caught);
	s.set(SIGCHLD, caught);
	s.set(SIGRTMAX, caught);
	s.set(libc_signal, caught);
	s.set(SIGHUP, kernel::sig_ign);
	s.set(SIGPIPE, kernel::sig_ign);
	s.set(SIGRTMIN, kernel::sig_ign);
	const kernel::sigset blocked = kernel::bit(SIGUSR2) | kernel::bit(SIGTERM) |
		kernel::bit(64) | kernel::bit(32);
	s.block(blocked);
	for (const uint64_t without : ways) {
		trial t;
		t.without = without;
		const support::report r = t.run();
		INFO("without features " << without);
		CHECK(r.at("SigBlk") == hex(blocked));
		CHECK(r.at("SigCgt") == hex(0));
		CHECK(r.at("SigIgn") ==
			hex(kernel::bit(SIGHUP) | kernel::bit(SIGPIPE) |
				kernel::bit(SIGRTMIN)));
		CHECK(mask_now() == blocked);
	}
}

SPAWNX_TEST("signals: every one of them caught, every one of them blocked")
{
	signals s;
	for (int sig = 1; sig <= kernel::last_signal; sig++)
		s.set(sig, caught);
	s.block(~kernel::sigset(0));
	const kernel::sigset blocked = mask_now(); /* not SIGKILL, SIGSTOP */
	for (const uint64_t without : ways) {
		trial t;
		t.without = without;
		const support::report r = t.run();
		INFO("without features " << without);
		CHECK(r.at("SigBlk") == hex(blocked));
		CHECK(r.at("SigCgt") == hex(0));
		CHECK(r.at("SigIgn") == hex(0));
		CHECK(mask_now() == blocked);
	}
}

SPAWNX_TEST("signals: the attributes' mask and defaults, whoever clears the handlers")
{
	signals s;
	s.set(SIGUSR1, caught);
	s.set(SIGHUP, kernel::sig_ign);
	s.set(SIGPIPE, kernel::sig_ign);
	s.block(kernel::bit(SIGUSR2));
	sigset_t mask, defaults;
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGRTMAX);
	sigfillset(&defaults);
	sigdelset(&defaults, SIGHUP);
	for (const uint64_t without : ways) {
		trial t;
		t.without = without;
		spawnxattr_setflags(t.attr, SPAWNX_SETSIGMASK | SPAWNX_SETSIGDEF);
		spawnxattr_setsigmask(t.attr, &mask);
		spawnxattr_setsigdefault(t.attr, &defaults);
		const support::report r = t.run();
		INFO("without features " << without);
		CHECK(r.at("SigBlk") == hex(kernel::bit(SIGINT) | kernel::bit(SIGRTMAX)));
		CHECK(r.at("SigCgt") == hex(0));
		CHECK(r.at("SigIgn") == hex(kernel::bit(SIGHUP)));
		CHECK(mask_now() == kernel::bit(SIGUSR2));
	}
}

SPAWNX_TEST("signals: the parent's handlers and mask stay, on success and on failure")
{
	signals s;
	s.set(SIGUSR1, caught);
	s.set(libc_signal, caught);
	s.set(SIGPIPE, kernel::sig_ign);
	s.block(kernel::bit(SIGUSR2) | kernel::bit(libc_signal));
	for (const uint64_t without : ways) {
		for (int kind = 0; kind < 4; kind++) {
			trial t;
			t.without = without;
			INFO("without features " << without << ", kind " << kind);
			switch (kind) {
			case 0:
				t.run();
				break;
			case 1:
				t.programs = {"/nonexistent/x"};
				t.fail(ENOENT);
				break;
			case 2:
				spawnx_file_actions_addchdir(t.actions, "/nonexistent");
				t.fail(ENOENT);
				break;
			case 3: /* clone itself, by CLONE_THREAD without what it needs */
				t.lower().clone_flags |= 0x00010000;
				CHECK(t.launch().error == EINVAL);
				break;
			}
			kernel::sigaction act = {};
			CHECK(mask_now() ==
				(kernel::bit(SIGUSR2) | kernel::bit(libc_signal)));
			sys::rt_sigaction(SIGUSR1, nullptr, &act);
			CHECK(act.handler == caught);
			sys::rt_sigaction(libc_signal, nullptr, &act);
			CHECK(act.handler == caught);
			sys::rt_sigaction(SIGPIPE, nullptr, &act);
			CHECK(act.handler == kernel::sig_ign);
		}
	}
}

TEST_CASE("signals: blocked in both while the child does its steps, only without the "
	  "kernel's help")
{
	for (const uint64_t without : ways) {
		std::string in_child, in_parent;
		trial t;
		t.without = without;
		const gate g(t, [&](pid_t child, pid_t parent) {
			in_child = status_of(child, "SigBlk");
			in_parent = status_of(parent, "SigBlk");
		});
		t.run();
		INFO("without features " << without);
		const std::string wanted = hex(t.plan.block_signals
				? ~(kernel::bit(SIGKILL) | kernel::bit(SIGSTOP))
				: 0);
		CHECK(in_child == wanted);
		CHECK(in_parent == wanted);
	}
}

TEST_CASE(
	"signals: one that comes before exec kills the child; no handler ever runs in it")
{
	for (const uint64_t without : ways) {
		signals s;
		s.set(SIGUSR1, caught);
		trial t;
		t.without = without;
		t.pidfd = true;
		const gate g(t, [](pid_t child, pid_t) { kill(child, SIGUSR1); });
		const support::sigchld_counter sigchlds;
		t.launch();
		INFO("without features " << without);
		CHECK(t.launched.error == ECANCELED);
		CHECK(t.launched.cloned);
		CHECK(t.launched.killed_by == SIGUSR1);
		CHECK(t.launched.pidfd == -1);
		CHECK(t.plan.result.error == 0);
		CHECK(handled == 0);
		CHECK(sigchlds.count() == 0);
		CHECK(mask_now() == 0);
		CHECK_FALSE(unit::has_children());
	}
}
