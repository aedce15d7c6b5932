/* SPDX-License-Identifier: MIT */
/* Attributes, as the child finds them. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;

static std::string hex(std::uint64_t set)
{
	char text[17];
	std::snprintf(
		text, sizeof(text), "%016llx", static_cast<unsigned long long>(set));
	return text;
}

static std::uint64_t bit(int sig)
{
	return UINT64_C(1) << (sig - 1);
}

SPAWNX_TEST("sigmask is the child's mask, exactly; the caller's stays")
{
	attributes attr;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMAX);
	REQUIRE(CALL(spawnxattr_setsigmask(attr, &set)) == 0);
	CHECK(spawn_report(nullptr, attr).at("SigBlk") ==
		hex(0)); /* no flag, no effect */
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETSIGMASK)) == 0);
	CHECK(spawn_report(nullptr, attr).at("SigBlk") == hex(bit(SIGUSR1) | bit(64)));
	sigemptyset(&set);
	REQUIRE(CALL(spawnxattr_setsigmask(attr, &set)) == 0);
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	const report none = spawn_report(nullptr, attr);
	const report inherited = spawn_report();
	sigprocmask(SIG_SETMASK, &before, nullptr);
	CHECK(none.at("SigBlk") == hex(0));
	/* libc keeps 32 and 33 to itself; SIGKILL and SIGSTOP cannot be blocked. */
	CHECK(inherited.at("SigBlk") ==
		hex(~(bit(SIGKILL) | bit(SIGSTOP) | bit(32) | bit(33))));
}

SPAWNX_TEST(
	"handlers become defaults, ignored signals stay ignored, sigdefault undoes that")
{
	struct sigaction handler = {}, ignore = {}, usr1, usr2, hup;
	handler.sa_handler = [](int) {};
	ignore.sa_handler = SIG_IGN;
	sigaction(SIGUSR1, &handler, &usr1);
	sigaction(SIGUSR2, &ignore, &usr2);
	sigaction(SIGHUP, &ignore, &hup);
	const report plain = spawn_report();
	attributes attr;
	sigset_t set;
	sigfillset(&set); /* SIGKILL and SIGSTOP too: POSIX callers do this */
	REQUIRE(CALL(spawnxattr_setsigdefault(attr, &set)) == 0);
	const report without_flag = spawn_report(nullptr, attr);
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETSIGDEF)) == 0);
	const report all_default = spawn_report(nullptr, attr);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	REQUIRE(CALL(spawnxattr_setsigdefault(attr, &set)) == 0);
	const report one_default = spawn_report(nullptr, attr);
	sigaction(SIGUSR1, &usr1, nullptr);
	sigaction(SIGUSR2, &usr2, nullptr);
	sigaction(SIGHUP, &hup, nullptr);

	CHECK(plain.at("SigCgt") == hex(0));
	CHECK(plain.at("SigIgn") == hex(bit(SIGUSR2) | bit(SIGHUP)));
	CHECK(without_flag.at("SigIgn") == plain.at("SigIgn"));
	CHECK(all_default.at("SigIgn") == hex(0)); /* glibc 2.36: 0000000180000000 */
	CHECK(one_default.at("SigIgn") == hex(bit(SIGHUP)));
}

SPAWNX_TEST("setpgroup: a group of its own, or one that exists")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETPGROUP)) == 0);
	report r = spawn_report(nullptr, attr);
	CHECK(r.at("pgid") == r.at("pid"));
	REQUIRE(CALL(spawnxattr_setpgroup(attr, getpgid(0))) == 0);
	r = spawn_report(nullptr, attr);
	CHECK(r.at("pgid") == std::to_string(getpgid(0)));

	const strings argv({"idle"}), envp({});
	pid_t pid = -7;
	REQUIRE(CALL(spawnxattr_setpgroup(attr, -3)) == 0);
	CHECK(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, attr, argv, envp)) ==
		EINVAL);
	CHECK(last_failure().stage == SPAWNX_STAGE_PGROUP);
	CHECK(in_words(last_failure()) == "setpgid: Invalid argument");
	REQUIRE(CALL(spawnxattr_setpgroup(attr, 0x3fffffff)) == 0);
	CHECK(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, attr, argv, envp)) ==
		EPERM);
	CHECK(pid == -7);
}

SPAWNX_TEST("setsid: a session of its own")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETSID)) == 0);
	const report r = spawn_report(nullptr, attr);
	CHECK(r.at("sid") == r.at("pid"));
	CHECK(r.at("pgid") == r.at("pid"));
	/* As glibc: setpgid to itself in a new session it leads is EPERM. */
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETSID | SPAWNX_SETPGROUP)) == 0);
	const strings argv({"idle"}), envp({});
	pid_t pid = -7;
	CHECK(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, attr, argv, envp)) ==
		EPERM);
	CHECK(last_failure().stage == SPAWNX_STAGE_PGROUP);
}

SPAWNX_TEST("resetids makes the effective ids the real ones; we stay dumpable", "[root]")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_RESETIDS)) == 0);
	/* Raw: libc's would change every thread. */
	REQUIRE(syscall(SYS_setresgid, -1, 1000, -1) == 0);
	REQUIRE(syscall(SYS_setresuid, -1, 1000, 0) == 0);
	prctl(PR_SET_DUMPABLE, 1);
	const scratch to;
	const strings argv({"report", to.path}), envp({});
	pid_t pid = -1;
	const int error =
		spawnx(&pid, helper("report").c_str(), nullptr, attr, argv, envp);
	const int dumpable = prctl(PR_GET_DUMPABLE);
	pid_t none = -7;
	const int failed = spawnx(&none, "/nonexistent", nullptr, attr, argv, envp);
	const int still_dumpable = prctl(PR_GET_DUMPABLE);
	REQUIRE(syscall(SYS_setresuid, -1, 0, 0) == 0);
	REQUIRE(syscall(SYS_setresgid, -1, 0, -1) == 0);
	prctl(PR_SET_DUMPABLE, 1);
	REQUIRE(error == 0);
	CHECK(wait_pid(pid) == 0);
	const report r = parse_report(to.path);
	CHECK(r.at("Uid") == "0\t0\t0\t0");
	CHECK(r.at("Gid").substr(0, 4) == "0\t0\t");
	CHECK(dumpable == 1);
	CHECK(failed == ENOENT);
	CHECK(still_dumpable == 1);
}

SPAWNX_TEST("resetids: a caller that was not dumpable is not made so", "[root]")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_RESETIDS)) == 0);
	const strings argv({"idle", "exit:0"}), envp({});
	REQUIRE(syscall(SYS_setresuid, -1, 1000, 0) == 0);
	prctl(PR_SET_DUMPABLE, 0);
	pid_t pid = -1, none = -7;
	const int error = spawnx(&pid, helper("idle").c_str(), nullptr, attr, argv, envp);
	const int dumpable = prctl(PR_GET_DUMPABLE);
	const int failed = spawnx(&none, "/nonexistent", nullptr, attr, argv, envp);
	const int still = prctl(PR_GET_DUMPABLE);
	REQUIRE(syscall(SYS_setresuid, -1, 0, 0) == 0);
	prctl(PR_SET_DUMPABLE, 1);
	REQUIRE(error == 0);
	CHECK(wait_pid(pid) == 0);
	CHECK(failed == ENOENT);
	CHECK(dumpable == 0);
	CHECK(still == 0);
}

SPAWNX_TEST("nonewprivs is set in the child and not in us, natively or exactly emulated")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
	CHECK(spawn_report(nullptr, attr).at("NoNewPrivs") == "1");
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
	CHECK(spawn_report().at("NoNewPrivs") == "0");

	spawnx_child child = {};
	child.size = sizeof(child);
	const strings argv({"idle", "exit:0"}), envp({});
	REQUIRE(CALL(spawnx_start(&child, nullptr, 0, helper("idle").c_str(), nullptr,
			attr, argv, envp)) == 0);
	const auto wanted = UINT64_C(1) << SPAWNX_FEATURE_NONEWPRIVS;
	const bool native = should_have("nonewprivs") == oracle::has;
	CHECK((child.native & wanted) == (native ? wanted : 0));
	CHECK((child.emulated & wanted) == (native ? 0 : wanted));
	close(child.pidfd);
	CHECK(wait_pid(child.pid) == 0);
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 0)) == 0);
	CHECK(spawn_report(nullptr, attr).at("NoNewPrivs") == "0");
}
