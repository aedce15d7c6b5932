/* SPDX-License-Identifier: MIT */
/* Landlock: the ruleset is enforced in the child, just before seccomp. */
#include "ruleset.hpp"

#include <cerrno>
#include <limits.h>

using namespace confined;

static const std::string forbidden = "read:/proc/self/status";

static std::string readable()
{
	return "read:" + helper("report");
}

/* As it is enforced; and that the parent is none the wiser. */
static report enforced(spawnxattr_t *attr)
{
	if (const int error = landlock_error()) {
		refused(attr, error, SPAWNX_STAGE_LANDLOCK);
		return {};
	}
	report r = report_of(attr, {forbidden, readable()});
	CHECK(r[forbidden] == std::to_string(EACCES));
	CHECK(r[readable()] == "0");
	CHECK(r.count("Uid") == 0); /* that would be in /proc/self/status */
	CHECK(own_filters() >= 0);  /* and we can read ours */
	return r;
}

SPAWNX_TEST("landlock: enforced in the child, not in the parent")
{
	sandbox attr;
	report r = report_of(attr, {forbidden, readable()});
	CHECK(r[forbidden] == "0");
	CHECK(r[readable()] == "0");

	const ruleset rules({helper("")});
	REQUIRE(CALL(spawnxattr_setlandlock(attr, rules.fd)) == 0);
	r = enforced(attr);
	/* The ruleset is close-on-exec, as the kernel makes it. */
	CHECK(r.count("fd." + std::to_string(rules.fd)) == 0);
	/* Once more, from the same object and ruleset. */
	enforced(attr);
}

SPAWNX_TEST("landlock: close-by-default closes the ruleset, after it was used")
{
	sandbox attr;
	const ruleset rules({helper("")});
	REQUIRE(fcntl(rules.fd, F_SETFD, 0) == 0);
	REQUIRE(CALL(spawnxattr_setlandlock(attr, rules.fd)) == 0);
	const std::string key = "fd." + std::to_string(rules.fd);
	if (!landlock_error())
		CHECK(enforced(attr).count(key) == 1);
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_CLOEXEC_DEFAULT)) == 0);
	CHECK(enforced(attr).count(key) == 0);
}

SPAWNX_TEST("landlock: what is no ruleset is EBADFD, with the descriptor")
{
	sandbox attr;
	const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	REQUIRE(CALL(spawnxattr_setlandlock(attr, fd)) == 0);
	const int absent = landlock_error();
	const spawnx_failure f =
		refused(attr, absent ? absent : EBADFD, SPAWNX_STAGE_LANDLOCK);
	CHECK(f.fd == fd);
	CHECK(f.index == -1);
	CHECK(f.text[0] == '\0');
	if (!absent)
		CHECK(in_words(f) ==
			"landlock: ruleset of fd " + std::to_string(fd) +
				": File descriptor in bad state");
	close(fd);
}

static void check_not_open(spawnxattr_t *attr, spawnx_file_actions_t *actions, int fd)
{
	const int absent = landlock_error();
	const spawnx_failure f = refused(attr, absent ? absent : EBADF,
		SPAWNX_STAGE_LANDLOCK, helper("idle"), actions);
	CHECK(f.fd == fd);
	CHECK(f.index == -1);
	if (!absent)
		CHECK(in_words(f) ==
			"landlock: ruleset of fd " + std::to_string(fd) +
				": Bad file descriptor");
}

SPAWNX_TEST("landlock: a ruleset that file actions have closed is EBADF")
{
	sandbox attr;
	const ruleset rules({helper("")});
	REQUIRE(CALL(spawnxattr_setlandlock(attr, rules.fd)) == 0);
	{
		file_actions actions;
		REQUIRE(CALL(spawnx_file_actions_addclose(actions, rules.fd)) == 0);
		check_not_open(attr, actions, rules.fd);
	}
	{
		file_actions actions;
		REQUIRE(CALL(spawnx_file_actions_addclosefrom_np(actions, rules.fd)) ==
			0);
		check_not_open(attr, actions, rules.fd);
	}
	/* The file actions come first: a ruleset may be what they make of a number. */
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_adddup2(actions, rules.fd, 77)) == 0);
	REQUIRE(CALL(spawnxattr_setlandlock(attr, 77)) == 0);
	const strings argv({"report", "-", forbidden}), envp({});
	if (!landlock_error()) {
		const scratch to;
		const int out = open(to.path.c_str(), O_WRONLY | O_CLOEXEC);
		REQUIRE(CALL(spawnx_file_actions_adddup2(actions, out, 1)) == 0);
		pid_t pid = -1;
		CHECK(CALL(spawnx(&pid, helper("report").c_str(), actions, attr, argv,
			      envp)) == 0);
		close(out);
		CHECK(wait_pid(pid) == 0);
		CHECK(parse_report(to.path)[forbidden] == std::to_string(EACCES));
	}
}

SPAWNX_TEST("landlock: a descriptor that is not open is EBADF")
{
	sandbox attr;
	const int fd = open("/", O_PATH | O_CLOEXEC);
	close(fd);
	REQUIRE(CALL(spawnxattr_setlandlock(attr, fd)) == 0);
	check_not_open(attr, nullptr, fd);
}

static void check_is_told_what_it_needs(spawnxattr_t *attr, int fd)
{
	const int absent = landlock_error();
	const spawnx_failure f =
		refused(attr, absent ? absent : EPERM, SPAWNX_STAGE_LANDLOCK);
	CHECK(f.fd == fd);
	if (!absent)
		CHECK(in_words(f) ==
			"landlock: ruleset of fd " + std::to_string(fd) + need +
				"Operation not permitted");
}

SPAWNX_TEST(
	"landlock without no-new-privs is EPERM for a user, who is told why", "[user]")
{
	sandbox attr(false);
	const ruleset rules({helper("")});
	REQUIRE(CALL(spawnxattr_setlandlock(attr, rules.fd)) == 0);
	if (have_no_new_privs())
		enforced(attr);
	else
		check_is_told_what_it_needs(attr, rules.fd);
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
	enforced(attr);
}

SPAWNX_TEST("landlock without no-new-privs works for root, who stays root", "[root]")
{
	sandbox attr(false);
	const ruleset rules({helper("")});
	REQUIRE(CALL(spawnxattr_setlandlock(attr, rules.fd)) == 0);
	enforced(attr);
	REQUIRE(CALL(spawnxattr_setuid(attr, 4321)) == 0);
	check_is_told_what_it_needs(attr, rules.fd);
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
	enforced(attr);
}

SPAWNX_TEST("landlock: the getter, and what is no descriptor")
{
	attributes attr;
	int fd = -7;
	CHECK(CALL(spawnxattr_getlandlock(attr, &fd)) == ENOENT);
	rlimit limit;
	REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHECK(CALL(spawnxattr_setlandlock(attr, -1)) == EBADF);
	CHECK(CALL(spawnxattr_setlandlock(attr, INT_MIN)) == EBADF);
	if (limit.rlim_cur <= INT_MAX)
		CHECK(CALL(spawnxattr_setlandlock(
			      attr, static_cast<int>(limit.rlim_cur))) == EBADF);
	CHECK(CALL(spawnxattr_getlandlock(attr, &fd)) == ENOENT);
	CHECK(fd == -7);
	CHECK(CALL(spawnxattr_setlandlock(nullptr, 0)) == EINVAL);
	REQUIRE(CALL(spawnxattr_setlandlock(attr, 0)) == 0);
	REQUIRE(CALL(spawnxattr_getlandlock(attr, &fd)) == 0);
	CHECK(fd == 0);
	CHECK(CALL(spawnxattr_getlandlock(attr, nullptr)) == EINVAL);
}

static const std::string getppid_call = "call:" + std::to_string(SYS_getppid);

SPAWNX_TEST("landlock comes before seccomp, and both hold")
{
	sandbox attr;
	const ruleset rules({helper("")});
	REQUIRE(CALL(spawnxattr_setlandlock(attr, rules.fd)) == 0);
	attr.seccomp(filter({SYS_getppid, restrict_self}, answer(EXDEV)));
	enforced(attr);
	if (!landlock_error())
		CHECK(report_of(attr, {getppid_call})[getppid_call] ==
			std::to_string(EXDEV));
}
