/* SPDX-License-Identifier: MIT */
/* spx::start: what it is given arrives, in any order and of any type. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>
#include <spawnx.hpp>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
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

	const std::vector<const char *> pointers = {
		"pointers", file.path.c_str(), nullptr};
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
	a.pdeathsig(SIGHUP).fallback(SPAWNX_FALLBACK_WEAKER);
	CHECK(spawnxattr_getpdeathsig(a.get(), &number) == 0);
	CHECK(number == SIGHUP);
	CHECK(spawnxattr_getfallback(a.get(), &number) == 0);
	CHECK(number == SPAWNX_FALLBACK_WEAKER);
}

static std::vector<gid_t> groups_of(const spx::attributes &a)
{
	size_t n;
	const gid_t *groups;
	REQUIRE(spawnxattr_getgroups(a.get(), &n, &groups) == 0);
	return std::vector<gid_t>(groups, groups + n);
}

SPAWNX_TEST("setters of who the child is reach the C object")
{
	spx::attributes a = spx::attributes().uid(11).gid(12).secure_bits(5);
	uid_t uid;
	gid_t gid;
	unsigned bits;
	const char *text;
	CHECK(spawnxattr_getuid(a.get(), &uid) == 0);
	CHECK(uid == 11);
	CHECK(spawnxattr_getgid(a.get(), &gid) == 0);
	CHECK(gid == 12);
	CHECK(spawnxattr_getsecurebits(a.get(), &bits) == 0);
	CHECK(bits == 5);
	a.cap_iab("^cap_net_raw");
	CHECK(spawnxattr_getcap_iab_text(a.get(), &text) == 0);
	CHECK(text == std::string("^cap_net_raw"));

	CHECK(groups_of(a.groups({21, 22, 23})) == std::vector<gid_t>{21, 22, 23});
	CHECK(groups_of(a.groups({})).empty());
	const std::vector<gid_t> some = {31, 32};
	CHECK(groups_of(a.groups(some)) == some);
#if __cplusplus >= 202002L
	const gid_t array[] = {41, 42};
	CHECK(groups_of(a.groups(array)) == std::vector<gid_t>{41, 42});
	CHECK(groups_of(a.groups(std::array<gid_t, 1>{51})) == std::vector<gid_t>{51});
	CHECK(groups_of(a.groups(std::span(some).first(1))) == std::vector<gid_t>{31});
#endif
}

SPAWNX_TEST("setters of what the child cannot do reach the C object")
{
	sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
	const sock_fprog program = {1, &allow};
	spx::attributes a;
	a.seccomp(program).landlock(6).namespaces(CLONE_NEWUSER | CLONE_NEWUTS);
	sock_fprog got_program;
	int fd;
	uint64_t flags;
	const char *uid_map, *gid_map;
	CHECK(spawnxattr_getseccomp(a.get(), &got_program) == 0);
	CHECK(got_program.len == 1);
	CHECK(got_program.filter[0].k == SECCOMP_RET_ALLOW);
	CHECK(spawnxattr_getlandlock(a.get(), &fd) == 0);
	CHECK(fd == 6);
	CHECK(spawnxattr_getnamespaces(a.get(), &flags) == 0);
	CHECK(flags == (CLONE_NEWUSER | CLONE_NEWUTS));
	a.id_map("0 1000 1", std::string("0 100 1"));
	CHECK(spawnxattr_getidmap(a.get(), &uid_map, &gid_map) == 0);
	CHECK(uid_map == std::string("0 1000 1"));
	CHECK(gid_map == std::string("0 100 1"));
	a.id_map(nullptr, "5 5 1");
	CHECK(spawnxattr_getidmap(a.get(), &uid_map, &gid_map) == 0);
	CHECK(uid_map == nullptr);

	/* Cut at its null byte it would be a map; as NULL it would silently be none. */
	std::error_code ec;
	a.id_map(std::string("0 0 1\0", 6), "0 0 1", ec);
	CHECK(ec == std::errc::invalid_argument);
	ec.clear();
	a.id_map("0 0 1", std::string("0 0 1\0", 6), ec);
	CHECK(ec == std::errc::invalid_argument);
	CHECK(spawnxattr_getidmap(a.get(), &uid_map, &gid_map) == 0);
	CHECK(gid_map == std::string("5 5 1"));
}

SPAWNX_TEST("setters of what the child may use reach the C object")
{
	sigset_t set, got;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	cpu_set_t cpus, got_cpus;
	CPU_ZERO(&cpus);
	CPU_SET(3, &cpus);
	spx::attributes a;
	a.rlimit(RLIMIT_CORE, 1, 2).rlimit(RLIMIT_NOFILE, {3, RLIM_INFINITY});
	a.umask(027).nice(-3).affinity(cpus).oom_score_adj(-7).signal_ignore(set);
	struct rlimit limit;
	mode_t mask;
	int number;
	CHECK(spawnxattr_getrlimit(a.get(), RLIMIT_CORE, &limit) == 0);
	CHECK(limit.rlim_cur == 1);
	CHECK(limit.rlim_max == 2);
	CHECK(spawnxattr_getrlimit(a.get(), RLIMIT_NOFILE, &limit) == 0);
	CHECK(limit.rlim_cur == 3);
	CHECK(limit.rlim_max == RLIM_INFINITY);
	CHECK(spawnxattr_getumask(a.get(), &mask) == 0);
	CHECK(mask == 027);
	CHECK(spawnxattr_getnice(a.get(), &number) == 0);
	CHECK(number == -3);
	CHECK(spawnxattr_getaffinity(a.get(), sizeof(got_cpus), &got_cpus) == 0);
	CHECK(CPU_EQUAL(&got_cpus, &cpus));
	CHECK(spawnxattr_getoomscoreadj(a.get(), &number) == 0);
	CHECK(number == -7);
	CHECK(spawnxattr_getsigignore(a.get(), &got) == 0);
	CHECK(sigismember(&got, SIGPIPE) == 1);
	CHECK(sigismember(&got, SIGHUP) == 0);
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
	CHECK_FALSE(spx::start(program(), {"r", file.path},
		spx::file_actions().open(5, "/dev/null", O_RDWR).setctty(5), ec));
	CHECK(ec == std::errc::inappropriate_io_control_operation);
}

SPAWNX_TEST("inherit, map and openat: swapped, kept, and opened below a directory")
{
	const scratch file;
	const int kept = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int dir = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	const std::vector<std::pair<int, int>> one = {{zero, 210}};
	report r = said(spx::start(program(), {"r", file.path},
				spx::file_actions()
					.inherit(kept)
					.openat(200, dir, "full", O_WRONLY)
					.openat(201, dir, "null", O_WRONLY, 0)
					.map({{200, 201}, {201, 200}})
					.map(one)),
		file);
	CHECK(r.count("fd." + std::to_string(kept)) == 1);
	CHECK(r.count("fd." + std::to_string(dir)) == 0);
	CHECK(r["fd.200"] == r["fd." + std::to_string(kept)]);
	CHECK(r["fd.201"] != r["fd.200"]);
	CHECK(r["fd.201"] != r["fd.210"]);
	CHECK(r.count("fd.210") == 1);
	for (const int fd : {kept, dir, zero})
		close(fd);

	std::error_code ec;
	spx::file_actions().map({{1, 5}, {2, 5}}, ec);
	CHECK(ec == std::errc::invalid_argument);
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
