/* SPDX-License-Identifier: MIT */
/* The weaker fallbacks before Linux 7.1: init as the parent, and the guard. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;
using std::chrono::milliseconds;

static const char before_7_1[] = "[lacks:autokill][has:clone3][has:close_range]";
static const strings envp({});

struct weaker : attributes {
	explicit weaker(bool autokill)
	{
		REQUIRE(CALL(spawnxattr_setfallback(*this, SPAWNX_FALLBACK_WEAKER)) == 0);
		REQUIRE(CALL(spawnxattr_setnonewprivs(*this, 1)) == 0);
		REQUIRE(CALL(autokill ? spawnxattr_setautokill(*this, 1)
				      : spawnxattr_setautoreap(*this, 1)) == 0);
	}
};

/* A line of /proc/PID/status, without its name. */
static std::string status_of(pid_t pid, const std::string &name)
{
	std::ifstream in("/proc/" + std::to_string(pid) + "/status");
	for (std::string line; std::getline(in, line);)
		if (line.rfind(name + ":", 0) == 0)
			return line.substr(
				line.find_first_not_of(" \t", name.size() + 1));
	return "";
}

/* To be killed, perhaps: so it must be a process, and not init. */
static pid_t parent_of(pid_t pid)
{
	const std::string ppid = status_of(pid, "PPid");
	REQUIRE(!ppid.empty());
	REQUIRE(std::stoi(ppid) > 1);
	return std::stoi(ppid);
}

SPAWNX_TEST("relay: an autoreap child is init's from the first instruction", before_7_1)
{
	weaker attr(false);
	const scratch to;
	const strings argv({"report", to.path});
	int pidfd = -1;
	REQUIRE(CALL(pidfd_spawnx(&pidfd, helper("report").c_str(), nullptr, attr, argv,
			envp)) == 0);
	pollfd p = {pidfd, POLLIN, 0};
	REQUIRE(poll(&p, 1, 30000) == 1);
	report r = parse_report(to.path);
	CHECK(r["complete"] == "1");
	CHECK(r["ppid"] != std::to_string(getpid()));
	CHECK(r["NoNewPrivs"] == "1");
	close(pidfd);
}

SPAWNX_TEST(
	"relay: signals, session and descriptors of the child are as without", before_7_1)
{
	sigset_t mask, before;
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	sigprocmask(SIG_BLOCK, &mask, &before);
	report plain = spawn_report();
	for (const bool autokill : {false, true}) {
		weaker attr(autokill);
		const scratch to;
		const strings argv({"report", to.path});
		int pidfd = -1;
		REQUIRE(CALL(pidfd_spawnx(&pidfd, helper("report").c_str(), nullptr, attr,
				argv, envp)) == 0);
		pollfd p = {pidfd, POLLIN, 0};
		REQUIRE(poll(&p, 1, 30000) == 1);
		report r = parse_report(to.path);
		REQUIRE(r["complete"] == "1");
		for (const auto &[key, value] : plain)
			if (key.rfind("Sig", 0) == 0 || key.rfind("fd", 0) == 0 ||
				key == "pgid" || key == "sid" || key == "cwd") {
				INFO(key);
				CHECK(r[key] == value);
			}
		for (const auto &[key, value] : r)
			if (key.rfind("fd.", 0) == 0)
				CHECK(plain.count(key) == 1);
		CHECK(r["pdeathsig"] == (autokill ? "9" : "0"));
		close(pidfd);
	}
	sigprocmask(SIG_SETMASK, &before, nullptr);
}

/* The call returns when exec has let go of our memory: a moment before it has its own. */
static pid_t guard_of(pid_t child)
{
	const pid_t guard = parent_of(child);
	for (int i = 0; i < 10000 && status_of(guard, "Name") != "spawnx-guard"; i++)
		usleep(1000);
	CHECK(status_of(guard, "Name") == "spawnx-guard");
	return guard;
}

SPAWNX_TEST(
	"guard: it holds its pidfd, no terminal, no directory, and no signal reaches it",
	before_7_1)
{
	int sockets[2];
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) ==
		0); /* not close-on-exec */
	weaker attr(true);
	const spawnx_child child = start_idle(attr);
	const pid_t guard = guard_of(child.pid);
	std::vector<std::string> open;
	const std::string proc = "/proc/" + std::to_string(guard);
	DIR *dir = opendir((proc + "/fd").c_str());
	REQUIRE(dir);
	while (const dirent *entry = readdir(dir))
		if (entry->d_name[0] != '.')
			open.push_back(entry->d_name);
	closedir(dir);
	CHECK(open == std::vector<std::string>{"0"});
	char cwd[16] = {};
	CHECK(readlink((proc + "/cwd").c_str(), cwd, sizeof(cwd) - 1) == 1);
	CHECK(std::string(cwd) == "/");
	CHECK(getsid(guard) == guard);
	for (const int sig : {SIGTERM, SIGHUP, SIGINT, SIGUSR1})
		CHECK(kill(guard, sig) == 0);
	usleep(20000);
	CHECK(state_of(guard) == 'S');
	std::ifstream environment(proc + "/environ");
	CHECK(std::string(std::istreambuf_iterator<char>(environment), {}).empty());
	/* It holds neither end: the other sees the end when we close ours. */
	close(sockets[0]);
	CHECK(CALL(spawnx_stop(child.pidfd, nullptr, nullptr)) == 0);
	char c;
	CHECK(read(sockets[1], &c, 1) == 0);
	close(sockets[1]);
	close(child.pidfd);
	CHECK(ends(guard));
}

SPAWNX_TEST("guard: has 32 KiB at most", before_7_1)
{
	weaker attr(true);
	const spawnx_child child = start_idle(attr);
	const std::string resident = status_of(guard_of(child.pid), "VmRSS");
	WARN("a guard has " << resident << " resident");
	CHECK(!resident.empty());
	CHECK(std::stoi(resident) <= 32);
	close(child.pidfd);
	CHECK(goes(child.pid));
}

SPAWNX_TEST("guard: killed, the child dies", before_7_1)
{
	weaker attr(true);
	const spawnx_child child = start_idle(attr);
	CHECK(kill(parent_of(child.pid), SIGKILL) == 0);
	CHECK(goes(child.pid));
	close(child.pidfd);
}

SPAWNX_TEST("guard: the child ends, and so does it", before_7_1)
{
	weaker attr(true);
	struct sigaction ignore = {}, before;
	for (const bool ignored : {false, true}) {
		ignore.sa_handler = ignored ? SIG_IGN : SIG_DFL;
		sigaction(SIGCHLD, &ignore, &before);
		const spawnx_child child = start_idle(attr, {"ms:100", "exit:0"});
		sigaction(SIGCHLD, &before, nullptr);
		const pid_t guard = parent_of(child.pid);
		CHECK(goes(child.pid));
		CHECK(ends(guard));
		close(child.pidfd);
	}
}

SPAWNX_TEST("guard: a SIGCHLD from somebody else is not its child's", before_7_1)
{
	weaker attr(true);
	for (const bool by_close : {true, false}) {
		const spawnx_child child = start_idle(attr);
		const pid_t guard = parent_of(child.pid);
		for (int i = 0; i < 3; i++) {
			CHECK(becomes('S', guard, milliseconds(10000)));
			CHECK(kill(guard, SIGCHLD) == 0);
			usleep(20000);
		}
		CHECK(becomes('S', guard, milliseconds(10000)));
		CHECK(becomes('S', child.pid, milliseconds(10000)));
		if (by_close)
			close(child.pidfd);
		else
			CHECK(kill(child.pid, SIGKILL) == 0);
		CHECK(goes(child.pid));
		CHECK(ends(guard));
		if (!by_close)
			close(child.pidfd);
	}
}

/* The copy travels through a socket: neither dup nor fork. */
SPAWNX_TEST("guard: a pidfd that was sent to somebody keeps the child alive", before_7_1)
{
	int sockets[2];
	REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sockets) == 0);
	weaker attr(true);
	const spawnx_child child = start_idle(attr);
	char data = 'x';
	iovec iov = {&data, 1};
	alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
	msghdr message = {};
	message.msg_iov = &iov;
	message.msg_iovlen = 1;
	message.msg_control = control;
	message.msg_controllen = sizeof(control);
	cmsghdr *const header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &child.pidfd, sizeof(int));
	REQUIRE(sendmsg(sockets[0], &message, 0) == 1);
	close(child.pidfd);
	close(sockets[0]);
	usleep(100000);
	CHECK(state_of(child.pid) == 'S');
	close(sockets[1]); /* with what is still in it */
	CHECK(goes(child.pid));
}

SPAWNX_TEST("guard: a failed exec leaves neither child nor guard", before_7_1)
{
	const sigchld_counter sigchld;
	weaker attr(true);
	const strings argv({"x"});
	for (int i = 0; i < 30; i++) {
		int pidfd = -7;
		CHECK(CALL(pidfd_spawnx(&pidfd, "/nonexistent", nullptr, attr, argv,
			      envp)) == ENOENT);
		CHECK(pidfd == -7);
	}
	CHECK(last_failure().stage == SPAWNX_STAGE_EXEC);
	CHECK(sigchld.count() == 0);
	CHECK(waitpid(-1, nullptr, WNOHANG | __WALL) == -1);
}

SPAWNX_TEST("relay: a parent death signal would be about the wrong parent", before_7_1)
{
	for (const bool autokill : {false, true}) {
		weaker attr(autokill);
		REQUIRE(CALL(spawnxattr_setpdeathsig(attr, SIGTERM)) == 0);
		const strings argv({"idle"});
		int pidfd = -7;
		CHECK(CALL(pidfd_spawnx(&pidfd, helper("idle").c_str(), nullptr, attr,
			      argv, envp)) == ENOTSUP);
		CHECK(last_failure().stage == SPAWNX_STAGE_FEATURE);
	}
}

/* What differs where the caller is init or a subreaper, as spawnx_features(7) has it. */
SPAWNX_TEST("relay: a subreaper inherits its own autoreap child", before_7_1)
{
	REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
	weaker attr(false);
	const spawnx_child child = start_idle(attr, {"exit:3"});
	pollfd p = {child.pidfd, POLLIN, 0};
	REQUIRE(poll(&p, 1, 30000) == 1);
	CHECK(parent_of(child.pid) == getpid());
	spawnx_exit e = {};
	e.size = sizeof(e);
	CHECK(CALL(spawnx_wait(child.pidfd, &e, nullptr)) == 0); /* and so reaps it */
	CHECK(e.status == 3);
	CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
	close(child.pidfd);
	prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}

SPAWNX_TEST("relay: a full descriptor table", before_7_1)
{
	weaker reaped(false), killed(true);
	std::vector<int> filler;
	for (int fd; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;)
		filler.push_back(fd);
	const strings argv({"idle", "exit:0"});
	pid_t pid = -1;
	const int without =
		spawnx(&pid, helper("idle").c_str(), nullptr, reaped, argv, envp);
	int pidfd = -7;
	const int with =
		pidfd_spawnx(&pidfd, helper("idle").c_str(), nullptr, killed, argv, envp);
	for (const int fd : filler)
		close(fd);
	CHECK(without == 0);
	CHECK(goes(pid));
	CHECK(with == EMFILE);
	CHECK(pidfd == -7);
}
