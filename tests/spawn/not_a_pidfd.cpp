/* SPDX-License-Identifier: MIT */
/* spawnx_wait, _signal and _stop with what is no pidfd of ours: no hang, no wrong status. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;

namespace
{

constexpr timespec at_once = {0, 0}, short_while = {0, 50000000}, bad_time = {-1, 0};

int open_pidfd(pid_t pid, unsigned flags = 0)
{
	return static_cast<int>(syscall(SYS_pidfd_open, pid, flags));
}

struct sleeper {
	sleeper()
	{
		const strings argv({"idle"}), envp({});
		REQUIRE(CALL(pidfd_spawnx(&pidfd, helper("idle").c_str(), nullptr,
				nullptr, argv, envp)) == 0);
	}
	~sleeper()
	{
		(void)spawnx_stop(pidfd, &at_once, nullptr);
		close(pidfd);
	}
	int pidfd = -1;
};

/* What a process in a pid namespace of its own got for one of ours. */
struct foreign_answers {
	int wait, stop, signal;
};

foreign_answers ask_from_another_namespace(int pidfd)
{
	foreign_answers answers = {-1, -1, -1};
	int told[2];
	REQUIRE(pipe(told) == 0);
	const pid_t outer = fork();
	if (outer == 0) {
		if (unshare(CLONE_NEWPID) == 0 && fork() == 0) {
			spawnx_exit e = {};
			e.size = sizeof(e);
			answers.wait = spawnx_wait(pidfd, &e, &short_while);
			answers.stop = spawnx_stop(pidfd, &short_while, &e);
			answers.signal = spawnx_signal(pidfd, 0);
			(void)!write(told[1], &answers, sizeof(answers));
			_exit(0);
		}
		(void)wait(nullptr);
		_exit(0);
	}
	close(told[1]);
	CHECK(read(told[0], &answers, sizeof(answers)) == sizeof(answers));
	close(told[0]);
	CHECK(wait_pid(outer) == 0);
	return answers;
}

} // namespace

SPAWNX_TEST("descriptors of other things are EBADF, at once, for each call")
{
	int pipes[2], sockets[2];
	REQUIRE(pipe(pipes) == 0);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
	const int closed = dup(0);
	close(closed);
	const int bad[] = {-1, INT_MIN, INT_MAX, closed, pipes[0], pipes[1], sockets[0],
		eventfd(0, 0), open("/", O_RDONLY | O_DIRECTORY), open("/", O_PATH),
		open("/dev/null", O_RDWR), open(helper("idle").c_str(), O_RDONLY)};
	for (const int fd : bad) {
		INFO(fd << " " << &fd - bad);
		spawnx_exit e = {};
		e.size = sizeof(e);
		CHECK(CALL(spawnx_wait(fd, &e, nullptr)) == EBADF);
		CHECK(CALL(spawnx_wait(fd, nullptr, &at_once)) == EBADF);
		CHECK(CALL(spawnx_stop(fd, nullptr, &e)) == EBADF);
		CHECK(CALL(spawnx_stop(fd, &at_once, nullptr)) == EBADF);
		CHECK(CALL(spawnx_signal(fd, 0)) == EBADF);
		CHECK(e.code == 0);
		CHECK(e.status == 0);
	}
	for (size_t i = 4; i < sizeof(bad) / sizeof(bad[0]); i++)
		close(bad[i]);
	close(sockets[1]);
}

SPAWNX_TEST("a directory of /proc takes signals from the kernel, but not from stop")
{
	const sleeper child;
	const pid_t pid = pid_of(child.pidfd);
	const int dir =
		open(("/proc/" + std::to_string(pid)).c_str(), O_RDONLY | O_DIRECTORY);
	REQUIRE(dir >= 0);
	CHECK(CALL(spawnx_wait(dir, nullptr, nullptr)) == EBADF);
	CHECK(CALL(spawnx_stop(dir, &at_once, nullptr)) == EBADF);
	CHECK(CALL(spawnx_wait(child.pidfd, nullptr, &short_while)) == ETIMEDOUT);
	close(dir);
}

SPAWNX_TEST("bad time-outs are refused before anything is looked at")
{
	const sleeper child;
	for (const int fd : {child.pidfd, -1}) {
		CHECK(CALL(spawnx_wait(fd, nullptr, &bad_time)) == EINVAL);
		CHECK(CALL(spawnx_stop(fd, &bad_time, nullptr)) == EINVAL);
	}
	CHECK(CALL(spawnx_wait(child.pidfd, nullptr, &at_once)) == ETIMEDOUT);
}

SPAWNX_TEST("one's own pidfd: one lives")
{
	const int self = open_pidfd(getpid());
	REQUIRE(self >= 0);
	CHECK(CALL(spawnx_wait(self, nullptr, &short_while)) == ETIMEDOUT);
	close(self);
}

SPAWNX_TEST("far time-outs do not overflow")
{
	const timespec far[] = {
		{INT64_MAX, 999999999}, {INT64_MAX / 1000000000, 0}, {INT64_MAX / 2, 1}};
	for (const timespec &limit : far) {
		const strings argv({"idle", "ms:20", "exit:3"}), envp({});
		int pidfd = -1;
		REQUIRE(CALL(pidfd_spawnx(&pidfd, helper("idle").c_str(), nullptr,
				nullptr, argv, envp)) == 0);
		spawnx_exit e = {};
		e.size = sizeof(e);
		CHECK(CALL(spawnx_wait(pidfd, &e, &limit)) == 0);
		CHECK(e.status == 3);
		close(pidfd);
	}
}

SPAWNX_TEST("a pidfd from outside the pid namespace: nothing is made up", "[root]")
{
	int dead = -1;
	{
		const sleeper child;
		const foreign_answers a = ask_from_another_namespace(child.pidfd);
		CHECK(a.wait == ETIMEDOUT);
		/* pidfd_send_signal(2): a process must be in the sender's namespace. */
		CHECK(a.stop == EINVAL);
		CHECK(a.signal == EINVAL);
		CHECK(CALL(spawnx_wait(child.pidfd, nullptr, &short_while)) == ETIMEDOUT);
		dead = dup(child.pidfd);
	}
	const foreign_answers a = ask_from_another_namespace(dead);
	INFO(a.wait << " " << a.stop << " " << a.signal);
	CHECK((a.wait == ENODATA ||
		(a.wait == 0 && should_have("exit_info") == oracle::has)));
	CHECK(a.stop == a.wait);
	close(dead);
}
