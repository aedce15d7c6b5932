/* SPDX-License-Identifier: MIT */
/*
 * The signal for a parent's death. A forked copy of the test is the parent that dies; the
 * child, then an orphan, is the test's, which is a subreaper, so that its end is seen.
 */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <linux/sched.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;

namespace
{

struct subreaper {
	subreaper()
	{
		REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
	}
	~subreaper()
	{
		prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	}
};

/* What the parent that dies spawns, by way of a FIFO if the child is to wait there. */
struct request {
	int sig = SIGTERM;
	uint64_t namespaces = 0;
	bool blocked = false; /* the program's mask has the signal */
	std::string fifo;
};

/* In the copy: no checks, only a spawn, and to wait for the end. */
[[noreturn]] void be_parent(const request &q, const char *program, char *const *argv)
{
	spawnxattr_t attr;
	spawnx_file_actions_t actions;
	pid_t pid = -1;
	char *const envp[] = {nullptr};
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, q.sig);
	if (spawnxattr_init(&attr) || spawnxattr_setpdeathsig(&attr, q.sig) ||
		spawnx_file_actions_init(&actions) ||
		(q.namespaces && spawnxattr_setnamespaces(&attr, q.namespaces)) ||
		(!q.fifo.empty() &&
			spawnx_file_actions_addopen(
				&actions, 0, q.fifo.c_str(), O_RDONLY, 0)) ||
		spawnxattr_setsigmask(&attr, &set) ||
		(q.blocked && spawnxattr_setflags(&attr, SPAWNX_SETSIGMASK)))
		_exit(9);
	if (spawnx(&pid, program, &actions, &attr, argv, envp) != 0)
		_exit(8);
	for (;;)
		pause();
}

/* The one child of a process, once it sleeps; 0 if that does not come. */
pid_t sleeping_child_of(pid_t parent)
{
	const std::string p = std::to_string(parent);
	for (int i = 0; i < 10000; i++) {
		std::ifstream in("/proc/" + p + "/task/" + p + "/children");
		pid_t child = 0;
		if (in >> child && state_of(child) == 'S')
			return child;
		usleep(1000);
	}
	return 0;
}

/*
 * Starts the parent, has it killed once the child sleeps (in the FIFO, or as the program),
 * and returns the child's status.
 */
int outlive(const request &q, std::vector<std::string> arguments)
{
	const std::string program = helper(arguments.at(0));
	const strings argv(std::move(arguments));
	const subreaper here;
	const pid_t parent = fork();
	if (parent == 0)
		be_parent(q, program.c_str(), argv);
	const pid_t child = sleeping_child_of(parent);
	REQUIRE(child > 0);
	kill(parent, SIGKILL);
	REQUIRE(wait_pid(parent) == SIGKILL);
	int fifo = -1;
	if (!q.fifo.empty()) {
		/* Now, without a parent, the child goes on to its prctl. */
		fifo = open(q.fifo.c_str(), O_WRONLY | O_CLOEXEC);
		CHECK(fifo >= 0);
	}
	int status = -1;
	pid_t got = 0;
	for (int i = 0; i < 10000 && got == 0; i++) {
		got = waitpid(child, &status, WNOHANG | __WALL);
		if (got == 0)
			usleep(1000);
	}
	CHECK(got == child);
	if (got != child) {
		kill(child, SIGKILL);
		waitpid(child, &status, __WALL);
	}
	if (fifo >= 0)
		close(fifo);
	return status;
}

struct fifo {
	fifo() : path(base.path + ".fifo")
	{
		REQUIRE(mkfifo(path.c_str(), 0600) == 0);
	}
	~fifo()
	{
		unlink(path.c_str());
	}
	fifo(const fifo &) = delete;
	fifo &operator=(const fifo &) = delete;

	const scratch base;
	const std::string path;
};

} // namespace

SPAWNX_TEST("pdeathsig: the child has it; none by default; ours stays")
{
	attributes attr;
	int got = -1, ours = -1;
	REQUIRE(CALL(spawnxattr_getpdeathsig(attr, &got)) == 0);
	CHECK(got == 0);
	CHECK(spawn_report(nullptr, attr).at("pdeathsig") == "0");
	for (const int sig : {1, SIGKILL, SIGTERM, 33, 64}) {
		REQUIRE(CALL(spawnxattr_setpdeathsig(attr, sig)) == 0);
		REQUIRE(CALL(spawnxattr_getpdeathsig(attr, &got)) == 0);
		CHECK(got == sig);
		CHECK(spawn_report(nullptr, attr).at("pdeathsig") == std::to_string(sig));
	}
	REQUIRE(prctl(PR_GET_PDEATHSIG, &ours) == 0);
	CHECK(ours == 0);
	REQUIRE(CALL(spawnxattr_setpdeathsig(attr, 0)) == 0);
	CHECK(spawn_report(nullptr, attr).at("pdeathsig") == "0");
}

SPAWNX_TEST("pdeathsig: what setter and getter refuse")
{
	attributes attr;
	spawnxattr_t none = nullptr;
	int got = -1;
	REQUIRE(CALL(spawnxattr_setpdeathsig(attr, SIGHUP)) == 0);
	for (const int bad : {-1, 65, 1 << 30})
		CHECK(CALL(spawnxattr_setpdeathsig(attr, bad)) == EINVAL);
	CHECK(CALL(spawnxattr_setpdeathsig(nullptr, 1)) == EINVAL);
	CHECK(CALL(spawnxattr_setpdeathsig(&none, 1)) == EINVAL);
	CHECK(CALL(spawnxattr_getpdeathsig(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_getpdeathsig(nullptr, &got)) == EINVAL);
	CHECK(CALL(spawnxattr_getpdeathsig(&none, &got)) == EINVAL);
	REQUIRE(CALL(spawnxattr_getpdeathsig(attr, &got)) == 0);
	CHECK(got == SIGHUP);
}

SPAWNX_TEST("pdeathsig outlives a change of ids, which clears it", "[root]")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setpdeathsig(attr, SIGUSR2)) == 0);
	REQUIRE(CALL(spawnxattr_setgid(attr, 1000)) == 0);
	REQUIRE(CALL(spawnxattr_setuid(attr, 1000)) == 0);
	const scratch to;
	REQUIRE(chown(to.path.c_str(), 1000, 1000) == 0);
	/* As descriptor 1: the program need not reach the file by its name. */
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addopen(
			actions, 1, to.path.c_str(), O_WRONLY, 0)) == 0);
	const int program = open(helper("report").c_str(), O_PATH | O_CLOEXEC);
	REQUIRE(CALL(spawnxattr_setexecfd(attr, program)) == 0);
	const strings argv({"report", "-"}), envp({});
	pid_t pid = -1;
	REQUIRE(CALL(spawnx(&pid, nullptr, actions, attr, argv, envp)) == 0);
	CHECK(wait_pid(pid) == 0);
	close(program);
	const report r = parse_report(to.path);
	CHECK(r.at("Uid") == "1000\t1000\t1000\t1000");
	CHECK(r.at("pdeathsig") == std::to_string(SIGUSR2));
}

SPAWNX_TEST("pdeathsig: the parent dies, and the program gets the signal")
{
	for (const int sig : {SIGTERM, SIGKILL, SIGUSR1}) {
		request q;
		q.sig = sig;
		CHECK(outlive(q, {"idle", "ms:20000", "exit:0"}) == sig);
	}
	/* A program that handles it. */
	request q;
	q.sig = SIGTERM;
	CHECK(WEXITSTATUS(outlive(q, {"idle", "term:5", "ms:20000"})) == 5);
}

SPAWNX_TEST("pdeathsig: a parent that dies before the child asks for it is not missed")
{
	for (const int sig : {SIGTERM, SIGKILL, SIGUSR1}) {
		INFO(sig);
		const fifo f;
		const scratch to;
		request q;
		q.sig = sig;
		q.fifo = f.path;
		CHECK(outlive(q, {"report", to.path}) == sig);
		CHECK(parse_report(to.path).empty()); /* it never was the program */
	}
}

SPAWNX_TEST("pdeathsig: a program that blocks the signal has it pending, late as it was")
{
	const fifo f;
	const scratch to;
	request q;
	q.fifo = f.path;
	q.blocked = true;
	CHECK(outlive(q, {"report", to.path}) == 0);
	const report r = parse_report(to.path);
	CHECK(r.at("SigBlk") == "0000000000004000");
	CHECK(r.at("ShdPnd") == "0000000000004000");
}

/* Not by this spawn's own flags: getppid() is 0 for its children, too. */
SPAWNX_TEST("pdeathsig in a pid namespace that the parent has joined", "[root]")
{
	const pid_t pid = fork();
	if (pid == 0) {
		attributes attr;
		const strings argv({"idle", "exit:3"}), envp({});
		const strings first({"idle"});
		pid_t child = -1, init = -1;
		if (unshare(CLONE_NEWPID) != 0 || spawnxattr_setpdeathsig(attr, SIGTERM))
			_exit(2);
		/* Not the first there: SIGTERM would be none to that. */
		if (spawnx(&init, helper("idle").c_str(), nullptr, nullptr, first, envp))
			_exit(5);
		const int error =
			spawnx(&child, helper("idle").c_str(), nullptr, attr, argv, envp);
		const int status = error ? -1 : wait_pid(child);
		kill(init, SIGKILL);
		_exit(error ? 3 : status == 3 << 8 ? 0 : 4);
	}
	CHECK(wait_pid(pid) == 0);
}

SPAWNX_TEST("pdeathsig in a pid namespace, where the parent is nobody", "[root]")
{
	const fifo f;
	request q;
	q.namespaces = CLONE_NEWPID;
	/* In time: to the first process of a namespace only SIGKILL is a signal. */
	q.sig = SIGKILL;
	CHECK(outlive(q, {"idle", "ms:20000", "exit:0"}) == SIGKILL);
	/* Too late: such a process cannot kill itself. It ends all the same. */
	const scratch to;
	q.fifo = f.path;
	CHECK(outlive(q, {"report", to.path}) == 127 << 8);
	CHECK(parse_report(to.path).empty());
}
