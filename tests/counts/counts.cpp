/* SPDX-License-Identifier: MIT */
#include "tracer.hpp"

#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <algorithm>
#include <cerrno>
#include <linux/sched.h>

using namespace support;
using namespace counts;

using names = std::vector<std::string>;

/* DESIGN: in parent and child together, exec included. */
static constexpr size_t most_of_a_plain_spawn = 5;

/* The program runs, or why it did not is told; waitid is how one learns of a SIGKILL. */
static const names plain = {"clone3", "execve", "waitid"};
/* The child leaves the shared table, copying only what it keeps; marks that. */
static const names cloexec = {"clone3", "close_range", "close_range", "execve", "waitid"};
/* The pidfd is in the shared table, so the child's copy has to go. */
static const names cloexec_pidfd = {
	"clone3", "close_range", "close", "close_range", "execve", "waitid"};
/* What "from" leaves behind is all there is to close. */
static const names closefrom = {
	"clone3", "close_range", "close_range", "execve", "waitid"};

static std::string program;

/* The objects are made once: making them is no part of a spawn. */
template <short flags, bool pidfd, int from = -1> static int one()
{
	static char word[] = "idle", exits[] = "exit:0", *argv[] = {word, exits, nullptr};
	static attributes attr;
	static file_actions actions;
	static const int error = spawnxattr_setflags(attr, flags) |
		(from < 0 ? 0 : spawnx_file_actions_addclosefrom_np(actions, from));
	spawnx_file_actions_t *const f = from < 0 ? nullptr : &actions.handle;
	spawnxattr_t *const a = flags ? &attr.handle : nullptr;
	int fd;
	pid_t pid;

	if (error)
		return error;
	return pidfd ? pidfd_spawnx(&fd, program.c_str(), f, a, argv, nullptr)
		     : spawnx(&pid, program.c_str(), f, a, argv, nullptr);
}

static int nothing()
{
	return 0;
}

/* The second of its kind in a process: the first has a pipe and the probes. */
template <short flags, bool pidfd, int from = -1> static traced second()
{
	program = helper("idle");
	const traced t = trace(one<flags, pidfd, from>, one<flags, pidfd, from>);
	CHECK(t.complete);
	return t;
}

static bool makes_pidfd(const traced &t)
{
	return (t.clone_flags & CLONE_PIDFD) != 0;
}

SPAWNX_TEST("a plain spawn is three system calls, exec included, and makes no pidfd")
{
	const traced t = second<0, false>();
	CHECK(t.calls == plain);
	CHECK(t.calls.size() <= most_of_a_plain_spawn);
	CHECK(!makes_pidfd(t));
}

SPAWNX_TEST("a pidfd costs no system call")
{
	const traced t = second<0, true>();
	CHECK(t.calls == plain);
	CHECK(makes_pidfd(t));
}

SPAWNX_TEST("close-by-default is two system calls more, three with a pidfd")
{
	const traced without = second<SPAWNX_CLOEXEC_DEFAULT, false>();
	const traced with = second<SPAWNX_CLOEXEC_DEFAULT, true>();
	CHECK(without.calls == cloexec);
	CHECK(with.calls == cloexec_pidfd);
	CHECK(!makes_pidfd(without));
	CHECK(makes_pidfd(with));
}

SPAWNX_TEST("closefrom is two system calls more")
{
	CHECK(second<0, false, 3>().calls == closefrom);
}

SPAWNX_TEST("features are asked for once, and the pipe is the first spawn's alone")
{
	program = helper("idle");
	const traced first = trace(nothing, one<0, false>);
	const traced then = second<0, false>();
	const auto count = [](const traced &t, const char *name) {
		return std::count(t.calls.begin(), t.calls.end(), name);
	};
	CHECK(first.complete);
	CHECK(count(first, "clone3") > 1);
	CHECK(count(first, "pipe2") == 1);
	CHECK(count(then, "clone3") == 1);
	CHECK(count(then, "pipe2") == 0);
}
