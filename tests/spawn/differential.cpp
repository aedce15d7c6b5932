/* SPDX-License-Identifier: MIT */
/*
 * The same random request through posix_spawn and through spawnx: every return value and
 * the child's whole report must be equal. SPAWNX_TEST_SEED and SPAWNX_TEST_CASES repeat
 * one run or lengthen it. What may differ is in allowed(), with the reason.
 */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <random>
#include <initializer_list>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;

namespace
{

/* Both families under one name, so that a request is written once. */
struct glibc {
	using attr_t = posix_spawnattr_t;
	using actions_t = posix_spawn_file_actions_t;
#define TWIN(name, function)                                                             \
	template <typename... T> static int name(T... args)                              \
	{                                                                                \
		return function(args...);                                                \
	}
	TWIN(attr_init, posix_spawnattr_init)
	TWIN(attr_destroy, posix_spawnattr_destroy)
	TWIN(setflags, posix_spawnattr_setflags)
	TWIN(setpgroup, posix_spawnattr_setpgroup)
	TWIN(setsigdefault, posix_spawnattr_setsigdefault)
	TWIN(setsigmask, posix_spawnattr_setsigmask)
	TWIN(setschedpolicy, posix_spawnattr_setschedpolicy)
	TWIN(setschedparam, posix_spawnattr_setschedparam)
	TWIN(actions_init, posix_spawn_file_actions_init)
	TWIN(actions_destroy, posix_spawn_file_actions_destroy)
	TWIN(addopen, posix_spawn_file_actions_addopen)
	TWIN(addclose, posix_spawn_file_actions_addclose)
	TWIN(adddup2, posix_spawn_file_actions_adddup2)
	TWIN(addchdir, posix_spawn_file_actions_addchdir_np)
	TWIN(addfchdir, posix_spawn_file_actions_addfchdir_np)
	TWIN(addclosefrom, posix_spawn_file_actions_addclosefrom_np)
	TWIN(addtcsetpgrp, posix_spawn_file_actions_addtcsetpgrp_np)
	TWIN(spawn, posix_spawn)
	TWIN(spawnp, posix_spawnp)
};

struct ours {
	using attr_t = spawnxattr_t;
	using actions_t = spawnx_file_actions_t;
	TWIN(attr_init, spawnxattr_init)
	TWIN(attr_destroy, spawnxattr_destroy)
	TWIN(setflags, spawnxattr_setflags)
	TWIN(setpgroup, spawnxattr_setpgroup)
	TWIN(setsigdefault, spawnxattr_setsigdefault)
	TWIN(setsigmask, spawnxattr_setsigmask)
	TWIN(setschedpolicy, spawnxattr_setschedpolicy)
	TWIN(setschedparam, spawnxattr_setschedparam)
	TWIN(actions_init, spawnx_file_actions_init)
	TWIN(actions_destroy, spawnx_file_actions_destroy)
	TWIN(addopen, spawnx_file_actions_addopen)
	TWIN(addclose, spawnx_file_actions_addclose)
	TWIN(adddup2, spawnx_file_actions_adddup2)
	TWIN(addchdir, spawnx_file_actions_addchdir_np)
	TWIN(addfchdir, spawnx_file_actions_addfchdir_np)
	TWIN(addclosefrom, spawnx_file_actions_addclosefrom_np)
	TWIN(addtcsetpgrp, spawnx_file_actions_addtcsetpgrp_np)
	TWIN(spawn, spawnx)
	TWIN(spawnp, spawnxp)
};

struct action {
	int kind, fd, other;
	const char *path;
	int oflag;
	mode_t mode;
};

struct request {
	bool with_attr, with_actions, search, as_user;
	int flags;
	pid_t pgroup;
	sigset_t sigdefault, sigmask;
	int policy;
	sched_param param;
	std::vector<action> actions;
	std::string program;
};

/* What came of it: return values in order, then the child's word. */
struct outcome {
	std::vector<int> returned;
	report said;
};

class generator
{
public:
	explicit generator(unsigned seed) : random(seed)
	{
		rlimit limit;
		getrlimit(RLIMIT_NOFILE, &limit);
		top = static_cast<int>(limit.rlim_cur);
	}

	request next()
	{
		request r;
		r.with_attr = one_in(5) == false;
		r.with_actions = one_in(6) == false;
		r.search = one_in(4);
		r.as_user = geteuid() == 0 && one_in(8);
		r.flags = 0;
		for (const int flag : {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80})
			r.flags |=
				one_in(flag == 0x10 || flag == 0x20 ? 8 : 3) ? flag : 0;
		r.flags |= one_in(40) ? 0x200 : 0;
		r.pgroup = any({0, 0, 0, getpgid(0), -1, 0x3ffffff0});
		sigemptyset(&r.sigdefault);
		sigemptyset(&r.sigmask);
		for (int sig = 1; sig <= SIGRTMAX; sig++) {
			if (one_in(3))
				sigaddset(&r.sigdefault, sig);
			if (one_in(3))
				sigaddset(&r.sigmask, sig);
		}
		if (one_in(6))
			sigfillset(&r.sigdefault);
		r.policy = any({SCHED_OTHER, SCHED_OTHER, SCHED_RR, SCHED_FIFO,
			SCHED_BATCH, 77});
		r.param.sched_priority = any({0, 0, 1, 2, 99, 100, -1});
		for (int n = any({0, 1, 2, 3, 4, 7}); n > 0; n--)
			r.actions.push_back(any_action());
		r.program = any<std::string>(
			{"", "", "", "", "", "", "/nonexistent/report", "/dev/null", "/",
				"idle-that-is-not", std::string(300, 'x')});
		return r;
	}

private:
	bool one_in(int n)
	{
		return random() % static_cast<unsigned>(n) == 0;
	}
	template <typename T> T any(std::initializer_list<T> of)
	{
		return of.begin()[random() % of.size()];
	}
	int any_fd()
	{
		return any({0, 1, 2, 3, 4, 5, 6, 7, 20, 21, top - 1, top, -1, 1 << 30});
	}
	int likely_fd()
	{
		return one_in(5) ? any_fd() : any({0, 1, 2, 4, 5, 6, 7, 20});
	}

	action any_action()
	{
		action a = {any({0, 0, 0, 1, 1, 2, 2, 2, 3, 4, 5, 6}), likely_fd(),
			likely_fd(), "/dev/null", O_RDONLY, 0600};
		if (a.kind == 6 && !one_in(4))
			a.kind = 2;
		a.path = any<const char *>({"/dev/null", "/dev/null", "/dev/zero", "/",
			"/tmp", "/proc", ".", "", "/nonexistent/x", "/dev/null/x"});
		a.oflag = any({O_RDONLY, O_RDONLY, O_RDWR, O_WRONLY | O_APPEND,
			O_RDONLY | O_CLOEXEC, O_RDONLY | O_DIRECTORY,
			O_RDONLY | O_NONBLOCK});
		return a;
	}

	std::mt19937 random;
	int top;
};

template <typename api> outcome run(const request &r, const std::string &to)
{
	outcome o;
	const auto note = [&o](int value) {
		o.returned.push_back(value);
		return value;
	};
	typename api::attr_t attr;
	typename api::actions_t actions;
	note(api::attr_init(&attr));
	note(api::setflags(&attr, static_cast<short>(r.flags)));
	note(api::setpgroup(&attr, r.pgroup));
	note(api::setsigdefault(&attr, &r.sigdefault));
	note(api::setsigmask(&attr, &r.sigmask));
	note(api::setschedpolicy(&attr, r.policy));
	note(api::setschedparam(&attr, &r.param));
	note(api::actions_init(&actions));
	for (const action &a : r.actions) {
		switch (a.kind) {
		case 0:
			note(api::addopen(&actions, a.fd, a.path, a.oflag, a.mode));
			break;
		case 1:
			note(api::addclose(&actions, a.fd));
			break;
		case 2:
			note(api::adddup2(&actions, a.fd, a.other));
			break;
		case 3:
			note(api::addchdir(&actions, a.path));
			break;
		case 4:
			note(api::addfchdir(&actions, a.fd));
			break;
		case 5:
			note(api::addclosefrom(&actions, a.fd));
			break;
		case 6:
			note(api::addtcsetpgrp(&actions, a.fd));
			break;
		}
	}

	const strings argv({"report", to}), envp({"A=1", "PATH=/nonexistent"});
	const std::string full = helper("report");
	const std::string program = !r.program.empty() ? r.program
		: r.search			       ? "report"
						       : full;
	close(open(to.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
	/* Raw: libc's would change every thread. */
	if (r.as_user && syscall(SYS_setresuid, -1, 1000, 0) != 0)
		FAIL("setresuid");
	pid_t pid = -7;
	const auto *attr_or_none = r.with_attr ? &attr : nullptr;
	const auto *actions_or_none = r.with_actions ? &actions : nullptr;
	const int error =
		note(r.search ? api::spawnp(&pid, program.c_str(), actions_or_none,
					attr_or_none, argv.get(), envp.get())
			      : api::spawn(&pid, program.c_str(), actions_or_none,
					attr_or_none, argv.get(), envp.get()));
	if (r.as_user && syscall(SYS_setresuid, -1, 0, 0) != 0)
		FAIL("setresuid back");
	if (r.as_user)
		prctl(PR_SET_DUMPABLE, 1); /* our own id change has cleared it */
	if (!error) {
		note(wait_pid(pid));
		o.said = parse_report(to);
		for (const char *key : {"pgid", "sid"})
			if (o.said[key] == std::to_string(pid))
				o.said[key] = "its pid";
		note(o.said["pid"] == std::to_string(pid));
		o.said.erase("pid");
	} else {
		note(pid == -7);
		note(waitpid(-1, nullptr, WNOHANG | __WALL));
	}
	note(api::attr_destroy(&attr));
	note(api::actions_destroy(&actions));
	return o;
}

/* What may differ, and why. Both reports lose it. */
void allowed(const request &r, report &said)
{
	/* glibc (2.36; later where it cannot use clone3) leaves its internal signals 32 and
	 * 33 ignored in every child. Ours have them at their default. */
	if (said.count("SigIgn")) {
		const auto set = std::stoull(said["SigIgn"], nullptr, 16) & ~(3ull << 31);
		said["SigIgn"] = std::to_string(set);
	}
	/* glibc keeps O_CLOEXEC of an open action if the file lands on its descriptor by
	 * itself, and loses it if it must be moved there. Ours keeps it. */
	for (const action &a : r.actions) {
		if (a.kind == 0 && (a.oflag & O_CLOEXEC)) {
			said.erase("fd." + std::to_string(a.fd));
			said.erase("fdflags." + std::to_string(a.fd));
		}
	}
}

std::string words(const request &r)
{
	std::string w = "flags " + std::to_string(r.flags) + " pgroup " +
		std::to_string(r.pgroup) + " policy " + std::to_string(r.policy) +
		" priority " + std::to_string(r.param.sched_priority) +
		(r.with_attr ? "" : " no attr") + (r.with_actions ? "" : " no actions") +
		(r.search ? " search" : "") + (r.as_user ? " as user" : "") +
		" program \"" + r.program + "\"";
	static const char *const names[] = {
		"open", "close", "dup2", "chdir", "fchdir", "closefrom", "tcsetpgrp"};
	for (const action &a : r.actions)
		w += std::string("\n  ") + names[a.kind] + " fd " + std::to_string(a.fd) +
			" other " + std::to_string(a.other) + " path \"" + a.path +
			"\" oflag " + std::to_string(a.oflag);
	return w;
}

unsigned number_from(const char *variable, unsigned otherwise)
{
	const char *text = std::getenv(variable);
	return text ? static_cast<unsigned>(std::strtoul(text, nullptr, 0)) : otherwise;
}

} // namespace

SPAWNX_TEST("posix_spawn and spawnx do the same with 5000 random requests")
{
	const unsigned seed = number_from("SPAWNX_TEST_SEED", std::random_device()());
	const unsigned cases = number_from("SPAWNX_TEST_CASES", 5000);
	WARN("seed " << seed << ", " << cases << " cases");

	/* A world to work on: 3 close-on-exec, 4 not, 5 a directory, 6 closed. */
	const scratch to;
	chmod(to.path.c_str(), 0666);
	const int fds[] = {open("/dev/null", O_RDONLY | O_CLOEXEC),
		open("/dev/zero", O_RDONLY), open("/", O_RDONLY | O_DIRECTORY)};
	const std::string idle = helper("idle"), path = std::getenv("PATH");
	setenv("PATH", ("/nonexistent::" + idle.substr(0, idle.rfind('/'))).c_str(), 1);
	struct sigaction ignore = {}, was;
	ignore.sa_handler = SIG_IGN;
	sigaction(SIGUSR2, &ignore, &was);

	generator g(seed);
	unsigned different = 0, succeeded = 0;
	for (unsigned i = 0; i < cases && different < 5; i++) {
		const request r = g.next();
		outcome theirs = run<glibc>(r, to.path);
		outcome mine = run<ours>(r, to.path);
		allowed(r, theirs.said);
		allowed(r, mine.said);
		succeeded += !mine.said.empty();
		if (mine.returned == theirs.returned && mine.said == theirs.said)
			continue;
		different++;
		INFO("case " << i << " of seed " << seed << ": " << words(r));
		CHECK(mine.returned == theirs.returned);
		for (const auto &line : theirs.said)
			if (mine.said[line.first] != line.second)
				FAIL_CHECK(line.first << ": glibc " << line.second
						      << ", ours "
						      << mine.said[line.first]);
		CHECK(mine.said.size() == theirs.said.size());
	}
	sigaction(SIGUSR2, &was, nullptr);
	setenv("PATH", path.c_str(), 1);
	for (const int fd : fds)
		close(fd);
	CHECK(different == 0);
	/* A generator that only makes requests that fail would prove little. */
	CHECK(succeeded > cases / 8);
	CHECK(succeeded < cases);
}
