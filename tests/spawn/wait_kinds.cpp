/* SPDX-License-Identifier: MIT */
/* spawnx_wait: every kind of child, and every way to end, on every kernel. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace support;

namespace
{

struct ending {
	const char *word;
	int code, status;
};
constexpr ending endings[] = {
	{"exit:0", CLD_EXITED, 0},
	{"exit:1", CLD_EXITED, 1},
	{"exit:255", CLD_EXITED, 255},
	{"signal:9", CLD_KILLED, 9},
	{"signal:15", CLD_KILLED, 15},
	{"signal:34", CLD_KILLED, 34},
};

int start(std::vector<std::string> words, spawnxattr_t *attr = nullptr)
{
	words.insert(words.begin(), "idle");
	const strings argv(words), envp({});
	int pidfd = -1;
	REQUIRE(CALL(pidfd_spawnx(
			&pidfd, helper("idle").c_str(), nullptr, attr, argv, envp)) == 0);
	return pidfd;
}

int open_pidfd(pid_t pid)
{
	return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

/* Dead, whoever reaps it. */
void until_dead(int pidfd)
{
	pollfd p = {pidfd, POLLIN, 0};
	REQUIRE(poll(&p, 1, 30000) == 1);
}

/* Each way to ask must give the same: with no limit, with a long one, and with none left. */
void expect(int pidfd, const ending &end, bool known)
{
	static constexpr timespec at_once = {0, 0}, long_enough = {30, 0};
	bool first = true;
	until_dead(pidfd);
	for (const timespec *limit :
		{static_cast<const timespec *>(nullptr), &long_enough, &at_once}) {
		spawnx_exit e = {};
		e.size = sizeof(e);
		e.code = e.status = -7;
		const int error = CALL(spawnx_wait(pidfd, &e, limit));
		/* An ordinary child's first wait reaps it; the rest is what the kernel keeps. */
		if (known || (first && error == 0)) {
			CHECK(error == 0);
			CHECK(e.code == end.code);
			CHECK(e.status == end.status);
		} else {
			CHECK(error == ENODATA);
			CHECK(e.code == -7);
			CHECK(e.status == -7);
		}
		first = false;
	}
}

bool kept()
{
	return should_have("exit_info") == oracle::has;
}

struct disposition {
	disposition(void (*handler)(int), int flags)
	{
		struct sigaction act = {};
		act.sa_handler = handler;
		act.sa_flags = flags;
		sigaction(SIGCHLD, &act, &before);
	}
	~disposition()
	{
		sigaction(SIGCHLD, &before, nullptr);
	}
	struct sigaction before;
};

/* A process whose parent is another one, which reaps it. */
struct grandchild {
	grandchild(const char *word)
	{
		int told[2];
		REQUIRE(pipe(told) == 0);
		parent = fork();
		if (parent == 0) {
			const pid_t pid = fork();
			if (pid == 0) {
				execl(helper("idle").c_str(), "idle", "ms:100", word,
					static_cast<char *>(nullptr));
				_exit(126);
			}
			(void)!write(told[1], &pid, sizeof(pid));
			(void)waitpid(pid, nullptr, 0);
			_exit(0);
		}
		pid_t pid = -1;
		CHECK(read(told[0], &pid, sizeof(pid)) == sizeof(pid));
		close(told[0]);
		close(told[1]);
		pidfd = open_pidfd(pid);
	}
	~grandchild()
	{
		close(pidfd);
		(void)wait_pid(parent);
	}
	pid_t parent;
	int pidfd;
};

} // namespace

SPAWNX_TEST("ordinary children: the status, once on every kernel")
{
	for (const ending &end : endings) {
		INFO(end.word);
		const int pidfd = start({end.word});
		until_dead(pidfd);
		spawnx_exit e = {};
		e.size = sizeof(e);
		CHECK(CALL(spawnx_wait(pidfd, &e, nullptr)) == 0);
		CHECK(e.code == end.code);
		CHECK(e.status == end.status);
		expect(pidfd, end, kept());
		close(pidfd);
	}
}

SPAWNX_TEST("a child that dumps core says so")
{
	attributes attr;
	const rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	rlimit before;
	REQUIRE(getrlimit(RLIMIT_CORE, &before) == 0);
	if (setrlimit(RLIMIT_CORE, &unlimited) != 0) {
		const rlimit most = {before.rlim_max, before.rlim_max};
		REQUIRE(setrlimit(RLIMIT_CORE, &most) == 0);
	}
	const int pidfd = start({"signal:3"});
	REQUIRE(setrlimit(RLIMIT_CORE, &before) == 0);
	until_dead(pidfd);
	/* Whether a core is written is the machine's business; that both say the same ours. */
	siginfo_t info = {};
	REQUIRE(waitid(static_cast<idtype_t>(3), static_cast<id_t>(pidfd), &info,
			WEXITED | WNOWAIT) == 0);
	spawnx_exit e = {};
	e.size = sizeof(e);
	CHECK(CALL(spawnx_wait(pidfd, &e, nullptr)) == 0);
	CHECK(e.code == info.si_code);
	CHECK(e.status == 3);
	unlink("core");
	close(pidfd);
}

SPAWNX_TEST("autoreaped children: the status, as often as asked", "[has:autoreap]")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setautoreap(attr, 1)) == 0);
	for (const ending &end : endings) {
		INFO(end.word);
		const int pidfd = start({end.word}, attr);
		expect(pidfd, end, true);
		close(pidfd);
	}
}

SPAWNX_TEST("killed by autokill, seen through another pidfd", "[has:autokill]")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setautokill(attr, 1)) == 0);
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
	const int pidfd = start({}, attr);
	const int watch = open_pidfd(pid_of(pidfd));
	REQUIRE(watch >= 0);
	const timespec at_once = {0, 0};
	CHECK(CALL(spawnx_wait(watch, nullptr, &at_once)) == ETIMEDOUT);
	close(pidfd);
	expect(watch, {"", CLD_KILLED, SIGKILL}, true);
	close(watch);
}

SPAWNX_TEST("reaped by somebody else's wait: kept since Linux 6.15, ENODATA before")
{
	for (const ending &end : endings) {
		INFO(end.word);
		const int pidfd = start({end.word});
		CHECK(wait_pid(pid_of(pidfd)) >= 0);
		expect(pidfd, end, kept());
		close(pidfd);
	}
}

SPAWNX_TEST("SIGCHLD ignored, or SA_NOCLDWAIT: kept since Linux 6.15, ENODATA before")
{
	for (const bool ignored : {true, false}) {
		const disposition d(
			ignored ? SIG_IGN : SIG_DFL, ignored ? 0 : SA_NOCLDWAIT);
		for (const ending &end : endings) {
			INFO(end.word << (ignored ? " ignored" : " SA_NOCLDWAIT"));
			const int pidfd = start({end.word});
			expect(pidfd, end, kept());
			close(pidfd);
		}
	}
}

SPAWNX_TEST("a process of another parent: kept since Linux 6.15, ENODATA before")
{
	for (const ending &end : {endings[1], endings[3]}) {
		INFO(end.word);
		const grandchild other(end.word);
		const timespec at_once = {0, 0};
		REQUIRE(other.pidfd >= 0);
		CHECK(CALL(spawnx_wait(other.pidfd, nullptr, &at_once)) == ETIMEDOUT);
		until_dead(other.pidfd);
		(void)usleep(50000); /* its parent reaps it */
		expect(other.pidfd, end, kept());
	}
}

SPAWNX_TEST("two threads wait for one child, and neither hangs", "[thread]")
{
	const int pidfd = start({"ms:100", "exit:4"});
	int errors[2] = {-1, -1};
	spawnx_exit e[2] = {};
	e[0].size = e[1].size = sizeof(e[0]);
	std::thread other([&] { errors[0] = spawnx_wait(pidfd, &e[0], nullptr); });
	errors[1] = spawnx_wait(pidfd, &e[1], nullptr);
	other.join();
	int told = 0;
	for (int i = 0; i < 2; i++) {
		INFO(errors[i]);
		CHECK((errors[i] == 0 || (errors[i] == ENODATA && !kept())));
		told += errors[i] == 0 && e[i].code == CLD_EXITED && e[i].status == 4;
	}
	CHECK(told >= (kept() ? 2 : 1));
	close(pidfd);
}

SPAWNX_TEST("a child that was stopped and continued has not ended")
{
	const int pidfd = start({});
	const timespec short_while = {0, 30000000};
	CHECK(CALL(spawnx_signal(pidfd, SIGSTOP)) == 0);
	CHECK(CALL(spawnx_wait(pidfd, nullptr, &short_while)) == ETIMEDOUT);
	CHECK(CALL(spawnx_signal(pidfd, SIGCONT)) == 0);
	CHECK(CALL(spawnx_wait(pidfd, nullptr, &short_while)) == ETIMEDOUT);
	CHECK(CALL(spawnx_signal(pidfd, SIGKILL)) == 0);
	CHECK(CALL(spawnx_wait(pidfd, nullptr, nullptr)) == 0);
	close(pidfd);
}
