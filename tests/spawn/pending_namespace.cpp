/* SPDX-License-Identifier: MIT */
/*
 * After unshare(CLONE_NEWPID) the next child is the first process of a namespace, which one
 * that comes to nothing, a probe or a relay, would make useless. Each case in a program that
 * has asked the kernel nothing yet: this one, again.
 */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <catch2/generators/catch_generators.hpp>
#include <cerrno>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;

static const strings envp({});

static int again(const std::string &name)
{
	const pid_t pid = fork();
	if (pid == 0) {
		execl("/proc/self/exe", "spawn-tests", name.c_str(), "--out", "%stderr",
			nullptr);
		_exit(99);
	}
	return wait_pid(pid);
}

/* A namespace that works has room for an init, and for more while that is there. */
static void check_usable()
{
	const strings first({"idle"}), second({"idle", "exit:3"});
	pid_t init = -1, pid = -1;
	CHECK(CALL(spawnx(&init, helper("idle").c_str(), nullptr, nullptr, first,
		      envp)) == 0);
	CHECK(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, nullptr, second,
		      envp)) == 0);
	CHECK(wait_pid(pid) == 3 << 8);
	REQUIRE(init > 0);
	kill(init, SIGKILL);
	CHECK(wait_pid(init) == SIGKILL);
	CHECK(waitpid(-1, nullptr, WNOHANG | __WALL) == -1);
}

static int start(spawnxattr_t *attr, int *pidfd)
{
	const strings argv({"idle", "exit:0"});
	return pidfd_spawnx(pidfd, helper("idle").c_str(), nullptr, attr, argv, envp);
}

TEST_CASE("fresh: the first spawn of all", "[.fresh]")
{
	REQUIRE(unshare(CLONE_NEWPID) == 0);
	check_usable();
}

TEST_CASE("fresh: questions", "[.fresh]")
{
	REQUIRE(unshare(CLONE_NEWPID) == 0);
	CHECK(spawnx_feature(SPAWNX_FEATURE_CLONE3) == SPAWNX_EXACT);
	CHECK(spawnx_feature(SPAWNX_FEATURE_EXIT_INFO) == SPAWNX_ABSENT);
	CHECK((spawnx_features() & ~(UINT64_C(1) << SPAWNX_FEATURE_CLOSE_RANGE)) == 0);
	CHECK(spawnx_feature(SPAWNX_FEATURE_AUTOREAP) == SPAWNX_ABSENT);
	check_usable();
}

TEST_CASE("fresh: no-new-privs and close-by-default, as the kernel has it", "[.fresh]")
{
	REQUIRE(unshare(CLONE_NEWPID) == 0);
	attributes attr;
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_CLOEXEC_DEFAULT)) == 0);
	const scratch to;
	const strings argv({"report", to.path});
	pid_t pid = -1;
	REQUIRE(CALL(spawnx(&pid, helper("report").c_str(), nullptr, attr, argv, envp)) ==
		0);
	REQUIRE(wait_pid(pid) == 0);
	const report r = parse_report(to.path);
	CHECK(r.at("pid") == "1");
	CHECK(r.at("NoNewPrivs") == "1");
	CHECK(r.at("SigIgn") == "0000000000000000");
}

TEST_CASE("fresh: autoreap without a fallback", "[.fresh]")
{
	REQUIRE(unshare(CLONE_NEWPID) == 0);
	attributes attr;
	int pidfd = -7;
	REQUIRE(CALL(spawnxattr_setautoreap(attr, 1)) == 0);
	if (should_have("autoreap") == oracle::has) {
		CHECK(CALL(start(attr, &pidfd)) == 0);
		spawnx_exit e = {};
		e.size = sizeof(e);
		CHECK(CALL(spawnx_wait(pidfd, &e, nullptr)) == 0);
		close(pidfd);
		return;
	}
	const int error = start(attr, &pidfd);
	/* A filter says the same of a right that is lacking and of clone3 as a whole. */
	if (error != EPERM) {
		CHECK(error == ENOTSUP);
		CHECK(last_failure().stage == SPAWNX_STAGE_FEATURE);
	}
	CHECK(pidfd == -7);
	check_usable();
}

TEST_CASE("fresh: weaker relays are refused, and leave no trace", "[.fresh]")
{
	const bool spawned_before = GENERATE(false, true);
	const bool autokill = GENERATE(false, true);
	INFO("spawned before " << spawned_before << " autokill " << autokill);
	const pid_t fork_of_it = fork();
	if (fork_of_it == 0) {
		int pidfd = -1;
		if (spawned_before && (start(nullptr, &pidfd) || wait_pid(pid_of(pidfd))))
			_exit(2);
		attributes attr;
		if (unshare(CLONE_NEWPID) ||
			spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER) ||
			spawnxattr_setnonewprivs(attr, 1) ||
			(autokill ? spawnxattr_setautokill(attr, 1)
				  : spawnxattr_setautoreap(attr, 1)))
			_exit(3);
		pidfd = -7;
		if (start(attr, &pidfd) != ENOTSUP || pidfd != -7 ||
			waitpid(-1, nullptr, WNOHANG | __WALL) != -1)
			_exit(4);
		const strings argv({"idle", "exit:0"});
		pid_t pid = -1;
		_exit(spawnx(&pid, helper("idle").c_str(), nullptr, nullptr, argv,
			      envp) || wait_pid(pid) != 0
				? 5
				: 0);
	}
	CHECK(wait_pid(fork_of_it) == 0);
}

SPAWNX_TEST("an unshared pid namespace survives what the library asks of the kernel",
	"[root]")
{
	CHECK(again("fresh: the first spawn of all") == 0);
	CHECK(again("fresh: no-new-privs*") == 0);
	CHECK(again("fresh: autoreap*") == 0);
}

SPAWNX_TEST("an unshared pid namespace survives questions, which are not answered",
	"[root][has:clone3]")
{
	CHECK(again("fresh: questions") == 0);
}

SPAWNX_TEST("an unshared pid namespace survives relays, which are refused",
	"[root][lacks:autokill][has:clone3][has:close_range]")
{
	CHECK(again("fresh: weaker relays*") == 0);
}
