/* SPDX-License-Identifier: MIT */
/*
 * autoreap and autokill: the same cases for the kernel's own and for the weaker fallbacks,
 * which are asked for on every kernel and used where it lacks the flags. relay.cpp has what
 * only the fallbacks have to show.
 */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace support;
using std::chrono::milliseconds;

static const strings envp({});

static bool stays(pid_t pid)
{
	usleep(100000);
	const char state = state_of(pid);
	return state == 'S' || state == 'R';
}

static bool native()
{
	return should_have("autokill") == oracle::has;
}

static void check_done_by(const spawnx_child &child, std::uint64_t features, bool kernel)
{
	CHECK(((kernel ? child.native : child.emulated) & features) == features);
	CHECK(((kernel ? child.emulated : child.native) & features) == 0);
}

/*
 * Not our child: its status is known where the kernel keeps it, else it is ENODATA. It is
 * kept from when init has reaped it, and some inits take more than the second we wait.
 */
static void check_end(int pidfd, int code, int status)
{
	spawnx_exit e = {};
	e.size = sizeof(e);
	const bool kept = should_have("exit_info") == oracle::has;
	/* POLLHUP: reaped. Old kernels know only POLLIN, dead, but there nothing comes later. */
	pollfd p = {pidfd, static_cast<short>(kept ? 0 : POLLIN), 0};
	CHECK(poll(&p, 1, 30000) == 1);
	CHECK(CALL(spawnx_wait(pidfd, &e, nullptr)) == (kept ? 0 : ENODATA));
	CHECK(e.code == (kept ? code : 0));
	CHECK(e.status == (kept ? status : 0));
}

SPAWNX_TEST("autoreap: status by pidfd, twice; no zombie, no SIGCHLD, no rusage",
	"[has:clone3]")
{
	const sigchld_counter sigchld;
	rusage before, after;
	getrusage(RUSAGE_CHILDREN, &before);
	attributes attr;
	REQUIRE(CALL(spawnxattr_setautoreap(attr, 1)) == 0);
	REQUIRE(CALL(spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER)) == 0);
	const spawnx_child child = start_idle(attr, {"ms:50", "exit:5"});
	check_done_by(child, 1u << SPAWNX_FEATURE_AUTOREAP, native());
	/* While it lives there is nothing yet for wait; if it is init's, never. */
	CHECK(waitpid(-1, nullptr, WNOHANG) == (native() ? 0 : -1));
	for (int twice = 0; twice < 2; twice++)
		check_end(child.pidfd, CLD_EXITED, 5);
	CHECK(waitpid(-1, nullptr, __WALL) == -1);
	CHECK(errno == ECHILD);
	CHECK(goes(child.pid));
	CHECK(sigchld.count() == 0);
	getrusage(RUSAGE_CHILDREN, &after);
	if (native()) /* a relay is waited for */
		CHECK(after.ru_nvcsw == before.ru_nvcsw);
	close(child.pidfd);
}

SPAWNX_TEST("autoreap: a child nobody looks at leaves no zombie", "[has:clone3]")
{
	const sigchld_counter sigchld;
	attributes attr;
	REQUIRE(CALL(spawnxattr_setautoreap(attr, 1)) == 0);
	REQUIRE(CALL(spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER)) == 0);
	const strings argv({"idle", "exit:1"});
	pid_t pids[50];
	for (pid_t &pid : pids)
		REQUIRE(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, attr, argv,
				envp)) == 0);
	for (const pid_t pid : pids)
		CHECK(goes(pid));
	CHECK(sigchld.count() == 0);
	CHECK(waitpid(-1, nullptr, __WALL) == -1);
}

SPAWNX_TEST("autoreap: killed by a signal, and waited for from before", "[has:clone3]")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setautoreap(attr, 1)) == 0);
	REQUIRE(CALL(spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER)) == 0);
	const spawnx_child child = start_idle(attr, {"ms:100", "signal:9"});
	spawnx_exit e = {};
	e.size = sizeof(e);
	const timespec short_time = {0, 1000000};
	CHECK(CALL(spawnx_wait(child.pidfd, &e, &short_time)) == ETIMEDOUT);
	check_end(child.pidfd, CLD_KILLED, SIGKILL);
	close(child.pidfd);
}

SPAWNX_TEST("autoreap: a failed spawn is an error that leaves nothing", "[has:clone3]")
{
	const sigchld_counter sigchld;
	attributes attr;
	REQUIRE(CALL(spawnxattr_setautoreap(attr, 1)) == 0);
	REQUIRE(CALL(spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER)) == 0);
	const strings argv({"x"});
	for (int i = 0; i < 300; i++) {
		pid_t pid = -7;
		int pidfd = -7;
		const int error = i % 2
			? spawnx(&pid, "/nonexistent", nullptr, attr, argv, envp)
			: pidfd_spawnx(&pidfd, "/nonexistent", nullptr, attr, argv, envp);
		if (error != ENOENT || pid != -7 || pidfd != -7)
			FAIL(error << " " << pid << " " << pidfd);
		if (waitpid(-1, nullptr, WNOHANG | __WALL) != -1 ||
			!listed_children().empty())
			FAIL("a child is left");
	}
	CHECK(sigchld.count() == 0);
}

SPAWNX_TEST("autoreap: stop and continue still send SIGCHLD", "[has:autoreap]")
{
	const sigchld_counter sigchld;
	attributes attr;
	REQUIRE(CALL(spawnxattr_setautoreap(attr, 1)) == 0);
	REQUIRE(CALL(spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER)) == 0);
	const spawnx_child child = start_idle(attr);
	CHECK(CALL(spawnx_signal(child.pidfd, SIGSTOP)) == 0);
	CHECK(becomes('T', child.pid, milliseconds(10000)));
	for (int i = 0; i < 10000 && sigchld.count() == 0; i++)
		usleep(1000); /* it stops first and tells us then */
	CHECK(sigchld.count() == 1);
	CHECK(CALL(spawnx_signal(child.pidfd, SIGKILL)) == 0);
	CHECK(goes(child.pid));
	CHECK(sigchld.count() == 1);
	close(child.pidfd);
}

SPAWNX_TEST("autokill: dies when the pidfd is closed", "[has:clone3][has:close_range]")
{
	const sigchld_counter sigchld;
	attributes attr;
	REQUIRE(CALL(spawnxattr_setautokill(attr, 1)) == 0);
	REQUIRE(CALL(spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER)) == 0);
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
	const spawnx_child child = start_idle(attr);
	check_done_by(child,
		(1u << SPAWNX_FEATURE_AUTOREAP) | (1u << SPAWNX_FEATURE_AUTOKILL) |
			(1u << SPAWNX_FEATURE_NONEWPRIVS),
		native());
	CHECK(stays(child.pid));
	close(child.pidfd);
	CHECK(goes(child.pid));
	CHECK(sigchld.count() == 0);
}

SPAWNX_TEST("autokill: a copy keeps it alive, a pidfd_open does not",
	"[has:clone3][has:close_range]")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setautokill(attr, 1)) == 0);
	REQUIRE(CALL(spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER)) == 0);
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
	const spawnx_child child = start_idle(attr);
	const int copy = fcntl(child.pidfd, F_DUPFD_CLOEXEC, 0);
	const int opened = static_cast<int>(syscall(SYS_pidfd_open, child.pid, 0));
	REQUIRE(opened >= 0);
	close(child.pidfd);
	CHECK(stays(child.pid));
	close(copy);
	CHECK(goes(child.pid));
	check_end(opened, CLD_KILLED, SIGKILL);
	close(opened);
}

/* A supervisor in a process of its own, and the worker it has started. */
struct kept {
	pid_t keeper = -1, worker = -1, holder = -1;

	explicit kept(const char *how)
	{
		int pipe[2];
		REQUIRE(pipe2(pipe, O_CLOEXEC) == 0);
		file_actions actions;
		REQUIRE(CALL(spawnx_file_actions_adddup2(actions, pipe[1], 1)) == 0);
		const strings argv({"keeper", how, helper("idle")});
		const char *path = getenv("LD_LIBRARY_PATH");
		const strings env({"LD_LIBRARY_PATH=" + std::string(path ? path : "")});
		REQUIRE(CALL(spawnx(&keeper, helper("keeper").c_str(), actions, nullptr,
				argv, env)) == 0);
		close(pipe[1]);
		FILE *in = fdopen(pipe[0], "r");
		const int lines = std::string(how) == "fork" ? 2 : 1;
		REQUIRE(fscanf(in, "%d", &worker) == 1); /* kill(-1) would be everybody */
		if (lines == 2)
			REQUIRE(fscanf(in, "%d", &holder) == 1);
		fclose(in);
	}
};

SPAWNX_TEST("autokill: SIGKILL of the parent kills", "[has:clone3][has:close_range]")
{
	const kept k("wait");
	CHECK(stays(k.worker));
	kill(k.keeper, SIGKILL);
	CHECK(wait_pid(k.keeper) == SIGKILL);
	CHECK(goes(k.worker));
}

SPAWNX_TEST("autokill: exec of the parent kills", "[has:clone3][has:close_range]")
{
	const kept k("exec");
	CHECK(goes(k.worker));
	CHECK(stays(k.keeper)); /* it is another program now, and lives */
	kill(k.keeper, SIGKILL);
	CHECK(wait_pid(k.keeper) == SIGKILL);
}

SPAWNX_TEST("autokill: exit of the parent kills", "[has:clone3][has:close_range]")
{
	const kept k("exit");
	CHECK(wait_pid(k.keeper) == 0);
	CHECK(goes(k.worker));
}

SPAWNX_TEST("autokill: exit of the thread that spawned does not kill",
	"[has:clone3][has:close_range]")
{
	const kept k("thread");
	CHECK(stays(k.worker));
	kill(k.keeper, SIGKILL);
	CHECK(wait_pid(k.keeper) == SIGKILL);
	CHECK(goes(k.worker));
}

SPAWNX_TEST("autokill: a forked copy keeps it alive after the parent",
	"[has:clone3][has:close_range]")
{
	const kept k("fork");
	CHECK(wait_pid(k.keeper) == 0);
	CHECK(stays(k.worker));
	kill(k.holder, SIGKILL);
	CHECK(goes(k.worker));
}

SPAWNX_TEST("autokill without no-new-privs is for CAP_SYS_ADMIN",
	"[root][has:clone3][has:close_range]")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setautokill(attr, 1)) == 0);
	REQUIRE(CALL(spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER)) == 0);
	const spawnx_child child = start_idle(attr);
	close(child.pidfd);
	CHECK(goes(child.pid));
}

SPAWNX_TEST("autokill without no-new-privs is EPERM for a user, who is told why",
	"[user][has:clone3][has:close_range]")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setautokill(attr, 1)) == 0);
	REQUIRE(CALL(spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER)) == 0);
	const strings argv({"idle"});
	int pidfd = -7;
	CHECK(CALL(pidfd_spawnx(&pidfd, helper("idle").c_str(), nullptr, attr, argv,
		      envp)) == EPERM);
	CHECK(pidfd == -7);
	const spawnx_failure f = last_failure();
	CHECK(f.stage == SPAWNX_STAGE_CLONE);
	CHECK(f.index == SPAWNX_FEATURE_AUTOKILL);
	CHECK(std::string(f.text) == "autokill");
	CHECK(in_words(f) ==
		"clone3: autokill needs no-new-privs or CAP_SYS_ADMIN: "
		"Operation not permitted");
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
	const spawnx_child child = start_idle(attr);
	close(child.pidfd);
	CHECK(goes(child.pid));
}

/* A seccomp filter is the reason where the kernel is new enough: see tests/fault. */
static void check_not_supported(spawnxattr_t *attr, const char *name, unsigned id)
{
	const strings argv({"idle"});
	int pidfd = -7;
	CHECK(CALL(pidfd_spawnx(&pidfd, helper("idle").c_str(), nullptr, attr, argv,
		      envp)) == ENOTSUP);
	CHECK(pidfd == -7);
	const spawnx_failure f = last_failure();
	CHECK(f.stage == SPAWNX_STAGE_FEATURE);
	CHECK(f.index == static_cast<int>(id));
	CHECK(std::string(f.text) == name);
	const std::string words = in_words(f);
	CHECK(words.rfind(std::string(name) + ": ", 0) == 0);
	const char *blocked = getenv("SPAWNX_TEST_BLOCKED");
	CHECK(words.find(blocked ? blocked : "since Linux 7.1") != std::string::npos);
}

SPAWNX_TEST("autoreap where the kernel lacks it is ENOTSUP", "[lacks:autoreap]")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setautoreap(attr, 1)) == 0);
	check_not_supported(attr, "autoreap", SPAWNX_FEATURE_AUTOREAP);
	const strings argv({"idle"});
	pid_t pid = -7;
	CHECK(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, attr, argv, envp)) ==
		ENOTSUP);
	CHECK(pid == -7);
}

SPAWNX_TEST("autokill where the kernel lacks it is ENOTSUP", "[lacks:autokill]")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setautokill(attr, 1)) == 0);
	check_not_supported(attr, "autokill", SPAWNX_FEATURE_AUTOKILL);
}
