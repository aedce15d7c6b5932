/* SPDX-License-Identifier: MIT */
/* uid, gid and groups of the child; ours stay, in every thread. */
#include "others.hpp"

#include <cerrno>
#include <csignal>
#include <grp.h>
#include <limits.h>
#include <sys/prctl.h>
#include <sys/resource.h>

using namespace others;

static const gid_t three_groups[] = {7, 3000, 4000000000u};

SPAWNX_TEST("uid, gid, groups: each alone, and all together", "[root]")
{
	const public_helper program("report");
	const own_groups ours({5, 6});
	for (int which = 0; which < 8; which++) {
		INFO(which);
		attributes attr;
		numbers uid = four(0), gid = four(0), groups = {5, 6};
		if (which & 1) {
			REQUIRE(CALL(spawnxattr_setuid(attr, 1000)) == 0);
			uid = four(1000);
		}
		if (which & 2) {
			REQUIRE(CALL(spawnxattr_setgid(attr, 2000)) == 0);
			gid = four(2000);
		}
		if (which & 4) {
			REQUIRE(CALL(spawnxattr_setgroups(attr, 3, three_groups)) == 0);
			groups = {7, 3000, 4000000000};
		}
		const report r = report_of(attr, program);
		CHECK(numbers_in(r.at("Uid")) == uid);
		CHECK(numbers_in(r.at("Gid")) == gid);
		CHECK(numbers_in(r.at("Groups")) == groups);
	}
	const report ours_now = own_status();
	CHECK(numbers_in(ours_now.at("Uid")) == four(0));
	CHECK(numbers_in(ours_now.at("Gid")) == four(0));
	CHECK(numbers_in(ours_now.at("Groups")) == numbers{5, 6});
}

SPAWNX_TEST("groups: none, a thousand, all the kernel takes", "[root]")
{
	const public_helper program("report");
	const own_groups ours({5, 6});
	attributes attr;
	REQUIRE(CALL(spawnxattr_setgroups(attr, 0, nullptr)) == 0);
	CHECK(numbers_in(report_of(attr, program).at("Groups")).empty());

	std::vector<gid_t> many;
	numbers wanted;
	for (gid_t g = 0; g < 1000; g++) {
		many.push_back(100000 + 3 * g);
		wanted.push_back(100000 + 3 * g);
	}
	REQUIRE(CALL(spawnxattr_setgroups(attr, many.size(), many.data())) == 0);
	many.assign(1000, 1); /* it has a copy */
	CHECK(numbers_in(report_of(attr, program).at("Groups")) == wanted);

	many.assign(NGROUPS_MAX, 9);
	REQUIRE(CALL(spawnxattr_setgroups(attr, many.size(), many.data())) == 0);
	const strings argv({"idle", "exit:0"}), envp({});
	pid_t pid = -1;
	REQUIRE(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, attr, argv, envp)) ==
		0);
	CHECK(wait_pid(pid) == 0);
}

SPAWNX_TEST("ids: what is no id is refused when set, and changes nothing")
{
	spawnxattr_t none = nullptr;
	const gid_t two[] = {1, static_cast<gid_t>(-1)};
	const std::vector<gid_t> many(NGROUPS_MAX + 1, 1);
	attributes attr;
	CHECK(CALL(spawnxattr_setuid(attr, static_cast<uid_t>(-1))) == EINVAL);
	CHECK(CALL(spawnxattr_setgid(attr, static_cast<gid_t>(-1))) == EINVAL);
	CHECK(CALL(spawnxattr_setgroups(attr, 2, two)) == EINVAL);
	CHECK(CALL(spawnxattr_setgroups(attr, 1, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_setgroups(attr, many.size(), many.data())) == EINVAL);
	for (spawnxattr_t *bad : {static_cast<spawnxattr_t *>(nullptr), &none}) {
		CHECK(CALL(spawnxattr_setuid(bad, 1)) == EINVAL);
		CHECK(CALL(spawnxattr_setgid(bad, 1)) == EINVAL);
		CHECK(CALL(spawnxattr_setgroups(bad, 1, two)) == EINVAL);
		uid_t id;
		std::size_t n;
		const gid_t *groups;
		CHECK(CALL(spawnxattr_getuid(bad, &id)) == EINVAL);
		CHECK(CALL(spawnxattr_getgid(bad, &id)) == EINVAL);
		CHECK(CALL(spawnxattr_getgroups(bad, &n, &groups)) == EINVAL);
	}

	uid_t uid = 77;
	gid_t gid = 77;
	std::size_t n = 77;
	const gid_t *groups = two;
	CHECK(CALL(spawnxattr_getuid(attr, &uid)) == ENOENT);
	CHECK(CALL(spawnxattr_getgid(attr, &gid)) == ENOENT);
	CHECK(CALL(spawnxattr_getgroups(attr, &n, &groups)) == ENOENT);
	CHECK(uid == 77);
	CHECK(gid == 77);
	CHECK(n == 77);
	CHECK(groups == two);
	CHECK(CALL(spawnxattr_getuid(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_getgid(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_getgroups(attr, nullptr, &groups)) == EINVAL);
	CHECK(CALL(spawnxattr_getgroups(attr, &n, nullptr)) == EINVAL);
}

SPAWNX_TEST("ids: getters hand out what was set; a refused set leaves it")
{
	attributes attr;
	uid_t uid = 77;
	gid_t gid = 77;
	std::size_t n = 77;
	const gid_t *groups = nullptr;
	REQUIRE(CALL(spawnxattr_setuid(attr, 0)) == 0);
	REQUIRE(CALL(spawnxattr_setgid(attr, 4294967294u)) == 0);
	REQUIRE(CALL(spawnxattr_setgroups(attr, 3, three_groups)) == 0);
	CHECK(CALL(spawnxattr_setuid(attr, static_cast<uid_t>(-1))) == EINVAL);
	CHECK(CALL(spawnxattr_setgid(attr, static_cast<gid_t>(-1))) == EINVAL);
	CHECK(CALL(spawnxattr_setgroups(attr, 1, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_getuid(attr, &uid)) == 0);
	CHECK(CALL(spawnxattr_getgid(attr, &gid)) == 0);
	REQUIRE(CALL(spawnxattr_getgroups(attr, &n, &groups)) == 0);
	CHECK(uid == 0);
	CHECK(gid == 4294967294u);
	REQUIRE(n == 3);
	CHECK(groups != three_groups);
	/* Setting anything else does not move it. */
	REQUIRE(CALL(spawnxattr_setuid(attr, 1)) == 0);
	CHECK(std::vector<gid_t>(groups, groups + n) ==
		std::vector<gid_t>(three_groups, three_groups + 3));

	REQUIRE(CALL(spawnxattr_setgroups(attr, 0, nullptr)) == 0);
	REQUIRE(CALL(spawnxattr_getgroups(attr, &n, &groups)) == 0);
	CHECK(n == 0);
}

SPAWNX_TEST("file actions run with the old ids, exec checks the new ones", "[root]")
{
	const public_helper program("report");
	const std::string closed = program.directory + "/closed";
	REQUIRE(mkdir(closed.c_str(), 0700) == 0);
	attributes attr;
	REQUIRE(CALL(spawnxattr_setuid(attr, 1000)) == 0);
	REQUIRE(CALL(spawnxattr_setgid(attr, 1000)) == 0);
	REQUIRE(CALL(spawnxattr_setgroups(attr, 0, nullptr)) == 0);
	file_actions actions;
	const std::string made = closed + "/made";
	REQUIRE(CALL(spawnx_file_actions_addopen(
			actions, 9, made.c_str(), O_WRONLY | O_CREAT, 0600)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addchdir(actions, closed.c_str())) == 0);
	const report r = report_of(attr, program, actions);
	CHECK(numbers_in(r.at("Uid")) == four(1000));
	CHECK(r.at("fd.9") == made);
	struct stat st;
	REQUIRE(stat(made.c_str(), &st) == 0);
	CHECK(st.st_uid == 0);
	CHECK(st.st_gid == 0);

	/* The same program, now for root alone. */
	REQUIRE(chmod(program.path.c_str(), 0700) == 0);
	const spawnx_failure f = refused(attr, EACCES, SPAWNX_STAGE_EXEC, program.path);
	CHECK(f.index == -1);
	CHECK(f.text == program.path);
	CHECK(in_words(f) == "exec \"" + program.path + "\": Permission denied");
	/* A group is enough, where the child is in it. */
	REQUIRE(chown(program.path.c_str(), 0, 4321) == 0);
	REQUIRE(chmod(program.path.c_str(), 0750) == 0);
	refused(attr, EACCES, SPAWNX_STAGE_EXEC, program.path);
	const gid_t in = 4321;
	REQUIRE(CALL(spawnxattr_setgroups(attr, 1, &in)) == 0);
	CHECK(numbers_in(report_of(attr, program).at("Groups")) == numbers{4321});
}

/* Lives until its end of scope, however that comes. */
struct sleeper {
	pid_t pid = -1;

	sleeper(const std::string &path, spawnxattr_t *attr)
	{
		const strings argv({"idle"}), envp({});
		REQUIRE(CALL(spawnx(&pid, path.c_str(), nullptr, attr, argv, envp)) == 0);
	}
	~sleeper()
	{
		kill(pid, SIGKILL);
		CHECK(wait_pid(pid) == SIGKILL);
	}
	sleeper(const sleeper &) = delete;
	sleeper &operator=(const sleeper &) = delete;
};

SPAWNX_TEST("uid: the new user's limit on processes counts at exec", "[root]")
{
	const public_helper idle("idle");
	attributes attr;
	REQUIRE(CALL(spawnxattr_setuid(attr, 54321)) == 0);
	/* The kernel compares with those there are already. */
	const sleeper other(idle.path, attr);
	const struct rlimit no_process = {0, 0};
	REQUIRE(CALL(spawnxattr_setrlimit(attr, RLIMIT_NPROC, &no_process)) == 0);
	const spawnx_failure f = refused(attr, EAGAIN, SPAWNX_STAGE_EXEC, idle.path);
	CHECK(f.text == idle.path);
}

SPAWNX_TEST("resetids comes first, and gives back the right to change ids", "[root]")
{
	const public_helper program("report");
	attributes attr;
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_RESETIDS)) == 0);
	REQUIRE(CALL(spawnxattr_setuid(attr, 2000)) == 0);
	REQUIRE(CALL(spawnxattr_setgid(attr, 2001)) == 0);
	REQUIRE(CALL(spawnxattr_setgroups(attr, 3, three_groups)) == 0);
	const scratch to; /* root's: resetids comes before file actions, too */
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addopen(
			actions, 1, to.path.c_str(), O_WRONLY | O_TRUNC, 0)) == 0);
	const strings argv({"report", "-"}), envp({});

	/* As a set-user-ID program that has put its right aside. Raw: this thread alone. */
	REQUIRE(syscall(SYS_setresgid, -1, 1000, -1) == 0);
	REQUIRE(syscall(SYS_setresuid, -1, 1000, 0) == 0);
	prctl(PR_SET_DUMPABLE, 1);
	pid_t pid = -1, none = -1;
	const int with = spawnx(&pid, program.path.c_str(), actions, attr, argv, envp);
	const int set = spawnxattr_setflags(attr, 0);
	const int without =
		spawnx(&none, program.path.c_str(), nullptr, attr, argv, envp);
	const report ours = own_status();
	REQUIRE(syscall(SYS_setresuid, -1, 0, 0) == 0);
	REQUIRE(syscall(SYS_setresgid, -1, 0, -1) == 0);
	prctl(PR_SET_DUMPABLE, 1);

	REQUIRE(with == 0);
	CHECK(wait_pid(pid) == 0);
	CHECK(set == 0);
	CHECK(without == EPERM);
	CHECK(in_words(last_failure()) ==
		"supplementary groups: Operation not permitted");
	CHECK(numbers_in(ours.at("Uid")) == numbers{0, 1000, 0, 1000});
	CHECK(numbers_in(ours.at("Gid")) == numbers{0, 1000, 0, 1000});
	const report r = parse_report(to.path);
	CHECK(numbers_in(r.at("Uid")) == four(2000));
	CHECK(numbers_in(r.at("Gid")) == four(2001));
	CHECK(numbers_in(r.at("Groups")) == numbers{7, 3000, 4000000000});
}

SPAWNX_TEST(
	"an ordinary user: another's id is EPERM, groups first, gid, then uid", "[user]")
{
	const std::string no = ": Operation not permitted";
	attributes attr;
	REQUIRE(CALL(spawnxattr_setuid(attr, 0)) == 0);
	const struct {
		const char *words;
	} steps[] = {{"uid"}, {"gid"}, {"supplementary groups"}};
	for (const auto &step : steps) {
		const spawnx_failure f = refused(attr, EPERM, SPAWNX_STAGE_IDS);
		CHECK(f.index == -1);
		CHECK(std::string(f.text).empty());
		CHECK(in_words(f) == step.words + no);
		/* Each that is asked for in addition is the one refused from then on. */
		if (&step == &steps[0])
			REQUIRE(CALL(spawnxattr_setgid(attr, 0)) == 0);
		else
			REQUIRE(CALL(spawnxattr_setgroups(attr, 0, nullptr)) == 0);
	}
}

SPAWNX_TEST("an ordinary user may become what it is", "[user]")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setuid(attr, getuid())) == 0);
	REQUIRE(CALL(spawnxattr_setgid(attr, getgid())) == 0);
	const report r = spawn_report(nullptr, attr);
	CHECK(numbers_in(r.at("Uid")) == four(getuid()));
	CHECK(numbers_in(r.at("Gid")) == four(getgid()));
	CHECK(r.at("Groups") == own_status()["Groups"]);
	/* The kernel wants CAP_SETGID even for no change of the groups. */
	REQUIRE(CALL(spawnxattr_setgroups(attr, 0, nullptr)) == 0);
	CHECK(refused(attr, EPERM, SPAWNX_STAGE_IDS).index == -1);
}
