/* SPDX-License-Identifier: MIT */
/*
 * A relay that is killed while the child runs in our memory, on our stack: held there by a
 * FIFO that it opens, which nobody writes to yet. And callers for whom a relay would not do.
 */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace support;
using std::chrono::milliseconds;

static const char before_7_1[] = "[lacks:autokill][has:clone3][has:close_range]";
static const strings envp({});

static pid_t child_of(const std::string &task)
{
	pid_t pid = 0;
	std::ifstream("/proc/" + task + "/children") >> pid;
	return pid;
}

static pid_t wait_for_child_of(const std::string &task)
{
	for (int i = 0; i < 10000; i++) {
		if (const pid_t pid = child_of(task))
			return pid;
		usleep(1000);
	}
	return 0;
}

static std::string main_task(pid_t pid)
{
	return std::to_string(pid) + "/task/" + std::to_string(pid);
}

namespace
{

/* A spawn in a thread, held before exec. */
struct held {
	const scratch fifo;
	file_actions actions;
	attributes attr;
	std::atomic<pid_t> tid{0};
	std::atomic<bool> done{false};
	int error = -1, pidfd = -7;
	spawnx_failure failure = {};
	std::uint64_t mask = 0;
	std::thread thread;
	std::vector<pid_t> chain; /* the relays, and the child last */

	explicit held(bool autokill)
	{
		unlink(fifo.path.c_str());
		REQUIRE(mkfifo(fifo.path.c_str(), 0600) == 0);
		REQUIRE(CALL(spawnx_file_actions_addopen(
				actions, 0, fifo.path.c_str(), O_RDONLY, 0)) == 0);
		REQUIRE(CALL(spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER)) == 0);
		REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
		REQUIRE(CALL(autokill ? spawnxattr_setautokill(attr, 1)
				      : spawnxattr_setautoreap(attr, 1)) == 0);
		thread = std::thread(&held::run, this);
		for (int i = 0; i < 10000 && !tid; i++)
			usleep(1000);
		std::string task = "self/task/" + std::to_string(tid.load());
		for (int i = autokill ? 3 : 2; i; i--) {
			const pid_t pid = wait_for_child_of(task);
			REQUIRE(pid > 0);
			chain.push_back(pid);
			task = main_task(pid);
		}
		usleep(20000); /* it comes to the FIFO */
	}
	void run()
	{
		const strings argv({"idle"});
		tid = static_cast<pid_t>(syscall(SYS_gettid));
		failure.size = sizeof(failure);
		error = pidfd_spawnx(
			&pidfd, helper("idle").c_str(), actions, attr, argv, envp);
		(void)spawnx_lastfailure(&failure);
		syscall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &mask, sizeof(mask));
		done = true;
	}
	/* The child goes on; returns when the call has. */
	void release()
	{
		int fd = -1;
		for (int i = 0; i < 10000 && fd < 0 && !done; i++) {
			fd = open(fifo.path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK);
			usleep(1000);
		}
		thread.join();
		close(fd);
	}
};

} // namespace

SPAWNX_TEST(
	"a relay is killed: the call waits for who runs in our memory, then ECANCELED",
	before_7_1)
{
	/* Init's; the guard's outer and inner one. */
	const struct {
		bool autokill;
		std::size_t victim;
		int stage;
	} rows[] = {{false, 0, SPAWNX_STAGE_EXEC}, {true, 0, SPAWNX_STAGE_EXEC},
		{true, 1, SPAWNX_STAGE_GUARD}};
	for (const auto &row : rows) {
		INFO("row " << &row - rows);
		const sigchld_counter sigchld;
		held h(row.autokill);
		CHECK(kill(h.chain[row.victim], SIGKILL) == 0);
		usleep(100000);
		CHECK_FALSE(h.done);
		CHECK(state_of(h.chain.back()) == 'S');
		h.release();
		CHECK(h.error == ECANCELED);
		CHECK(h.pidfd == -7);
		CHECK(h.mask == 0);
		CHECK(h.failure.error == ECANCELED);
		CHECK(h.failure.stage == row.stage);
		for (const pid_t pid : h.chain)
			CHECK(ends(pid));
		CHECK(becomes(0, h.chain.back(), milliseconds(10000)));
		CHECK(waitpid(-1, nullptr, WNOHANG | __WALL) == -1);
		CHECK(sigchld.count() == 0);
	}
}

/* The last is what a guard would make of it: nobody may be left to wait for the other. */
SPAWNX_TEST("both relays are killed: the child is, too", before_7_1)
{
	held h(true);
	CHECK(kill(h.chain[0], SIGKILL) == 0);
	CHECK(kill(h.chain[1], SIGKILL) == 0);
	usleep(50000);
	CHECK_FALSE(h.done);
	h.release();
	CHECK(h.error == ECANCELED);
	for (const pid_t pid : h.chain)
		CHECK(ends(pid));
}

SPAWNX_TEST("the child is killed in our memory: as natively, its status is the pidfd's",
	before_7_1)
{
	for (const bool autokill : {false, true}) {
		held h(autokill);
		CHECK(kill(h.chain.back(), SIGKILL) == 0);
		h.release();
		CHECK(h.error == 0);
		CHECK(h.pidfd >= 0);
		for (const pid_t pid : h.chain)
			CHECK(ends(pid));
		CHECK(waitpid(-1, nullptr, WNOHANG | __WALL) == -1);
		close(h.pidfd);
	}
}

/* The caller dies, and its relays run on in its memory: the lock is free at once. */
SPAWNX_TEST(
	"the caller is killed while the child runs in its memory: it dies", before_7_1)
{
	const scratch fifo;
	unlink(fifo.path.c_str());
	REQUIRE(mkfifo(fifo.path.c_str(), 0600) == 0);
	const pid_t caller = fork();
	if (caller == 0) {
		attributes attr;
		file_actions actions;
		spawnx_file_actions_addopen(actions, 0, fifo.path.c_str(), O_RDONLY, 0);
		spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER);
		spawnxattr_setnonewprivs(attr, 1);
		spawnxattr_setautokill(attr, 1);
		const strings argv({"idle"});
		int pidfd;
		pidfd_spawnx(&pidfd, helper("idle").c_str(), actions, attr, argv, envp);
		_exit(1);
	}
	REQUIRE(caller > 0);
	const pid_t outer = wait_for_child_of(main_task(caller)),
		    inner = wait_for_child_of(main_task(outer)),
		    child = wait_for_child_of(main_task(inner));
	CHECK(child > 0);
	usleep(20000);
	CHECK(kill(caller, SIGKILL) == 0);
	CHECK(wait_pid(caller) == SIGKILL);
	CHECK(state_of(child) == 'S');
	const int fd = open(fifo.path.c_str(), O_WRONLY | O_CLOEXEC);
	close(fd);
	for (const pid_t pid : {outer, inner, child})
		CHECK(ends(pid));
}

SPAWNX_TEST("guard: a subreaper is its parent, and may wait for it", before_7_1)
{
	REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	attributes attr;
	REQUIRE(CALL(spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER)) == 0);
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
	REQUIRE(CALL(spawnxattr_setautokill(attr, 1)) == 0);
	const strings argv({"idle"});
	int pidfd = -1;
	REQUIRE(CALL(pidfd_spawnx(
			&pidfd, helper("idle").c_str(), nullptr, attr, argv, envp)) == 0);
	const pid_t child = pid_of(pidfd);
	const pid_t guard = child_of("self/task/" + std::to_string(getpid()));
	CHECK(child_of(main_task(guard)) == child);
	CHECK(waitpid(-1, nullptr, WNOHANG) == 0);
	close(pidfd);
	CHECK(wait_pid(guard) == 0);
	CHECK(state_of(child) == 0);
	CHECK(waitpid(-1, nullptr, WNOHANG | __WALL) == -1);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* In a process of its own: exit status 0 if code() is. */
template <typename F> static int in_a_fork(F code)
{
	const pid_t pid = fork();
	if (pid == 0)
		_exit(code());
	return wait_pid(pid);
}

static int start_for_user(int *ret_pidfd, unsigned uid)
{
	attributes attr;
	if (spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER) ||
		spawnxattr_setnonewprivs(attr, 1) || spawnxattr_setautokill(attr, 1) ||
		(uid && spawnxattr_setuid(attr, uid)))
		return -1;
	const strings argv({"idle"});
	return pidfd_spawnx(ret_pidfd, helper("idle").c_str(), nullptr, attr, argv, envp);
}

/* uid 1000 and these capabilities, permitted and effective: a daemon with file capabilities. */
static bool become_user_with(unsigned capabilities)
{
	__user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	__user_cap_data_struct sets[2] = {};
	sets[0].permitted = sets[0].effective = capabilities;
	return prctl(PR_SET_KEEPCAPS, 1) == 0 && setresgid(1000, 1000, 1000) == 0 &&
		setresuid(1000, 1000, 1000) == 0 &&
		syscall(SYS_capset, &header, sets) == 0;
}

SPAWNX_TEST("guard: of a user with CAP_KILL, and the child is another user's",
	"[root][lacks:autokill][has:clone3][has:close_range]")
{
	int pipe[2];
	REQUIRE(pipe2(pipe, O_CLOEXEC) == 0);
	CHECK(in_a_fork([&] {
		int pidfd = -1;
		if (!become_user_with(1u << CAP_SETUID | 1u << CAP_KILL))
			return 2;
		if (start_for_user(&pidfd, 2000) != 0)
			return 3;
		const pid_t pid = pid_of(pidfd);
		return write(pipe[1], &pid, sizeof(pid)) == sizeof(pid) ? 0 : 4;
	}) == 0);
	pid_t pid = -1;
	close(pipe[1]);
	REQUIRE(read(pipe[0], &pid, sizeof(pid)) == sizeof(pid));
	close(pipe[0]);
	CHECK(becomes(0, pid, milliseconds(10000)));
}

/* Whom exec does not make what root is: the guard's right to kill has to be kept for it. */
SPAWNX_TEST("guard: of root without root's rights, and the child is another user's",
	"[root][lacks:autokill][has:clone3][has:close_range]")
{
	int pipe[2];
	REQUIRE(pipe2(pipe, O_CLOEXEC) == 0);
	CHECK(in_a_fork([&] {
		int pidfd = -1;
		if (prctl(PR_SET_SECUREBITS, 1 /* SECBIT_NOROOT */) != 0 ||
			start_for_user(&pidfd, 2000) != 0)
			return 2;
		const pid_t pid = pid_of(pidfd);
		return write(pipe[1], &pid, sizeof(pid)) == sizeof(pid) ? 0 : 3;
	}) == 0);
	pid_t pid = -1;
	close(pipe[1]);
	REQUIRE(read(pipe[0], &pid, sizeof(pid)) == sizeof(pid));
	close(pipe[0]);
	CHECK(goes(pid));

	/* Not to be had after exec at all. For a child of the same user it is not needed. */
	CHECK(in_a_fork([&] {
		int pidfd = -7;
		if (prctl(PR_CAPBSET_DROP, CAP_KILL) != 0)
			return 2;
		if (start_for_user(&pidfd, 2000) != ENOTSUP || pidfd != -7)
			return 3;
		return start_for_user(&pidfd, 0) == 0 ? 0 : 4;
	}) == 0);
	CHECK(in_a_fork([&] {
		int pidfd = -7;
		if (prctl(PR_CAPBSET_DROP, CAP_KILL) != 0 ||
			!become_user_with(1u << CAP_KILL))
			return 2;
		return start_for_user(&pidfd, 0) == 0 ? 0 : 3;
	}) == 0);
}

/* Nor may it have a guard in vain. */
SPAWNX_TEST("guard: none for a child that it may not kill: ENOTSUP, and no child",
	"[root][lacks:autokill][has:clone3][has:close_range]")
{
	CHECK(in_a_fork([&] {
		int pidfd = -7;
		if (!become_user_with(1u << CAP_SETUID))
			return 2;
		if (start_for_user(&pidfd, 2000) != ENOTSUP || pidfd != -7)
			return 3;
		spawnx_failure f = {};
		f.size = sizeof(f);
		if (spawnx_lastfailure(&f) != 0 || f.stage != SPAWNX_STAGE_GUARD)
			return 4;
		return start_for_user(&pidfd, 0) == 0 ? 0 : 5;
	}) == 0);
}

/* A relay would be the first process of the namespace, which ends with it. */
SPAWNX_TEST("relay: not after unshare(CLONE_NEWPID)",
	"[root][lacks:autokill][has:clone3][has:close_range]")
{
	for (const bool autokill : {false, true}) {
		INFO("autokill " << autokill);
		CHECK(in_a_fork([&] {
			attributes attr;
			int pidfd = -7;
			const strings argv({"idle", "exit:0"});
			/* Memory has proved to be shared: no other child is needed. */
			pid_t pid;
			if (spawnx(&pid, helper("idle").c_str(), nullptr, nullptr, argv,
				    envp) ||
				wait_pid(pid) != 0 || unshare(CLONE_NEWPID) != 0)
				return 2;
			spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER);
			spawnxattr_setnonewprivs(attr, 1);
			autokill ? spawnxattr_setautokill(attr, 1)
				 : spawnxattr_setautoreap(attr, 1);
			if (pidfd_spawnx(&pidfd, helper("idle").c_str(), nullptr, attr,
				    argv, envp) != ENOTSUP ||
				pidfd != -7)
				return 3;
			spawnx_failure f = {};
			f.size = sizeof(f);
			if (spawnx_lastfailure(&f) || f.stage != SPAWNX_STAGE_FEATURE)
				return 4;
			return waitpid(-1, nullptr, WNOHANG | __WALL) == -1 ? 0 : 5;
		}) == 0);
	}
}
