/* SPDX-License-Identifier: MIT */
/* A child that is born with our descriptor table, and leaves it with its first step. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fcntl.h>
#include <poll.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace support;

namespace
{

std::vector<std::string> numbers_of(const report &r)
{
	std::vector<std::string> found;
	for (const auto &[key, value] : r)
		if (key.rfind("fd.", 0) == 0)
			found.push_back(key.substr(3));
	return found;
}

} // namespace

SPAWNX_TEST("table: with a pidfd asked for, the child has none of it", "[has:pidfd]")
{
	(void)spawn_report(); /* memory is proved shared from now on */
	const int stray = open("/dev/null", O_RDONLY); /* not close-on-exec */
	for (const bool by_default : {false, true}) {
		const scratch to;
		attributes attr;
		file_actions actions;
		if (by_default)
			REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_CLOEXEC_DEFAULT)) ==
				0);
		else
			REQUIRE(CALL(spawnx_file_actions_addclosefrom_np(actions, 3)) ==
				0);
		const strings argv({"report", to.path}), envp({});
		int pidfd = -1;
		REQUIRE(CALL(pidfd_spawnx(&pidfd, helper("report").c_str(), actions, attr,
				argv, envp)) == 0);
		CHECK(fcntl(pidfd, F_GETFD) == FD_CLOEXEC); /* ours is as it was */
		CHECK(fcntl(stray, F_GETFD) == 0);
		CHECK(wait_pid(pid_of(pidfd)) == 0);
		close(pidfd);
		for (const std::string &number : numbers_of(parse_report(to.path)))
			CHECK((!by_default && std::stoi(number) < 3));
	}
	close(stray);
}

SPAWNX_TEST("table: a failed spawn leaves ours alone")
{
	(void)spawn_report();
	attributes attr;
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_CLOEXEC_DEFAULT)) == 0);
	const strings argv({"x"}), envp({});
	pid_t pid;
	for (int i = 0; i < 50; i++)
		CHECK(CALL(spawnx(&pid, "/nonexistent", nullptr, attr, argv, envp)) ==
			ENOENT);
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_adddup2(actions, 200, 1)) == 0);
	CHECK(CALL(spawnx(&pid, "/nonexistent", actions, attr, argv, envp)) == EBADF);
}

/* The needed descriptor is above thousands: they are left behind from below it. */
SPAWNX_TEST("table: a high descriptor is kept among many")
{
	(void)spawn_report();
	std::vector<int> many;
	for (int i = 0; i < 600; i++)
		many.push_back(open("/dev/null", O_RDONLY));
	const int high = fcntl(0, F_DUPFD, 700);
	REQUIRE(high >= 700);
	attributes attr;
	file_actions actions;
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_CLOEXEC_DEFAULT)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addinherit_np(actions, high)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addinherit_np(actions, many[0])) == 0);
	std::vector<std::string> expected{std::to_string(many[0]), std::to_string(high)};
	std::sort(expected.begin(), expected.end());
	CHECK(numbers_of(spawn_report(actions, attr)) == expected);
	close(high);
	for (const int fd : many)
		close(fd);
}

SPAWNX_TEST("table: a path that names a descriptor still finds it")
{
	(void)spawn_report();
	const scratch file;
	const int fd = open(file.path.c_str(), O_RDWR | O_CREAT, 0600);
	attributes attr;
	file_actions actions;
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_CLOEXEC_DEFAULT)) == 0);
	const std::string name = "/proc/self/fd/" + std::to_string(fd);
	REQUIRE(CALL(spawnx_file_actions_addopen(
			actions, 0, name.c_str(), O_RDONLY, 0)) == 0);
	report r = spawn_report(actions, attr);
	CHECK(r["fd.0"] == file.path);
	/* From where a relative path is one. */
	file_actions relative;
	REQUIRE(CALL(spawnx_file_actions_addchdir(relative, "/proc/self")) == 0);
	REQUIRE(CALL(spawnx_file_actions_addopen(relative, 0,
			("fd/" + std::to_string(fd)).c_str(), O_RDONLY, 0)) == 0);
	r = spawn_report(relative, attr);
	CHECK(r["fd.0"] == file.path);
	close(fd);
}

/* What the others open and close is theirs, whatever the child does to its copy. */
TEST_CASE("table: other threads open and close meanwhile", "[thread]")
{
	(void)spawn_report();
	std::atomic<bool> done{false};
	std::atomic<int> lost{0};
	std::vector<std::thread> threads;
	for (int t = 0; t < 3; t++)
		threads.emplace_back([&] {
			while (!done) {
				int fds[8];
				for (int &fd : fds)
					fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
				for (const int fd : fds)
					lost += fcntl(fd, F_GETFD) != FD_CLOEXEC;
				for (const int fd : fds)
					lost += close(fd) != 0;
			}
		});
	attributes attr;
	REQUIRE(spawnxattr_setflags(attr, SPAWNX_CLOEXEC_DEFAULT) == 0);
	const strings argv({"idle", "exit:0"}), envp({});
	int wrong = 0;
	const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(3);
	for (int i = 0; i < 300 && std::chrono::steady_clock::now() < until; i++) {
		pid_t pid = -1;
		wrong += spawnx(&pid, helper("idle").c_str(), nullptr, attr, argv,
				 envp) != 0;
		wrong += pid > 0 && wait_pid(pid) != 0;
	}
	done = true;
	for (std::thread &t : threads)
		t.join();
	CHECK(wrong == 0);
	CHECK(lost == 0);
}
