/* SPDX-License-Identifier: MIT */
/* What glibc has beyond POSIX, and close-by-default. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;

static std::vector<std::string> descriptors(const report &r)
{
	std::vector<std::string> found;
	for (const auto &line : r)
		if (line.first.rfind("fd.", 0) == 0)
			found.push_back(line.first.substr(3));
	return found;
}

/* Descriptors without close-on-exec, near, far and in between. */
struct leaky {
	std::vector<int> fds;

	leaky()
	{
		for (const int at : {3, 10, 11, 57, 300, 301, 1000}) {
			const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
			const int there = fcntl(fd, F_DUPFD, at);
			close(fd);
			if (there >= 0)
				fds.push_back(there);
		}
	}
	~leaky()
	{
		for (const int fd : fds)
			close(fd);
	}
};

SPAWNX_TEST("closefrom closes that one and all above, those opened before it too")
{
	const leaky world;
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addopen(actions, 9, "/dev/null", O_RDONLY, 0)) ==
		0);
	REQUIRE(CALL(spawnx_file_actions_addopen(
			actions, 20, "/dev/null", O_RDONLY, 0)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addclosefrom_np(actions, 11)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addopen(
			actions, 30, "/dev/null", O_RDONLY, 0)) == 0);
	const report r = spawn_report(actions);
	const auto open_ones = descriptors(r);
	CHECK(std::count(open_ones.begin(), open_ones.end(), "9") == 1);
	CHECK(std::count(open_ones.begin(), open_ones.end(), "10") == 1);
	CHECK(std::count(open_ones.begin(), open_ones.end(), "30") == 1);
	for (const std::string &fd : open_ones)
		CHECK((std::stoi(fd) < 11 || fd == "30"));
}

SPAWNX_TEST("closefrom 0 closes everything")
{
	const leaky world;
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addclosefrom_np(actions, 0)) == 0);
	CHECK(descriptors(spawn_report(actions)).empty());
}

SPAWNX_TEST("closefrom with a full descriptor table")
{
	rlimit before_limit;
	REQUIRE(getrlimit(RLIMIT_NOFILE, &before_limit) == 0);
	rlimit tight = before_limit;
	tight.rlim_cur = 64;
	setrlimit(RLIMIT_NOFILE, &tight);
	file_actions actions;
	const int added = spawnx_file_actions_addclosefrom_np(actions, 40);
	std::vector<int> filler;
	for (int fd; (fd = open("/dev/null", O_RDONLY)) >= 0;)
		filler.push_back(fd);
	const strings argv({"idle", "exit:4"}), envp({});
	pid_t pid = -1;
	const int error =
		spawnx(&pid, helper("idle").c_str(), actions, nullptr, argv, envp);
	for (const int fd : filler)
		close(fd);
	setrlimit(RLIMIT_NOFILE, &before_limit);
	CHECK(added == 0);
	REQUIRE(error == 0);
	CHECK(wait_pid(pid) == 0x400);
}

SPAWNX_TEST("close-by-default keeps what file actions make, and nothing else")
{
	const leaky world;
	const int source = world.fds.front();
	attributes attr;
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_CLOEXEC_DEFAULT)) == 0);
	CHECK(descriptors(spawn_report(nullptr, attr)).empty());

	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0)) ==
		0);
	REQUIRE(CALL(spawnx_file_actions_adddup2(actions, source, 21)) == 0);
	REQUIRE(CALL(spawnx_file_actions_adddup2(actions, 301, 301)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addopen(
			actions, 22, "/dev/null", O_RDONLY | O_CLOEXEC, 0)) == 0);
	const report r = spawn_report(actions, attr);
	CHECK(descriptors(r) == std::vector<std::string>{"0", "21", "301"});

	spawnx_child child = {};
	child.size = sizeof(child);
	const strings argv({"idle", "exit:0"}), envp({});
	REQUIRE(CALL(spawnx_start(&child, nullptr, 0, helper("idle").c_str(), actions,
			attr, argv, envp)) == 0);
	const auto wanted = UINT64_C(1) << SPAWNX_FEATURE_CLOSE_RANGE;
	const bool native = should_have("close_range") == oracle::has;
	CHECK((child.native & wanted) == (native ? wanted : 0));
	CHECK((child.emulated & wanted) == (native ? 0 : wanted));
	close(child.pidfd);
	CHECK(wait_pid(child.pid) == 0);
}

SPAWNX_TEST("scheduling: policy and priority, or only the priority", "[root]")
{
	attributes attr;
	sched_param param = {7};
	REQUIRE(CALL(spawnxattr_setschedpolicy(attr, SCHED_RR)) == 0);
	REQUIRE(CALL(spawnxattr_setschedparam(attr, &param)) == 0);
	CHECK(spawn_report(nullptr, attr).at("sched") == "0"); /* no flag, no effect */
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETSCHEDULER)) == 0);
	const report r = spawn_report(nullptr, attr);
	CHECK(r.at("sched") == std::to_string(SCHED_RR));
	CHECK(r.at("sched_priority") == "7");
	/* A priority alone does not fit the policy we have. */
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETSCHEDPARAM)) == 0);
	const strings argv({"idle"}), envp({});
	pid_t pid = -7;
	CHECK(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, attr, argv, envp)) ==
		EINVAL);
	CHECK(last_failure().stage == SPAWNX_STAGE_SCHED);
	CHECK(in_words(last_failure()) == "scheduling: Invalid argument");
	param.sched_priority = 0;
	REQUIRE(CALL(spawnxattr_setschedparam(attr, &param)) == 0);
	CHECK(spawn_report(nullptr, attr).at("sched") == "0");
}

SPAWNX_TEST("a real-time policy is EPERM for a user", "[user]")
{
	attributes attr;
	const sched_param param = {7};
	REQUIRE(CALL(spawnxattr_setschedpolicy(attr, SCHED_FIFO)) == 0);
	REQUIRE(CALL(spawnxattr_setschedparam(attr, &param)) == 0);
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETSCHEDULER)) == 0);
	const strings argv({"idle"}), envp({});
	pid_t pid = -7;
	CHECK(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, attr, argv, envp)) ==
		EPERM);
	CHECK(last_failure().stage == SPAWNX_STAGE_SCHED);
}

SPAWNX_TEST("policies POSIX does not know, and bad descriptors, are refused when set")
{
	attributes attr;
	for (const int bad : {SCHED_BATCH, SCHED_IDLE, 6, -1, 99})
		CHECK(CALL(spawnxattr_setschedpolicy(attr, bad)) == EINVAL);
	int policy = -1, cgroup = -1;
	REQUIRE(CALL(spawnxattr_getschedpolicy(attr, &policy)) == 0);
	CHECK(policy == SCHED_OTHER);
	REQUIRE(CALL(spawnxattr_setcgroup_np(attr, 12)) == 0);
	REQUIRE(CALL(spawnxattr_getcgroup_np(attr, &cgroup)) == 0);
	CHECK(cgroup == 12);
	sched_param param = {};
	CHECK(CALL(spawnxattr_setschedparam(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_getschedparam(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_getschedparam(attr, &param)) == 0);
	file_actions actions;
	for (const int bad : {-1, 1 << 30}) {
		CHECK(CALL(spawnx_file_actions_addclosefrom_np(actions, bad)) == EBADF);
		CHECK(CALL(spawnx_file_actions_addtcsetpgrp_np(actions, bad)) == EBADF);
	}
}

SPAWNX_TEST("tcsetpgrp makes a background child the foreground group, unstopped")
{
	for (const bool foreground : {true, false}) {
		attributes attr;
		REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETSID)) == 0);
		const scratch to;
		const strings argv({"terminal", foreground ? "tcsetpgrp" : "none",
			helper("report"), to.path});
		const char *path = getenv("LD_LIBRARY_PATH");
		const strings env({"LD_LIBRARY_PATH=" + std::string(path ? path : "")});
		int pidfd = -1;
		REQUIRE(CALL(pidfd_spawnx(&pidfd, helper("terminal").c_str(), nullptr,
				attr, argv, env)) == 0);
		spawnx_exit e = {};
		e.size = sizeof(e);
		const timespec limit = {20, 0};
		CHECK(CALL(spawnx_wait(pidfd, &e, &limit)) == 0);
		CHECK(e.code == CLD_EXITED);
		CHECK(e.status == 0);
		spawnx_signal(pidfd, SIGKILL);
		close(pidfd);
		report r = parse_report(to.path);
		CHECK(r["tty"] == "1");
		CHECK(r["foreground"] == (foreground ? "1" : "0"));
		CHECK(r["SigBlk"] == "0000000000000000");
	}
}

SPAWNX_TEST("tcsetpgrp on what is no terminal is ENOTTY, with the descriptor")
{
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addopen(actions, 5, "/dev/null", O_RDONLY, 0)) ==
		0);
	REQUIRE(CALL(spawnx_file_actions_addtcsetpgrp_np(actions, 5)) == 0);
	const strings argv({"idle"}), envp({});
	pid_t pid = -7;
	CHECK(CALL(spawnx(&pid, helper("idle").c_str(), actions, nullptr, argv, envp)) ==
		ENOTTY);
	CHECK(last_failure().index == 1);
	CHECK(last_failure().fd == 5);
	CHECK(in_words(last_failure()) ==
		"file action 1: tcsetpgrp of fd 5: Inappropriate ioctl for device");
}

SPAWNX_TEST("a child is born in its cgroup", "[cgroup][has:into_cgroup]")
{
	const std::string dir =
		cgroup_root() + "/spawnx-test-" + std::to_string(getpid());
	REQUIRE(mkdir(dir.c_str(), 0755) == 0);
	const int fd = open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	attributes attr;
	REQUIRE(CALL(spawnxattr_setcgroup_np(attr, fd)) == 0);
	const std::string before_path = spawn_report(nullptr, attr).at("cgroup");
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETCGROUP)) == 0);
	const std::string after_path = spawn_report(nullptr, attr).at("cgroup");
	close(fd);
	CHECK(rmdir(dir.c_str()) == 0);
	CHECK(after_path == dir.substr(cgroup_root().size()));
	CHECK(after_path != before_path);
}

SPAWNX_TEST("a cgroup that is none is EBADF of clone, which says so", "[has:into_cgroup]")
{
	const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	attributes attr;
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETCGROUP)) == 0);
	const strings argv({"idle"}), envp({});
	for (const int bad : {null, 999}) {
		REQUIRE(CALL(spawnxattr_setcgroup_np(attr, bad)) == 0);
		pid_t pid = -7;
		CHECK(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, attr, argv,
			      envp)) == EBADF);
		CHECK(pid == -7);
		const spawnx_failure f = last_failure();
		CHECK(f.stage == SPAWNX_STAGE_CLONE);
		CHECK(f.index == SPAWNX_FEATURE_INTO_CGROUP);
		CHECK(f.fd == bad);
		CHECK(std::string(f.text) == "into_cgroup");
		CHECK(in_words(f) ==
			"clone3 into the cgroup of fd " + std::to_string(bad) +
				": Bad file descriptor");
	}
	close(null);
}

SPAWNX_TEST("a cgroup where clone3 cannot be had is ENOTSUP", "[lacks:into_cgroup]")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETCGROUP)) == 0);
	const strings argv({"idle"}), envp({});
	pid_t pid = -7;
	CHECK(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, attr, argv, envp)) ==
		ENOTSUP);
	CHECK(last_failure().stage == SPAWNX_STAGE_FEATURE);
	CHECK(std::string(last_failure().text) == "into_cgroup");
}
