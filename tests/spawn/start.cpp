/* SPDX-License-Identifier: MIT */
/* Starting a program: the plain calls. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <cstddef>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;

SPAWNX_TEST(
	"with a full descriptor table spawnx and spawnxp work from the first spawn on",
	"[first]")
{
	std::vector<int> filler;
	for (int fd; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;)
		filler.push_back(fd);
	REQUIRE(errno == EMFILE);
	const std::string program = helper("idle");
	const std::string directory = program.substr(0, program.rfind('/'));
	const strings argv({"idle", "exit:3"}), envp({});
	pid_t pid = -1, pid2 = -1;
	const int error = spawnx(&pid, program.c_str(), nullptr, nullptr, argv, envp);
	const std::string before = getenv("PATH") ? getenv("PATH") : "";
	setenv("PATH", directory.c_str(), 1);
	const int error2 = spawnxp(&pid2, "idle", nullptr, nullptr, argv, envp);
	setenv("PATH", before.c_str(), 1);
	pid_t none = -7;
	const int missing = spawnx(&none, "/nonexistent", nullptr, nullptr, argv, envp);
	int pidfd = -7;
	const int with_pidfd =
		pidfd_spawnx(&pidfd, program.c_str(), nullptr, nullptr, argv, envp);
	const int stage = last_failure().stage;
	for (const int fd : filler)
		close(fd);

	CHECK(error == 0);
	CHECK(error2 == 0);
	CHECK(missing == ENOENT);
	CHECK(none == -7);
	CHECK(with_pidfd == EMFILE);
	CHECK(stage == SPAWNX_STAGE_CLONE);
	CHECK(pidfd == -7);
	CHECK(wait_pid(pid) == 0x300);
	CHECK(wait_pid(pid2) == 0x300);
}

SPAWNX_TEST("a plain child is the program, with its arguments and environment")
{
	const report r =
		spawn_report(nullptr, nullptr, {"A=1", "B=two words", "A=again"});
	CHECK(r.at("argv.0") == "report");
	CHECK(r.at("env.0") == "A=1");
	CHECK(r.at("env.1") == "B=two words");
	CHECK(r.at("env.2") == "A=again");
	CHECK(r.count("env.3") == 0);
	CHECK(r.at("ppid") == std::to_string(getpid()));
	CHECK(r.at("pgid") == std::to_string(getpgid(0)));
	CHECK(r.at("sid") == std::to_string(getsid(0)));
	CHECK(r.at("SigBlk") == "0000000000000000");
	CHECK(r.at("SigCgt") == "0000000000000000");
	CHECK(r.at("NoNewPrivs") == "0");
}

SPAWNX_TEST("no environment is an empty one, as with glibc")
{
	const scratch to;
	const strings argv({"report", to.path});
	pid_t pid;
	REQUIRE(CALL(spawnx(&pid, helper("report").c_str(), nullptr, nullptr, argv,
			nullptr)) == 0);
	CHECK(wait_pid(pid) == 0);
	CHECK(parse_report(to.path).count("env.0") == 0);
}

SPAWNX_TEST("an ordinary child is waited for as always, and sends SIGCHLD")
{
	const sigchld_counter sigchld;
	const strings argv({"idle", "exit:5"}), envp({});
	pid_t pid;
	REQUIRE(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, nullptr, argv,
			envp)) == 0);
	int status;
	pid_t got;
	do
		got = wait(&status);
	while (got < 0 && errno == EINTR);
	CHECK(got == pid);
	CHECK(WEXITSTATUS(status) == 5);
	CHECK(sigchld.count() == 1);
}

SPAWNX_TEST("pid may be NULL")
{
	const strings argv({"idle", "exit:0"}), envp({});
	REQUIRE(CALL(spawnx(nullptr, helper("idle").c_str(), nullptr, nullptr, argv,
			envp)) == 0);
	int status;
	CHECK(waitpid(-1, &status, 0) > 0);
}

SPAWNX_TEST("pidfd_spawnx returns a close-on-exec pidfd of the child")
{
	const strings argv({"idle", "exit:4"}), envp({});
	int pidfd = -1;
	REQUIRE(CALL(pidfd_spawnx(&pidfd, helper("idle").c_str(), nullptr, nullptr, argv,
			envp)) == 0);
	REQUIRE(pidfd >= 0);
	CHECK(fcntl(pidfd, F_GETFD) == FD_CLOEXEC);
	spawnx_exit e = {};
	e.size = sizeof(e);
	CHECK(CALL(spawnx_wait(pidfd, &e, nullptr)) == 0);
	CHECK(e.code == CLD_EXITED);
	CHECK(e.status == 4);
	close(pidfd);
}

SPAWNX_TEST("spawnx_start returns pid, pidfd and what was native")
{
	spawnx_child child = {};
	child.size = sizeof(child);
	const strings argv({"idle", "exit:0"}), envp({});
	REQUIRE(CALL(spawnx_start(&child, nullptr, 0, helper("idle").c_str(), nullptr,
			nullptr, argv, envp)) == 0);
	CHECK(pid_of(child.pidfd) == child.pid);
	CHECK((child.native & child.emulated) == 0);
	const auto bit = [](unsigned id) { return UINT64_C(1) << id; };
	CHECK((child.native | child.emulated) ==
		(bit(SPAWNX_FEATURE_CLONE3) | bit(SPAWNX_FEATURE_CLEAR_SIGHAND) |
			bit(SPAWNX_FEATURE_PIDFD)));
	const bool native = should_have("clone3") == oracle::has;
	CHECK(!!(child.native & bit(SPAWNX_FEATURE_CLONE3)) == native);
	close(child.pidfd);
	CHECK(wait_pid(child.pid) == 0);
}

SPAWNX_TEST("native and emulated have the features that a spawn used, and no other")
{
	const auto bit = [](unsigned id) { return UINT64_C(1) << id; };
	const std::uint64_t always = bit(SPAWNX_FEATURE_CLONE3) |
		bit(SPAWNX_FEATURE_CLEAR_SIGHAND) | bit(SPAWNX_FEATURE_PIDFD);
	const strings argv({"idle", "exit:0"}), envp({});
	const auto check = [&](attributes &attr, file_actions &actions, unsigned id) {
		spawnx_child child = {};
		child.size = sizeof(child);
		const std::string name = spawnx_feature_name(id);
		INFO(name);
		REQUIRE(CALL(spawnx_start(&child, nullptr, 0, helper("idle").c_str(),
				actions, attr, argv, envp)) == 0);
		close(child.pidfd);
		CHECK(wait_pid(child.pid) == 0);
		CHECK((child.native & child.emulated) == 0);
		CHECK((child.native | child.emulated) == (always | bit(id)));
		const bool native = should_have(name) == oracle::has;
		CHECK((child.native & bit(id)) == (native ? bit(id) : 0));
	};
	{
		attributes attr;
		file_actions actions;
		REQUIRE(CALL(spawnx_file_actions_addclosefrom_np(actions, 90)) == 0);
		check(attr, actions, SPAWNX_FEATURE_CLOSE_RANGE);
	}
	{
		attributes attr;
		file_actions actions;
		REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_CLOEXEC_DEFAULT)) == 0);
		check(attr, actions, SPAWNX_FEATURE_CLOSE_RANGE);
	}
	attributes attr;
	file_actions actions;
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
	check(attr, actions, SPAWNX_FEATURE_NONEWPRIVS);
}

SPAWNX_TEST("output structs: a short one gets what fits, a long one is zero-filled")
{
	const strings argv({"idle", "exit:0"}), envp({});
	struct {
		spawnx_child child;
		char more[16];
	} room;
	memset(&room, 0x55, sizeof(room));
	room.child.size = sizeof(room);
	const std::string idle = helper("idle");
	REQUIRE(CALL(spawnx_start(&room.child, nullptr, 0, idle.c_str(), nullptr, nullptr,
			argv, envp)) == 0);
	CHECK(room.child.size == sizeof(room));
	for (const char byte : room.more)
		CHECK(byte == 0);
	close(room.child.pidfd);
	CHECK(wait_pid(room.child.pid) == 0);

	/* Too short for the pidfd: none is made, none is leaked (the runner looks). */
	memset(&room, 0x55, sizeof(room));
	room.child.size = offsetof(spawnx_child, pidfd);
	REQUIRE(CALL(spawnx_start(&room.child, nullptr, 0, idle.c_str(), nullptr, nullptr,
			argv, envp)) == 0);
	CHECK(room.child.pidfd == 0x55555555);
	CHECK(wait_pid(room.child.pid) == 0);
}

SPAWNX_TEST("a search finds the program as execvp does")
{
	char directory[] = "/tmp/spawnx-path-XXXXXX";
	REQUIRE(mkdtemp(directory));
	const std::string dir = directory, idle = helper("idle");
	const std::string helpers = idle.substr(0, idle.rfind('/'));
	const strings argv({"idle", "exit:0"});
	const auto search = [&](const std::string &path, const char *file) {
		const strings envp({"X=1", "PATH=" + path});
		pid_t pid = -1;
		spawnx_child child = {};
		child.size = sizeof(child);
		const int error = CALL(spawnx_start(&child, nullptr, SPAWNX_SEARCH_ENVP,
			file, nullptr, nullptr, argv, envp));
		if (!error) {
			close(child.pidfd);
			CHECK(wait_pid(child.pid) == 0);
		}
		(void)pid;
		return error;
	};
	/* A file that may not be executed: EACCES, unless something better comes. */
	const std::string denied = dir + "/idle";
	close(open(denied.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	CHECK(search(dir + ":" + helpers, "idle") == 0);
	CHECK(search("/nonexistent::" + helpers, "idle") == 0);
	CHECK(search(dir + ":/nonexistent", "idle") == EACCES);
	CHECK(std::string(last_failure().text) == denied);
	CHECK(search("/nonexistent:" + idle, "idle") == ENOTDIR);
	CHECK(search(idle + ":/nonexistent", "idle") == ENOENT);
	CHECK(std::string(last_failure().text) == "idle");
	CHECK(search(helpers, "") == ENOENT);
	CHECK(search(dir, idle.c_str()) == 0);
	CHECK(search(dir, std::string(256, 'x').c_str()) == ENAMETOOLONG);
	CHECK(search("/nonexistent", std::string(256, 'x').c_str()) == ENAMETOOLONG);
	CHECK(search("/nonexistent", std::string(255, 'x').c_str()) == ENOENT);
	unlink(denied.c_str());
	rmdir(directory);
}

SPAWNX_TEST("an empty element of PATH is the current directory, after a chdir action")
{
	const std::string idle = helper("idle");
	const std::string helpers = idle.substr(0, idle.rfind('/'));
	const strings argv({"idle", "exit:0"});
	for (const char *path : {"PATH=", "PATH=:/nonexistent", "PATH=/nonexistent:"}) {
		file_actions actions;
		REQUIRE(CALL(spawnx_file_actions_addchdir(actions, helpers.c_str())) ==
			0);
		const strings envp({path});
		spawnx_child child = {};
		child.size = sizeof(child);
		REQUIRE(CALL(spawnx_start(&child, nullptr, SPAWNX_SEARCH_ENVP, "idle",
				actions, nullptr, argv, envp)) == 0);
		close(child.pidfd);
		CHECK(wait_pid(child.pid) == 0);
	}
}

SPAWNX_TEST("a script without an interpreter line is not given to a shell")
{
	const scratch script;
	const int fd = open(script.path.c_str(), O_WRONLY | O_CLOEXEC);
	REQUIRE(write(fd, "exit 0\n", 7) == 7);
	close(fd);
	chmod(script.path.c_str(), 0755);
	const strings argv({"script"}), envp({});
	pid_t pid;
	CHECK(CALL(spawnxp(&pid, script.path.c_str(), nullptr, nullptr, argv, envp)) ==
		ENOEXEC);
	CHECK(last_failure().stage == SPAWNX_STAGE_EXEC);
}
