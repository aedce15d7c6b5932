/* SPDX-License-Identifier: MIT */
/* spx::child: it owns a process, and leaves none behind. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>
#include <spawnx.hpp>

#include <cerrno>
#include <csignal>
#include <optional>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace support;
using namespace std::chrono_literals;

namespace
{

spx::child start(std::vector<std::string> words = {})
{
	words.insert(words.begin(), "idle");
	return spx::start(helper("idle"), words);
}

void until_dead(int pidfd)
{
	pollfd p = {pidfd, POLLIN, 0};
	REQUIRE(poll(&p, 1, 30000) == 1);
}

bool is_gone(pid_t pid)
{
	return becomes(0, pid, 5000ms);
}

/* Destroys the child, and looks whether errno and the children are as they should be. */
void drop(spx::child child)
{
	errno = 4095;
	{
		const spx::child last = std::move(child);
	}
	CHECK(errno == 4095);
	CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
	CHECK(errno == ECHILD);
}

} // namespace

SPAWNX_TEST("wait tells how it ended, and then tells it again")
{
	spx::child c = start({"ms:500", "exit:7"});
	CHECK(c);
	CHECK(c.pid() == pid_of(c.pidfd()));
	CHECK_FALSE(c.try_wait().has_value());
	CHECK_FALSE(c.wait_for(1ms).has_value());
	for (int twice = 0; twice < 2; twice++) {
		const spx::exit_status s = c.wait();
		CHECK(s.exited());
		CHECK(s.code() == 7);
		CHECK_FALSE(s.success());
		CHECK_FALSE(s.signaled());
		CHECK(s.signal() == 0);
		CHECK(c.try_wait() == s);
		CHECK(c.wait_for(0s) == s);
		CHECK(c.stop(0s) == s);
	}
	c = start({"signal:9"});
	const spx::exit_status killed = c.wait();
	CHECK(killed.signaled());
	CHECK(killed.signal() == SIGKILL);
	CHECK(killed.code() == -1);
	CHECK_FALSE(killed.exited());
	CHECK(start({"exit:0"}).wait().success());
	CHECK_FALSE(spx::exit_status().exited());
	CHECK_FALSE(spx::exit_status().signaled());
	CHECK(spx::exit_status() != killed);
}

SPAWNX_TEST("stop and signal")
{
	CHECK(start().stop(20s).signal() == SIGTERM);
	spx::child c = start();
	c.signal(SIGINT);
	CHECK(c.wait().signal() == SIGINT);
	CHECK_THROWS_AS(c.signal(SIGINT), spx::error);
	std::error_code ec;
	c.signal(SIGINT, ec);
	CHECK(ec == std::errc::no_such_process);
}

SPAWNX_TEST("no process: everything is EBADF, and the destructor does nothing")
{
	spx::child none;
	CHECK_FALSE(none);
	CHECK(none.pid() == -1);
	CHECK(none.pidfd() == -1);
	std::error_code ec;
	none.wait(ec);
	CHECK(ec == std::errc::bad_file_descriptor);
	none.try_wait(ec);
	CHECK(ec == std::errc::bad_file_descriptor);
	none.stop(1s, ec);
	CHECK(ec == std::errc::bad_file_descriptor);
	none.signal(0, ec);
	CHECK(ec == std::errc::bad_file_descriptor);
	CHECK(none.release() == -1);
}

SPAWNX_TEST("dropped while it runs: gone, reaped, errno untouched")
{
	spx::child c = start();
	const pid_t pid = c.pid();
	drop(std::move(c));
	CHECK(state_of(pid) == 0);

	c = start();
	c.signal(SIGSTOP);
	drop(std::move(c));

	sigset_t term, before;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	c = start();
	sigprocmask(SIG_SETMASK, &before, nullptr);
	drop(std::move(c));
}

SPAWNX_TEST("dropped after its end: the zombie is reaped")
{
	spx::child c = start({"exit:1"});
	until_dead(c.pidfd());
	CHECK(state_of(c.pid()) == 'Z');
	drop(std::move(c));
}

SPAWNX_TEST("dropped after somebody else has reaped it")
{
	spx::child c = start({"exit:1"});
	CHECK(wait_pid(c.pid()) == 0x100);
	drop(std::move(c));
}

SPAWNX_TEST("dropped while SIGCHLD is ignored")
{
	struct sigaction ignore = {}, before;
	ignore.sa_handler = SIG_IGN;
	sigaction(SIGCHLD, &ignore, &before);
	spx::child c = start();
	const pid_t pid = c.pid();
	drop(std::move(c));
	CHECK(is_gone(pid));
	sigaction(SIGCHLD, &before, nullptr);
}

/* By the kernel, or by what stands in for it: then neither child nor guard stays. */
SPAWNX_TEST("dropped with autoreap or autokill: gone, and others reap", "[has:clone3]")
{
	const bool kernel = should_have("autokill") == oracle::has;
	for (const bool kill : {false, true}) {
		auto attr = spx::attributes().autoreap().autokill(kill).no_new_privs();
		REQUIRE(spawnxattr_setfallback(attr.get(), SPAWNX_FALLBACK_WEAKER) == 0);
		spx::child c = spx::start(helper("idle"), {"idle"}, attr);
		const auto did = kernel ? c.native() : c.emulated();
		CHECK((did >> SPAWNX_FEATURE_AUTOREAP & 1) == 1);
		CHECK((did >> SPAWNX_FEATURE_AUTOKILL & 1) == kill);
		const pid_t pid = c.pid();
		errno = 4095;
		c = spx::child();
		CHECK(errno == 4095);
		CHECK(is_gone(pid));
		CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
	}
}

SPAWNX_TEST("stopped with autoreap or autokill", "[has:clone3]")
{
	for (const bool kill : {false, true}) {
		auto attr = spx::attributes().autoreap().autokill(kill).no_new_privs();
		REQUIRE(spawnxattr_setfallback(attr.get(), SPAWNX_FALLBACK_WEAKER) == 0);
		spx::child c = spx::start(helper("idle"), {"idle"}, attr);
		const pid_t pid = c.pid();
		std::error_code ec;
		const spx::exit_status s = c.stop(20s, ec);
		/* Whose status it is decides who may know it. */
		if (should_have("exit_info") == oracle::has)
			CHECK(s.signal() == SIGTERM);
		else
			CHECK(ec == std::errc::no_message_available);
		CHECK(is_gone(pid));
	}
}

/* What a child ends by when it is released is its pidfd, whoever closes that. */
SPAWNX_TEST("released with autokill: it ends with the pidfd", "[has:clone3]")
{
	auto attr = spx::attributes().autokill().no_new_privs();
	REQUIRE(spawnxattr_setfallback(attr.get(), SPAWNX_FALLBACK_WEAKER) == 0);
	spx::child c = spx::start(helper("idle"), {"idle"}, attr);
	const pid_t pid = c.pid();
	const int pidfd = c.release();
	c = spx::child();
	CHECK(state_of(pid) != 0);
	close(pidfd);
	CHECK(is_gone(pid));
}

SPAWNX_TEST("dropped by an exception on its way")
{
	pid_t pid = 0;
	try {
		const spx::child c = start();
		pid = c.pid();
		throw 1;
	} catch (int) {
	}
	CHECK(state_of(pid) == 0);
}

SPAWNX_TEST("released: the process lives on, and the pidfd is the caller's")
{
	spx::child c = start();
	const pid_t pid = c.pid();
	const int pidfd = c.release();
	CHECK_FALSE(c);
	CHECK(c.pid() == -1);
	c = spx::child();
	CHECK(pid_of(pidfd) == pid);
	CHECK(CALL(spawnx_signal(pidfd, 0)) == 0);
	const timespec at_once = {0, 0};
	CHECK(CALL(spawnx_stop(pidfd, &at_once, nullptr)) == 0);
	close(pidfd);
}

SPAWNX_TEST("moved: one owner at a time, and what is assigned over ends")
{
	spx::child a = start(), b = start();
	const pid_t first = a.pid(), second = b.pid();
	a = std::move(b);
	CHECK(state_of(first) == 0);
	CHECK(a.pid() == second);
	CHECK_FALSE(b);
	spx::child &same = a;
	a = std::move(same);
	CHECK(a.pid() == second);
	a.swap(b);
	CHECK(b.pid() == second);
	CHECK_FALSE(a);
	std::vector<spx::child> many;
	for (int i = 0; i < 5; i++)
		many.push_back(start());
	many.clear();
	std::optional<spx::child> maybe = start();
	maybe.reset();
	CHECK(waitpid(-1, nullptr, WNOHANG) == 0); /* second is alive */
}

SPAWNX_TEST("a status nobody can know is an error, and the child is gone",
	"[lacks:exit_info]")
{
	spx::child c = start({"exit:1"});
	CHECK(wait_pid(c.pid()) == 0x100);
	std::error_code ec;
	const spx::exit_status s = c.wait(ec);
	CHECK(ec == std::errc::no_message_available);
	CHECK_FALSE(s.exited());
	CHECK_FALSE(s.signaled());
	CHECK_THROWS_AS(c.stop(0s), spx::error);
}

SPAWNX_TEST("a child we may not signal is left at once", "[user]")
{
	/* As start() hands it out, for a process that is not ours: init. */
	spawnx_child made = {sizeof(made), 1, -1, 0, 0, 0};
	made.pidfd = static_cast<int>(syscall(SYS_pidfd_open, 1, 0));
	REQUIRE(made.pidfd >= 0);
	const auto begin = std::chrono::steady_clock::now();
	{
		const spx::child c(made);
	}
	CHECK(std::chrono::steady_clock::now() - begin < spx::child::patience);
	CHECK(state_of(1) != 0);
}
