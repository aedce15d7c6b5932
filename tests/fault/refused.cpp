/* SPDX-License-Identifier: MIT */
/*
 * Run under helpers/deny, which refuses one system call: each error exit of the parent is
 * walked, and the runner looks for what is left. Hidden: meson.build names each by tag.
 */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <cstdlib>
#include <sys/syscall.h>
#include <unistd.h>

using namespace support;

static const strings argv({"idle", "exit:0"});
static const strings envp({});

/* The number deny answers with, from the test's environment. */
static int refusal()
{
	const char *number = std::getenv("SPAWNX_TEST_REFUSAL");
	REQUIRE(number);
	return std::atoi(number);
}

SPAWNX_TEST("clone refused comes back as itself, with the stage", "[.clone]")
{
	const int number = refusal();
	for (int i = 0; i < 3; i++) {
		pid_t pid = -7;
		int pidfd = -7;
		CHECK(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, nullptr, argv,
			      envp)) == number);
		CHECK(last_failure().stage == SPAWNX_STAGE_CLONE);
		CHECK(last_failure().index == -1);
		CHECK(last_failure().text[0] == '\0');
		CHECK(CALL(pidfd_spawnx(&pidfd, helper("idle").c_str(), nullptr, nullptr,
			      argv, envp)) == number);
		CHECK(pid == -7);
		CHECK(pidfd == -7);
	}
}

SPAWNX_TEST("no memory for the first spawn's pipe comes back as itself", "[.pipe]")
{
	pid_t pid = -7;
	CHECK(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, nullptr, argv, envp)) ==
		refusal());
	CHECK(last_failure().stage == SPAWNX_STAGE_CLONE);
	CHECK(pid == -7);
}

SPAWNX_TEST("no descriptor for the first spawn's pipe does not matter", "[.nopipe]")
{
	pid_t pid = -7;
	REQUIRE(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, nullptr, argv,
			envp)) == 0);
	CHECK(wait_pid(pid) == 0);
}

SPAWNX_TEST("exec refused comes back as itself", "[.exec]")
{
	/* A filter of our own: deny could not exec us under this one. */
	REQUIRE(refuse_from_now_on(SYS_execve, refusal()));
	pid_t pid = -7;
	CHECK(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, nullptr, argv, envp)) ==
		refusal());
	CHECK(last_failure().stage == SPAWNX_STAGE_EXEC);
	CHECK(pid == -7);
}

SPAWNX_TEST("a refused step of the child comes back as itself", "[.setpgid]")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETPGROUP)) == 0);
	pid_t pid = -7;
	CHECK(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, attr, argv, envp)) ==
		refusal());
	CHECK(last_failure().stage == SPAWNX_STAGE_PGROUP);
	CHECK(pid == -7);
}

/* The filter comes after the probe has said yes: the library must ask again. */
SPAWNX_TEST("a filter installed after the first spawn: clone(2) instead", "[.late]")
{
	for (const bool filtered : {false, true}) {
		if (filtered)
			REQUIRE(refuse_from_now_on(SYS_clone3, refusal()));
		attributes attr;
		REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
		const report r = spawn_report(nullptr, attr);
		CHECK(r.at("NoNewPrivs") == "1");
		CHECK(r.at("SigIgn") == "0000000000000000");
		REQUIRE(CALL(spawnxattr_setautoreap(attr, 1)) == 0);
		pid_t pid = -7;
		const bool has = should_have("autoreap") == oracle::has && !filtered;
		if (!has) {
			CHECK(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, attr,
				      argv, envp)) == ENOTSUP);
			CHECK(last_failure().stage == SPAWNX_STAGE_FEATURE);
		}
	}
}
