/* SPDX-License-Identifier: MIT */
/* spx::start: what it is given arrives, in any order and of any type. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>
#include <spawnx.hpp>

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

using namespace support;

static report said(spx::child child, const scratch &file)
{
	CHECK(child.wait() ==
		spx::exit_status(spawnx_exit{sizeof(spawnx_exit), CLD_EXITED, 0, 0}));
	return parse_report(file.path);
}

static std::string program()
{
	return helper("report");
}

/* Its variables, as "NAME=value", in order. */
static std::vector<std::string> environment_of(report &r)
{
	std::vector<std::string> all;
	for (int i = 0; r.count("env." + std::to_string(i)); i++)
		all.push_back(r["env." + std::to_string(i)]);
	return all;
}

SPAWNX_TEST("arguments: literals, strings, vectors, an array as of main")
{
	const scratch file;
	report r = said(
		spx::start(program(), {"name", file.path, std::string("b"), ""}), file);
	CHECK(r["argc"] == "4");
	CHECK(r["argv.0"] == "name");
	CHECK(r["argv.2"] == "b");
	CHECK(r["argv.3"] == "");

	const std::vector<std::string> words = {"vector", file.path, "x y"};
	r = said(spx::start(program(), words), file);
	CHECK(r["argv.0"] == "vector");
	CHECK(r["argv.2"] == "x y");

	const std::vector<const char *> pointers = {"pointers", file.path.c_str()};
	r = said(spx::start(program().c_str(), pointers), file);
	CHECK(r["argc"] == "2");
	CHECK(r["argv.0"] == "pointers");

	const strings argv({"array", file.path, "1", "2"});
	r = said(spx::start(program(), argv.get()), file);
	CHECK(r["argc"] == "4");
	CHECK(r["argv.3"] == "2");
}

SPAWNX_TEST("attributes and file actions, in either order, named or made in place")
{
	const scratch file;
	const int keep = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t usr1;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	auto attributes = spx::attributes()
				  .flags(SPAWNX_SETSID | SPAWNX_SETSIGMASK)
				  .signal_mask(usr1);
	spx::file_actions actions;
	actions.dup2(keep, 100).chdir("/");
	for (const bool swapped : {false, true}) {
		report r = said(swapped ? spx::start(program(), {"r", file.path}, actions,
						  attributes)
					: spx::start(program(), {"r", file.path},
						  attributes, actions),
			file);
		CHECK(r["sid"] == r["pid"]);
		CHECK(r["cwd"] == "/");
		CHECK(r.count("fd.100") == 1);
		CHECK(r["SigBlk"] == "0000000000000200");
	}
	report r = said(
		spx::start(program(), {"r", file.path}, spx::attributes().no_new_privs(),
			spx::file_actions().open(101, "/dev/null", O_RDWR)),
		file);
	CHECK(r["NoNewPrivs"] == "1");
	CHECK(r.count("fd.101") == 1);
	close(keep);
}

SPAWNX_TEST("the environment: the caller's by default, else what was built")
{
	const scratch file;
	setenv("SPX_TEST", "from the caller", 1);
	report r = said(spx::start(program(), {"r", file.path}), file);
	std::vector<std::string> mine;
	for (char **variable = environ; *variable; variable++)
		mine.push_back(*variable);
	CHECK(environment_of(r) == mine);

	r = said(spx::start(program(), {"r", file.path}, spx::environment()), file);
	CHECK(environment_of(r).empty());

	spx::environment built;
	built.set("A", "1")
		.set("B", "x=y")
		.set("A", "2")
		.unset("none")
		.inherit("SPX_TEST");
	r = said(spx::start(program(), {"r", file.path}, built), file);
	CHECK(environment_of(r) ==
		std::vector<std::string>{"B=x=y", "A=2", "SPX_TEST=from the caller"});
	built.unset("B");
	CHECK(built.variables() ==
		std::vector<std::string>{"A=2", "SPX_TEST=from the caller"});

	built = spx::environment().inherit().set("SPX_TEST", "");
	r = said(spx::start(program(), {"r", file.path}, built), file);
	CHECK(environment_of(r).size() == mine.size());
	CHECK(environment_of(r).back() == "SPX_TEST=");
	unsetenv("SPX_TEST");

	std::error_code ec;
	for (const std::string &bad :
		{std::string(), std::string("a=b"), std::string("a\0b", 3)}) {
		ec.clear();
		built.set(bad, "x", ec);
		CHECK(ec == std::errc::invalid_argument);
	}
	ec.clear();
	built.set("x", std::string("a\0b", 3), ec);
	CHECK(ec == std::errc::invalid_argument);
}

SPAWNX_TEST("search: in the caller's PATH, or in that of the new environment")
{
	const scratch file;
	const std::string directory = program().substr(0, program().rfind('/'));
	const std::string before = getenv("PATH") ? getenv("PATH") : "";
	std::error_code ec;
	CHECK_FALSE(spx::start("report", {"r", file.path}, ec));
	CHECK(ec == std::errc::no_such_file_or_directory);
	said(spx::start("report", {"r", file.path}, spx::search::envp,
		     spx::environment().set("PATH", directory)),
		file);
	setenv("PATH", directory.c_str(), 1);
	said(spx::start("report", {"r", file.path}, spx::search::path), file);
	CHECK_THROWS_AS(spx::start("report", {"r", file.path}, spx::search::envp,
				spx::environment().set("PATH", "/nowhere")),
		spx::error);
	setenv("PATH", before.c_str(), 1);
}

SPAWNX_TEST("every setter reaches the C object")
{
	sigset_t set, got;
	sigfillset(&set);
	sched_param param = {}, got_param = {};
	spx::attributes a;
	a.flags(SPAWNX_SETPGROUP).pgroup(7).signal_default(set).schedpolicy(SCHED_OTHER);
	a.schedparam(param).cgroup(9).autoreap().exec_fd(5).listen_fds(2);
	short flags;
	int number;
	pid_t group;
	CHECK(spawnxattr_getflags(a.get(), &flags) == 0);
	CHECK(flags == SPAWNX_SETPGROUP);
	CHECK(spawnxattr_getpgroup(a.get(), &group) == 0);
	CHECK(group == 7);
	CHECK(spawnxattr_getsigdefault(a.get(), &got) == 0);
	CHECK(sigismember(&got, SIGUSR2) == 1);
	CHECK(spawnxattr_getschedparam(a.get(), &got_param) == 0);
	CHECK(spawnxattr_getcgroup_np(a.get(), &number) == 0);
	CHECK(number == 9);
	CHECK(spawnxattr_getautoreap(a.get(), &number) == 0);
	CHECK(number == 1);
	CHECK(spawnxattr_getautokill(a.get(), &number) == 0);
	CHECK(number == 0);
	CHECK(spawnxattr_getexecfd(a.get(), &number) == 0);
	CHECK(number == 5);
	CHECK(spawnxattr_getlistenfds(a.get(), &number) == 0);
	CHECK(number == 2);
	a.autokill(true).no_new_privs(true);
	CHECK(spawnxattr_getautokill(a.get(), &number) == 0);
	CHECK(number == 1);
	CHECK(spawnxattr_getnonewprivs(a.get(), &number) == 0);
	CHECK(number == 1);
}

SPAWNX_TEST("every file action reaches the child")
{
	const scratch file;
	const int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int other = open("/dev/null", O_RDONLY);
	const scratch made;
	report r = said(spx::start(program(), {"r", file.path},
				spx::file_actions()
					.fchdir(dir)
					.open(90, made.path, O_CREAT | O_WRONLY, 0640)
					.dup2(90, 91)
					.close(90)
					.close(other)
					.open(200, "/dev/null", O_RDONLY)
					.closefrom(150)),
		file);
	CHECK(r["cwd"] == "/");
	CHECK(r.count("fd.90") == 0);
	CHECK(r.count("fd.91") == 1);
	CHECK(r.count("fd." + std::to_string(other)) == 0);
	CHECK(r.count("fd.200") == 0);
	close(other);
	close(dir);
	/* tcsetpgrp needs a terminal: that it is refused shows that it was tried. */
	std::error_code ec;
	CHECK_FALSE(spx::start(program(), {"r", file.path},
		spx::file_actions().open(5, "/dev/null", O_RDWR).tcsetpgrp(5), ec));
	CHECK(ec == std::errc::inappropriate_io_control_operation);
}

SPAWNX_TEST("execfd: no path is needed")
{
	const scratch file;
	const int fd = open(program().c_str(), O_RDONLY | O_CLOEXEC);
	REQUIRE(fd >= 0);
	report r = said(
		spx::start(nullptr, {"by fd", file.path}, spx::attributes().exec_fd(fd)),
		file);
	CHECK(r["argv.0"] == "by fd");
	close(fd);
}
