/* SPDX-License-Identifier: MIT */
/*
 * Run under helpers/deny, which refuses one system call: each error exit of the parent is
 * walked, and the runner looks for what is left. Hidden: meson.build names each by tag.
 */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>
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

/* A kernel of before 5.7 takes no more than 64 bytes, unless the rest is zero. */
static bool refuse_long_clone3()
{
	sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 64, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | E2BIG),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const sock_fprog program = {6, code};
	if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return false;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

SPAWNX_TEST("clone3 is told no more than it must be", "[.small][has:clone3]")
{
	for (const bool filtered : {false, true}) {
		if (filtered)
			REQUIRE(refuse_long_clone3());
		attributes attr;
		REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
		spawnx_child child = {};
		child.size = sizeof(child);
		REQUIRE(CALL(spawnx_start(&child, nullptr, 0, helper("idle").c_str(),
				nullptr, attr, argv, envp)) == 0);
		CHECK((child.native >> SPAWNX_FEATURE_CLONE3 & 1) == 1);
		close(child.pidfd);
		CHECK(wait_pid(child.pid) == 0);
	}
}

/* To look for what is missing is not worth a failure of its own. */
SPAWNX_TEST("where the child may not look, exec's error is the plain one", "[.look]")
{
	const scratch script;
	const int fd = open(script.path.c_str(), O_WRONLY | O_CLOEXEC);
	REQUIRE(write(fd, "#!/nonexistent/i\n", 17) == 17);
	REQUIRE(fchmod(fd, 0755) == 0);
	close(fd);
	const std::string paths[] = {"/nonexistent/x", script.path};
	spawnx_failure failures[2] = {};
	const int number = refusal();
	/* In a thread: the runner still has to open files. */
	std::thread([&] {
		if (!refuse_from_now_on(SYS_openat, number))
			return;
		for (int i = 0; i < 2; i++) {
			failures[i].size = sizeof(failures[i]);
			(void)spawnx_start(nullptr, &failures[i], 0, paths[i].c_str(),
				nullptr, nullptr, argv, envp);
		}
	}).join();
	for (int i = 0; i < 2; i++) {
		CHECK(failures[i].error == ENOENT);
		CHECK(failures[i].stage == SPAWNX_STAGE_EXEC);
		CHECK(in_words(failures[i]) ==
			"exec \"" + paths[i] + "\": No such file or directory");
	}
}
