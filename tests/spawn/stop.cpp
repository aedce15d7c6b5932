/* SPDX-License-Identifier: MIT */
/* spawnx_stop: SIGTERM, SIGKILL after the grace, and the end of it. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace
{

int start(std::vector<std::string> words, spawnxattr_t *attr = nullptr)
{
	words.insert(words.begin(), "idle");
	const strings argv(words), envp({});
	int pidfd = -1;
	REQUIRE(CALL(pidfd_spawnx(
			&pidfd, helper("idle").c_str(), nullptr, attr, argv, envp)) == 0);
	return pidfd;
}

/* Once it has said so, what the words have set up is in force; and then it stays. */
int start_and_hear(std::vector<std::string> words, spawnxattr_t *attr = nullptr)
{
	int ready[2];
	REQUIRE(pipe(ready) == 0);
	words.push_back("say:" + std::to_string(ready[1]) + ":x");
	const int pidfd = start(words, attr);
	close(ready[1]);
	char c;
	CHECK(read(ready[0], &c, 1) == 1);
	close(ready[0]);
	return pidfd;
}

struct stopped {
	int error;
	spawnx_exit e;
	steady_clock::duration took;
};

stopped stop(int pidfd, const timespec *grace)
{
	stopped s = {};
	s.e.size = sizeof(s.e);
	s.e.code = s.e.status = -7;
	const auto begin = steady_clock::now();
	s.error = CALL(spawnx_stop(pidfd, grace, &s.e));
	s.took = steady_clock::now() - begin;
	return s;
}

void deaf_to_sigterm(spawnxattr_t *attr)
{
	sigset_t mask;
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	REQUIRE(CALL(spawnxattr_setsigmask(attr, &mask)) == 0);
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETSIGMASK)) == 0);
}

constexpr timespec at_once = {0, 0}, tenth = {0, 100000000}, half_a_minute = {30, 0};

} // namespace

SPAWNX_TEST("stop: SIGTERM is enough for most, and nobody waits for the grace")
{
	for (const timespec *grace :
		{&half_a_minute, static_cast<const timespec *>(nullptr)}) {
		const int pidfd = start_and_hear({});
		const stopped s = stop(pidfd, grace);
		CHECK(s.error == 0);
		CHECK(s.e.code == CLD_KILLED);
		CHECK(s.e.status == SIGTERM);
		CHECK(s.took < std::chrono::seconds(20));
		close(pidfd);
	}
}

SPAWNX_TEST("stop: SIGKILL when the grace is over, and not before")
{
	attributes attr;
	deaf_to_sigterm(attr);
	int pidfd = start_and_hear({}, attr);
	stopped s = stop(pidfd, &tenth);
	CHECK(s.error == 0);
	CHECK(s.e.code == CLD_KILLED);
	CHECK(s.e.status == SIGKILL);
	CHECK(s.took >= milliseconds(100));
	close(pidfd);

	pidfd = start_and_hear({}, attr);
	s = stop(pidfd, &at_once);
	CHECK(s.error == 0);
	CHECK(s.e.status == SIGKILL);
	close(pidfd);
}

SPAWNX_TEST("stop: without a grace there is no SIGKILL; with one the handler may use it")
{
	for (const timespec *grace :
		{&half_a_minute, static_cast<const timespec *>(nullptr)}) {
		const int pidfd = start_and_hear({"term:7"});
		const stopped s = stop(pidfd, grace);
		CHECK(s.error == 0);
		CHECK(s.e.code == CLD_EXITED);
		CHECK(s.e.status == 7);
		CHECK(s.took >= milliseconds(100));
		close(pidfd);
	}
}

SPAWNX_TEST("stop: a stopped process is killed after the grace")
{
	const int pidfd = start({});
	REQUIRE(CALL(spawnx_signal(pidfd, SIGSTOP)) == 0);
	const stopped s = stop(pidfd, &tenth);
	CHECK(s.error == 0);
	/* Which of the two pending signals it dies of is the kernel's choice. */
	CHECK((s.e.status == SIGKILL || s.e.status == SIGTERM));
	close(pidfd);
}

SPAWNX_TEST("stop: a zombie is a success with its own status")
{
	const int pidfd = start({"ms:1", "exit:5"});
	pollfd p = {pidfd, POLLIN, 0};
	REQUIRE(poll(&p, 1, 30000) == 1);
	const stopped s = stop(pidfd, &at_once);
	CHECK(s.error == 0);
	CHECK(s.e.code == CLD_EXITED);
	CHECK(s.e.status == 5);
	close(pidfd);
}

SPAWNX_TEST("stop: a process that is gone is a success; its status is not made up")
{
	const bool kept = should_have("exit_info") == oracle::has;
	const int pidfd = start({"exit:5"});
	CHECK(wait_pid(pid_of(pidfd)) == 0x500);
	CHECK(CALL(spawnx_stop(pidfd, &at_once, nullptr)) == 0);
	CHECK(CALL(spawnx_stop(pidfd, nullptr, nullptr)) == 0);
	const stopped s = stop(pidfd, &at_once);
	CHECK(s.error == (kept ? 0 : ENODATA));
	CHECK(s.e.code == (kept ? CLD_EXITED : -7));
	CHECK(s.e.status == (kept ? 5 : -7));
	close(pidfd);
}

SPAWNX_TEST("stop: with SIGCHLD ignored")
{
	struct sigaction ignore = {}, before;
	ignore.sa_handler = SIG_IGN;
	sigaction(SIGCHLD, &ignore, &before);
	const int pidfd = start({});
	CHECK(CALL(spawnx_stop(pidfd, &half_a_minute, nullptr)) == 0);
	sigaction(SIGCHLD, &before, nullptr);
	/* Its end is known a moment before the kernel has taken it out of its tables. */
	for (int i = 0; i < 10000 && spawnx_signal(pidfd, 0) == 0; i++)
		usleep(1000);
	CHECK(CALL(spawnx_signal(pidfd, 0)) == ESRCH);
	close(pidfd);
}

SPAWNX_TEST("stop: autoreaped and autokilled children, twice", "[has:autokill]")
{
	for (const bool kill : {false, true}) {
		attributes attr;
		REQUIRE(CALL(spawnxattr_setautoreap(attr, 1)) == 0);
		REQUIRE(CALL(spawnxattr_setautokill(attr, kill)) == 0);
		REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
		const int pidfd = start_and_hear({}, attr);
		for (int twice = 0; twice < 2; twice++) {
			const stopped s = stop(pidfd, &half_a_minute);
			CHECK(s.error == 0);
			CHECK(s.e.code == CLD_KILLED);
			CHECK(s.e.status == SIGTERM);
		}
		close(pidfd);
	}
}

SPAWNX_TEST("stop: somebody else's process is EPERM at once, and lives", "[user]")
{
	const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, 1, 0));
	REQUIRE(pidfd >= 0);
	const stopped s = stop(pidfd, &half_a_minute);
	CHECK(s.error == EPERM);
	CHECK(s.took < std::chrono::seconds(20));
	close(pidfd);
}

SPAWNX_TEST("stop: refused arguments leave the child alone")
{
	const int pidfd = start({});
	for (const timespec bad :
		{timespec{-1, 0}, timespec{0, -1}, timespec{0, 1000000000}})
		CHECK(CALL(spawnx_stop(pidfd, &bad, nullptr)) == EINVAL);
	spawnx_exit e = {};
	CHECK(CALL(spawnx_stop(pidfd, &at_once, &e)) == EINVAL);
	CHECK(CALL(spawnx_wait(pidfd, nullptr, &tenth)) == ETIMEDOUT);
	CHECK(CALL(spawnx_stop(pidfd, &at_once, nullptr)) == 0);
	close(pidfd);
}
