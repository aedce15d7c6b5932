/* SPDX-License-Identifier: MIT */
/* Socket activation, sd_listen_fds(3): LISTEN_FDS, and LISTEN_PID, which is the child's. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <thread>
#include <unistd.h>

using namespace support;

namespace
{

std::vector<std::string> environment(const report &r)
{
	std::vector<std::string> found;
	for (int i = 0; r.count("env." + std::to_string(i)); i++)
		found.push_back(r.at("env." + std::to_string(i)));
	return found;
}

std::vector<std::string> announced(const report &r, int n)
{
	return {"LISTEN_PID=" + r.at("pid"), "LISTEN_FDS=" + std::to_string(n)};
}

std::string flags_of(const report &r, int fd)
{
	const std::string flags = r.at("fdflags." + std::to_string(fd));
	return flags.substr(0, flags.find(','));
}

bool has(const report &r, int fd)
{
	return r.count("fd." + std::to_string(fd)) == 1;
}

/* Opens these descriptors in the child, close-on-exec. */
void make(file_actions &actions, int from, int to)
{
	for (int fd = from; fd <= to; fd++)
		REQUIRE(CALL(spawnx_file_actions_addopen(
				actions, fd, "/dev/null", O_RDWR | O_CLOEXEC, 0)) == 0);
}

void check_not_open(attributes &attr, file_actions &actions, int fd)
{
	const strings argv({"x"}), envp({"A=1"});
	pid_t pid = -7;
	CHECK(CALL(spawnx(&pid, helper("idle").c_str(), actions, attr, argv, envp)) ==
		EBADF);
	CHECK(pid == -7);
	const spawnx_failure f = last_failure();
	CHECK(f.error == EBADF);
	CHECK(f.stage == SPAWNX_STAGE_ACTION);
	CHECK(f.index == -1);
	CHECK(f.fd == fd);
	CHECK(f.text[0] == '\0');
	CHECK(in_words(f) ==
		"fd " + std::to_string(fd) +
			", which listenfds announces: Bad file descriptor");
}

} // namespace

SPAWNX_TEST("listenfds: what is not negative is remembered, 0 too")
{
	attributes attr;
	int n = -7;
	CHECK(CALL(spawnxattr_getlistenfds(attr, &n)) == ENOENT);
	for (const int bad : {-1, INT_MIN})
		CHECK(CALL(spawnxattr_setlistenfds(attr, bad)) == EINVAL);
	CHECK(CALL(spawnxattr_getlistenfds(attr, &n)) == ENOENT);
	CHECK(n == -7);
	for (const int good : {5, 0, INT_MAX}) {
		CHECK(CALL(spawnxattr_setlistenfds(attr, good)) == 0);
		CHECK(CALL(spawnxattr_setlistenfds(attr, -1)) == EINVAL);
		CHECK(CALL(spawnxattr_getlistenfds(attr, &n)) == 0);
		CHECK(n == good);
	}
	CHECK(CALL(spawnxattr_getlistenfds(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_setlistenfds(nullptr, 1)) == EINVAL);
	CHECK(CALL(spawnxattr_getlistenfds(nullptr, &n)) == EINVAL);
	spawnxattr_t none = nullptr;
	CHECK(CALL(spawnxattr_setlistenfds(&none, 1)) == EINVAL);
	CHECK(CALL(spawnxattr_getlistenfds(&none, &n)) == EINVAL);
}

SPAWNX_TEST("listenfds: the child is told how many and who it is; the rest is as it was")
{
	for (const int n : {1, 2, 12}) {
		attributes attr;
		file_actions actions;
		make(actions, 3, 3 + n);
		REQUIRE(CALL(spawnxattr_setlistenfds(attr, n)) == 0);
		const std::vector<std::string> others = {"A=1", "LISTEN_PIDS=1",
			"LISTEN_FD=3", "LISTEN_FDSX=", "LISTEN_PID", "LISTEN_FDS",
			"XLISTEN_PID=1", "listen_pid=1", "A=again", "", "=", "PATH=/x"};
		const report r = spawn_report(actions, attr, others);
		std::vector<std::string> want = others;
		for (const std::string &one : announced(r, n))
			want.push_back(one);
		CHECK(environment(r) == want);
		for (int fd = 3; fd < 3 + n; fd++) {
			CHECK(r.at("fd." + std::to_string(fd)) == "/dev/null");
			CHECK(flags_of(r, fd) == "0");
		}
		CHECK_FALSE(has(r, 3 + n)); /* close-on-exec, and not announced */
	}
}

SPAWNX_TEST(
	"listenfds: what an own activation has left goes, and no envp is an empty one")
{
	attributes attr;
	file_actions actions;
	make(actions, 3, 4);
	REQUIRE(CALL(spawnxattr_setlistenfds(attr, 2)) == 0);
	const report r = spawn_report(actions, attr,
		{"LISTEN_FDNAMES=a:b", "A=1", "LISTEN_PID=1", "LISTEN_FDS=7", "B=2",
			"LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES=", "LISTEN_PID=2"});
	std::vector<std::string> want = {"A=1", "B=2"};
	for (const std::string &one : announced(r, 2))
		want.push_back(one);
	CHECK(environment(r) == want);

	const scratch to;
	const strings argv({"report", to.path});
	pid_t pid = -1;
	REQUIRE(CALL(spawnx(&pid, helper("report").c_str(), actions, attr, argv,
			nullptr)) == 0);
	CHECK(wait_pid(pid) == 0);
	const report none = parse_report(to.path);
	CHECK(none.at("pid") == std::to_string(pid));
	CHECK(environment(none) == announced(none, 2));
}

/* Newer systemd: the pidfd's inode. Another process's makes sd_listen_fds() return 0. */
SPAWNX_TEST("listenfds: LISTEN_PIDFDID of an own activation goes, too")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setlistenfds(attr, 0)) == 0);
	CHECK(environment(spawn_report(nullptr, attr, {"A=1", "LISTEN_PIDFDID=4711"})) ==
		std::vector<std::string>{"A=1"});
}

SPAWNX_TEST("listenfds: 0 announces nothing, drops what there was, and touches no flag")
{
	attributes attr;
	file_actions actions;
	make(actions, 3, 3);
	REQUIRE(CALL(spawnxattr_setlistenfds(attr, 2)) == 0);
	REQUIRE(CALL(spawnxattr_setlistenfds(attr, 0)) == 0);
	const report r = spawn_report(actions, attr,
		{"LISTEN_FDNAMES=a:b", "A=1", "LISTEN_PID=1", "LISTEN_FDS=7", "B=2"});
	CHECK(environment(r) == std::vector<std::string>{"A=1", "B=2"});
	CHECK_FALSE(has(r, 3));
	CHECK(environment(spawn_report(actions, attr)).empty());
}

SPAWNX_TEST("listenfds: not asked for, nothing is dropped and nothing is added")
{
	attributes attr;
	const std::vector<std::string> all = {
		"LISTEN_FDNAMES=a:b", "A=1", "LISTEN_PID=1", "LISTEN_FDS=7"};
	CHECK(environment(spawn_report(nullptr, attr, all)) == all);
}

SPAWNX_TEST("listenfds: one that is not open is EBADF, and which")
{
	for (int closed = 3; closed <= 5; closed++) {
		attributes attr;
		file_actions actions;
		make(actions, 3, 5);
		REQUIRE(CALL(spawnx_file_actions_addclose(actions, closed)) == 0);
		REQUIRE(CALL(spawnxattr_setlistenfds(attr, 3)) == 0);
		check_not_open(attr, actions, closed);
		/* Only as many as are announced are looked at. */
		REQUIRE(CALL(spawnxattr_setlistenfds(attr, closed - 3)) == 0);
		const report r = spawn_report(actions, attr);
		CHECK(environment(r).size() == (closed == 3 ? 0 : 2));
	}
	attributes attr;
	file_actions actions;
	make(actions, 3, 5);
	REQUIRE(CALL(spawnx_file_actions_addclosefrom_np(actions, 6)) == 0);
	for (const int n : {4, 1000, INT_MAX}) {
		REQUIRE(CALL(spawnxattr_setlistenfds(attr, n)) == 0);
		check_not_open(attr, actions, 6);
	}
	/* An action that fails comes first. */
	REQUIRE(CALL(spawnx_file_actions_addchdir(actions, "/nonexistent")) == 0);
	const strings argv({"x"});
	CHECK(CALL(spawnx(nullptr, "/x", actions, attr, argv, nullptr)) == ENOENT);
	CHECK(last_failure().index == 4);
}

SPAWNX_TEST("listenfds: close-by-default keeps them, also those the caller has open")
{
	attributes attr;
	file_actions actions;
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_CLOEXEC_DEFAULT)) == 0);
	REQUIRE(CALL(spawnxattr_setlistenfds(attr, 2)) == 0);
	make(actions, 3, 4);
	REQUIRE(CALL(spawnx_file_actions_addopen(actions, 7, "/dev/null", O_RDONLY, 0)) ==
		0);
	const report r = spawn_report(actions, attr);
	for (const int fd : {3, 4, 7})
		CHECK(flags_of(r, fd) == "0");
	for (const int fd : {0, 1, 2, 5, 6})
		CHECK_FALSE(has(r, fd));
	CHECK(environment(r) == announced(r, 2));

	/* Without an action for it: 3 is put back where it was, if it was. */
	const int before = fcntl(3, F_DUPFD_CLOEXEC, 20);
	const int flags = fcntl(3, F_GETFD);
	const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null != 3) {
		REQUIRE(dup3(null, 3, O_CLOEXEC) == 3);
		close(null);
	}
	REQUIRE(CALL(spawnxattr_setlistenfds(attr, 1)) == 0);
	const report own = spawn_report(nullptr, attr);
	CHECK(fcntl(3, F_GETFD) == FD_CLOEXEC); /* ours is as it was */
	if (before < 0) {
		close(3);
	} else {
		dup3(before, 3, flags ? O_CLOEXEC : 0);
		close(before);
	}
	CHECK(own.at("fd.3") == "/dev/null");
	CHECK_FALSE(has(own, 0));
	CHECK(environment(own) == announced(own, 1));
}

SPAWNX_TEST("listenfds: the caller's environment is not touched, whatever comes of it")
{
	std::string first = "LISTEN_PID=1", second = "A=1", third = "LISTEN_FDS=9";
	char *const envp[] = {first.data(), second.data(), third.data(), nullptr};
	char *copy[4];
	std::memcpy(copy, envp, sizeof(envp));
	attributes attr;
	file_actions actions;
	make(actions, 3, 3);
	REQUIRE(CALL(spawnxattr_setlistenfds(attr, 1)) == 0);
	const strings argv({"idle", "exit:0"});
	pid_t pid = -1;
	REQUIRE(CALL(spawnx(&pid, helper("idle").c_str(), actions, attr, argv, envp)) ==
		0);
	CHECK(wait_pid(pid) == 0);
	CHECK(CALL(spawnx(&pid, "/nonexistent", actions, attr, argv, envp)) == ENOENT);
	CHECK(std::memcmp(copy, envp, sizeof(envp)) == 0);
	CHECK(first == "LISTEN_PID=1");
	CHECK(second == "A=1");
	CHECK(third == "LISTEN_FDS=9");
}

SPAWNX_TEST("listenfds: with a search in the PATH of envp, and by descriptor")
{
	const std::string program = helper("report");
	const scratch to;
	const strings argv({"report", to.path}),
		envp({"LISTEN_PID=1", "PATH=" + program.substr(0, program.rfind('/'))});
	for (const bool by_descriptor : {false, true}) {
		attributes attr;
		file_actions actions;
		make(actions, 3, 4);
		REQUIRE(CALL(spawnxattr_setlistenfds(attr, 2)) == 0);
		REQUIRE(CALL(spawnx_file_actions_addopen(actions, 30, program.c_str(),
				O_RDONLY | O_CLOEXEC, 0)) == 0);
		if (by_descriptor)
			REQUIRE(CALL(spawnxattr_setexecfd(attr, 30)) == 0);
		spawnx_child child = {};
		child.size = sizeof(child);
		REQUIRE(CALL(spawnx_start(&child, nullptr, SPAWNX_SEARCH_ENVP, "report",
				actions, attr, argv, envp)) == 0);
		CHECK(wait_pid(child.pid) == 0);
		close(child.pidfd);
		const report r = parse_report(to.path);
		CHECK(environment(r).size() == 3);
		CHECK(r.at("env.1") == "LISTEN_PID=" + std::to_string(child.pid));
	}
}

SPAWNX_TEST("listenfds: one attributes object, many threads, each child its own pid",
	"[thread]")
{
	attributes attr;
	file_actions actions;
	make(actions, 3, 3);
	REQUIRE(CALL(spawnxattr_setlistenfds(attr, 1)) == 0);
	const std::string program = helper("report");
	constexpr int spawns = 40;
	struct one {
		scratch to;
		pid_t pid = -1;
	};
	std::vector<one> children(spawns);
	std::vector<std::thread> threads;
	const auto half = [&](int from) {
		for (int i = from; i < spawns; i += 2) {
			const strings argv({"report", children[i].to.path}),
				envp({"A=" + std::to_string(i)});
			(void)spawnx(&children[i].pid, program.c_str(), actions, attr,
				argv, envp);
		}
	};
	threads.emplace_back(half, 0);
	half(1);
	threads[0].join();
	for (int i = 0; i < spawns; i++) {
		CHECK(wait_pid(children[i].pid) == 0);
		const report r = parse_report(children[i].to.path);
		CHECK(environment(r) ==
			std::vector<std::string>{"A=" + std::to_string(i),
				"LISTEN_PID=" + std::to_string(children[i].pid),
				"LISTEN_FDS=1"});
	}
}
