/* SPDX-License-Identifier: MIT */
/* spawnx_wait and spawnx_signal: one call for every kind of child. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace support;
using std::chrono::milliseconds;

static int start(std::vector<std::string> words, spawnxattr_t *attr = nullptr)
{
	words.insert(words.begin(), "idle");
	const strings argv(words), envp({});
	int pidfd = -1;
	REQUIRE(CALL(pidfd_spawnx(
			&pidfd, helper("idle").c_str(), nullptr, attr, argv, envp)) == 0);
	return pidfd;
}

static spawnx_exit wait_for(int pidfd)
{
	spawnx_exit e = {};
	e.size = sizeof(e);
	const timespec limit = {30, 0};
	REQUIRE(CALL(spawnx_wait(pidfd, &e, &limit)) == 0);
	return e;
}

SPAWNX_TEST("exit code and signal of an ordinary child")
{
	int pidfd = start({"exit:7"});
	spawnx_exit e = wait_for(pidfd);
	CHECK(e.code == CLD_EXITED);
	CHECK(e.status == 7);
	close(pidfd);
	pidfd = start({"signal:9"});
	e = wait_for(pidfd);
	CHECK(e.code == CLD_KILLED);
	CHECK(e.status == SIGKILL);
	close(pidfd);
}

SPAWNX_TEST("time-outs: at once, later, and none")
{
	const int pidfd = start({"ms:300", "exit:1"});
	spawnx_exit e = {};
	e.size = sizeof(e);
	e.code = -7;
	timespec limit = {0, 0};
	CHECK(CALL(spawnx_wait(pidfd, &e, &limit)) == ETIMEDOUT);
	limit.tv_nsec = 50 * 1000 * 1000;
	const auto begin = std::chrono::steady_clock::now();
	CHECK(CALL(spawnx_wait(pidfd, &e, &limit)) == ETIMEDOUT);
	CHECK(std::chrono::steady_clock::now() - begin >= milliseconds(50));
	CHECK(e.code == -7); /* written on success only */
	limit.tv_sec = INT64_MAX;
	CHECK(CALL(spawnx_wait(pidfd, &e, &limit)) == 0);
	CHECK(e.status == 1);
	close(pidfd);
}

SPAWNX_TEST("a signal handler does not end the wait", "[thread]")
{
	struct sigaction act = {}, before;
	act.sa_handler = [](int) {};
	sigaction(SIGUSR1, &act, &before);
	const int pidfd = start({"ms:200", "exit:2"});
	const pthread_t self = pthread_self();
	std::thread poker([self] {
		for (int i = 0; i < 10; i++) {
			usleep(10000);
			pthread_kill(self, SIGUSR1);
		}
	});
	CHECK(wait_for(pidfd).status == 2);
	poker.join();
	sigaction(SIGUSR1, &before, nullptr);
	close(pidfd);
}

SPAWNX_TEST("what is no pidfd is EBADF at once, bad time-outs and sizes are EINVAL")
{
	int pipe[2];
	REQUIRE(pipe2(pipe, O_CLOEXEC) == 0);
	CHECK(CALL(spawnx_wait(pipe[0], nullptr, nullptr)) == EBADF);
	CHECK(CALL(spawnx_wait(-1, nullptr, nullptr)) == EBADF);
	CHECK(CALL(spawnx_wait(12345, nullptr, nullptr)) == EBADF);
	CHECK(CALL(spawnx_signal(pipe[0], 0)) == EBADF);
	CHECK(CALL(spawnx_signal(-1, 0)) == EBADF);
	close(pipe[0]);
	close(pipe[1]);

	const int pidfd = start({});
	spawnx_exit e = {};
	CHECK(CALL(spawnx_wait(pidfd, &e, nullptr)) == EINVAL);
	for (const timespec bad :
		{timespec{-1, 0}, timespec{0, -1}, timespec{0, 1000000000}})
		CHECK(CALL(spawnx_wait(pidfd, nullptr, &bad)) == EINVAL);
	CHECK(CALL(spawnx_signal(pidfd, 12345)) == EINVAL);
	CHECK(CALL(spawnx_signal(pidfd, 0)) == 0);
	CHECK(CALL(spawnx_signal(pidfd, SIGTERM)) == 0);
	CHECK(wait_for(pidfd).status == SIGTERM);
	CHECK(CALL(spawnx_signal(pidfd, 0)) == ESRCH);
	close(pidfd);
}

SPAWNX_TEST("a stolen wait: the status stays with the pidfd", "[has:exit_info]")
{
	const int pidfd = start({"exit:9"});
	CHECK(wait_pid(pid_of(pidfd)) == 0x900);
	for (int twice = 0; twice < 2; twice++) {
		const spawnx_exit e = wait_for(pidfd);
		CHECK(e.code == CLD_EXITED);
		CHECK(e.status == 9);
	}
	close(pidfd);
}

SPAWNX_TEST("a stolen wait where the kernel keeps no status is ENODATA, never 0",
	"[lacks:exit_info]")
{
	const int pidfd = start({"exit:9"});
	CHECK(wait_pid(pid_of(pidfd)) == 0x900);
	spawnx_exit e = {};
	e.size = sizeof(e);
	e.code = -7;
	CHECK(CALL(spawnx_wait(pidfd, &e, nullptr)) == ENODATA);
	CHECK(e.code == -7);
	close(pidfd);
}

SPAWNX_TEST("with SIGCHLD ignored the kernel reaps, and the wait still ends",
	"[has:exit_info]")
{
	struct sigaction ignore = {}, before;
	ignore.sa_handler = SIG_IGN;
	sigaction(SIGCHLD, &ignore, &before);
	const int pidfd = start({"ms:20", "exit:6"});
	const spawnx_exit e = wait_for(pidfd);
	sigaction(SIGCHLD, &before, nullptr);
	CHECK(e.status == 6);
	close(pidfd);
}

SPAWNX_TEST("after poll has told, a wait that must not wait has the status",
	"[has:exit_info]")
{
	struct sigaction ignore = {}, before;
	ignore.sa_handler = SIG_IGN;
	sigaction(SIGCHLD, &ignore, &before);
	const strings argv({"idle", "exit:3"}), envp({});
	const std::string idle = helper("idle");
	const timespec at_once = {0, 0};
	attributes attr;
	if (should_have("autoreap") == oracle::has)
		REQUIRE(CALL(spawnxattr_setautoreap(attr, 1)) == 0);
	int others = 0;
	for (int i = 0; i < 400; i++) {
		int pidfd = -1;
		if (pidfd_spawnx(&pidfd, idle.c_str(), nullptr,
			    i % 2 ? &attr.handle : nullptr, argv, envp) != 0)
			break;
		pollfd p = {pidfd, POLLIN, 0};
		spawnx_exit e = {};
		e.size = sizeof(e);
		const int told = poll(&p, 1, 30000);
		const int error = spawnx_wait(pidfd, &e, &at_once);
		if (told != 1 || error || e.status != 3) {
			others++;
			WARN("poll " << told << " wait " << error << " status "
				     << e.status);
		}
		close(pidfd);
	}
	sigaction(SIGCHLD, &before, nullptr);
	CHECK(others == 0);
}

SPAWNX_TEST("a non-blocking pidfd waits no less")
{
	const int pidfd = start({"ms:50", "exit:3"});
	REQUIRE(fcntl(pidfd, F_SETFL, O_NONBLOCK) == 0);
	CHECK(wait_for(pidfd).status == 3);
	close(pidfd);
}

SPAWNX_TEST("spawnx_exit: a short struct gets what fits, a long one is zero-filled")
{
	struct {
		spawnx_exit e;
		char more[8];
	} room;
	memset(&room, 0x55, sizeof(room));
	room.e.size = sizeof(room);
	int pidfd = start({"exit:1"});
	CHECK(CALL(spawnx_wait(pidfd, &room.e, nullptr)) == 0);
	close(pidfd);
	CHECK(room.e.code == CLD_EXITED);
	CHECK(room.more[0] == 0);
	CHECK(room.more[7] == 0);
	memset(&room, 0x55, sizeof(room));
	room.e.size = 8;
	pidfd = start({"exit:1"});
	CHECK(CALL(spawnx_wait(pidfd, &room.e, nullptr)) == 0);
	close(pidfd);
	CHECK(room.e.code == CLD_EXITED);
	CHECK(room.e.status == 0x55555555);
}
