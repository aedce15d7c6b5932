/* SPDX-License-Identifier: MIT */
/*
 * The pipe that carries the result until memory is proved shared: it must be in nobody's
 * way. One launch a case: in fork-tests the pipe is always there, in first-tests, where
 * memory is shared, only for the first spawn; each.py gives each case a process there.
 */
#include "launching.hpp"

#include <snapshot.hpp>

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "request.hpp"

using namespace spawnx_core;
using unit::trial;

namespace
{

/* The descriptors the pipe is going to have, and those after them. */
struct ahead {
	const std::vector<int> fds = unit::free_descriptors(5);
	int r() const
	{
		return fds[0];
	}
	int w() const
	{
		return fds[1];
	}
	int next(std::size_t i) const
	{
		return fds[2 + i];
	}
};

std::string key(int fd)
{
	return "fd." + std::to_string(fd);
}

/* exec cannot work; that this comes back is the proof that the pipe still works. */
void fails_in_exec(trial &t)
{
	t.programs = {"/nonexistent/x"};
	t.fail(ENOENT);
	CHECK(t.plan.result.at == nullptr);
}

void fails_in_action(trial &t, int error, int index)
{
	t.fail(error);
	REQUIRE(t.plan.result.at);
	CHECK(t.plan.result.at == &t.plan.actions[index]);
}

} // namespace

SPAWNX_TEST("pipe: descriptors put onto it are the caller's")
{
	const support::scratch file;
	const ahead pipe;
	trial t;
	spawnx_file_actions_addopen(t.actions, pipe.w(), file.path.c_str(), O_RDWR, 0);
	spawnx_file_actions_adddup2(t.actions, pipe.w(), pipe.r());
	spawnx_file_actions_adddup2(t.actions, pipe.w(), pipe.next(0));
	const support::report r = t.run();
	CHECK(r.at(key(pipe.r())) == file.path);
	CHECK(r.at(key(pipe.w())) == file.path);
	CHECK(r.at(key(pipe.next(0))) == file.path);
	CHECK(unit::descriptors(r).size() == unit::inherited().size() + 3);
}

SPAWNX_TEST("pipe: dup2 onto it, and onto wherever it has gone; the error comes through")
{
	const ahead pipe;
	trial t;
	for (const int fd : pipe.fds)
		spawnx_file_actions_adddup2(t.actions, 0, fd);
	for (const int fd : pipe.fds)
		spawnx_file_actions_adddup2(t.actions, 0, fd);
	spawnx_file_actions_adddup2(t.actions, 0, pipe.w());
	fails_in_exec(t);
}

SPAWNX_TEST("pipe: dup2 onto its writing end first; the error comes through")
{
	const ahead pipe;
	trial t;
	spawnx_file_actions_adddup2(t.actions, 0, pipe.w());
	spawnx_file_actions_adddup2(t.actions, 0, pipe.r());
	spawnx_file_actions_adddup2(t.actions, 0, pipe.next(0));
	fails_in_exec(t);
}

SPAWNX_TEST("pipe: open onto it; the error of a later action comes through")
{
	const ahead pipe;
	trial t;
	spawnx_file_actions_addopen(t.actions, pipe.w(), "/dev/null", O_RDWR, 0);
	spawnx_file_actions_addopen(t.actions, pipe.r(), "/dev/null", O_RDWR, 0);
	spawnx_file_actions_addopen(t.actions, pipe.next(0), "/dev/null", O_RDWR, 0);
	spawnx_file_actions_addchdir(t.actions, "/nonexistent");
	fails_in_action(t, ENOENT, 3);
}

SPAWNX_TEST("pipe: open onto it fails, and that comes through")
{
	const ahead pipe;
	trial t;
	spawnx_file_actions_addopen(t.actions, pipe.w(), "/nonexistent/x", O_RDWR, 0);
	fails_in_action(t, ENOENT, 0);
}

SPAWNX_TEST("pipe: close of all there is; the error comes through")
{
	const ahead pipe;
	trial t;
	for (const int fd : pipe.fds)
		spawnx_file_actions_addclose(t.actions, fd);
	fails_in_exec(t);
}

SPAWNX_TEST("pipe: close of it is no error, the program runs, and the pipe is gone")
{
	const ahead pipe;
	trial t;
	spawnx_file_actions_addclose(t.actions, pipe.w());
	spawnx_file_actions_addclose(t.actions, pipe.r());
	const support::report r = t.run();
	CHECK(r.count(key(pipe.r())) == 0);
	CHECK(r.count(key(pipe.w())) == 0);
}

SPAWNX_TEST("pipe: dup2 from its writing end is EBADF: to the caller it is not open")
{
	const ahead pipe;
	trial t;
	spawnx_file_actions_adddup2(t.actions, pipe.w(), 0);
	fails_in_action(t, EBADF, 0);
}

SPAWNX_TEST("pipe: dup2 from its reading end is EBADF")
{
	const ahead pipe;
	trial t;
	spawnx_file_actions_adddup2(t.actions, pipe.r(), 0);
	fails_in_action(t, EBADF, 0);
}

SPAWNX_TEST("pipe: dup2 of it onto itself, to inherit it, is EBADF")
{
	const ahead pipe;
	trial t;
	spawnx_file_actions_adddup2(t.actions, pipe.w(), pipe.w());
	fails_in_action(t, EBADF, 0);
}

SPAWNX_TEST("pipe: dup2 from it after it was closed is EBADF")
{
	const ahead pipe;
	trial t;
	spawnx_file_actions_addclose(t.actions, pipe.w());
	spawnx_file_actions_adddup2(t.actions, pipe.w(), 0);
	fails_in_action(t, EBADF, 1);
}

SPAWNX_TEST("pipe: dup2 from where it has gone is EBADF")
{
	const ahead pipe;
	trial t;
	spawnx_file_actions_adddup2(t.actions, 0, pipe.w()); /* goes to the lowest: r */
	spawnx_file_actions_adddup2(t.actions, pipe.r(), 0);
	fails_in_action(t, EBADF, 1);
}

SPAWNX_TEST("pipe: fchdir to its writing end is EBADF, not ENOTDIR")
{
	const ahead pipe;
	trial t;
	spawnx_file_actions_addfchdir(t.actions, pipe.w());
	fails_in_action(t, EBADF, 0);
}

SPAWNX_TEST("pipe: fchdir to its reading end is EBADF")
{
	const ahead pipe;
	trial t;
	spawnx_file_actions_addfchdir(t.actions, pipe.r());
	fails_in_action(t, EBADF, 0);
}

SPAWNX_TEST("pipe: an action that needs no descriptor is not misled by a missing pipe")
{
	trial t;
	spawnx_file_actions_addfchdir(t.actions, -1);
	fails_in_action(t, EBADF, 0);
}

/* What closefrom is to close lies around the pipe, which it must not see. */
static void around(trial &t, const ahead &pipe, int from, uint64_t without)
{
	t.without = without;
	spawnx_file_actions_adddup2(t.actions, 0, pipe.r());
	spawnx_file_actions_adddup2(t.actions, 0, pipe.w() + 1);
	spawnx_file_actions_addclosefrom_np(t.actions, from);
}

static constexpr uint64_t ways_to_close[] = {0, feature::bit(feature::CLOSE_RANGE)};

SPAWNX_TEST("pipe: closefrom below, at and above it; the error comes through")
{
	for (const uint64_t without : ways_to_close) {
		for (const int beside : {-1, 0, 1}) {
			const ahead pipe;
			trial t;
			around(t, pipe, pipe.w() + beside, without);
			fails_in_exec(t);
		}
	}
}

SPAWNX_TEST("pipe: closefrom closes all around it, and the program has no pipe")
{
	for (const uint64_t without : ways_to_close) {
		const ahead pipe;
		trial t;
		around(t, pipe, pipe.r() - 1, without);
		const support::report r = t.run();
		for (int fd = pipe.r() - 1; fd <= pipe.w() + 1; fd++)
			CHECK(r.count(key(fd)) == 0);
	}
}

SPAWNX_TEST("pipe: tcsetpgrp of its writing end is EBADF, not ENOTTY")
{
	const ahead pipe;
	trial t;
	spawnx_file_actions_addtcsetpgrp_np(t.actions, pipe.w());
	fails_in_action(t, EBADF, 0);
}

SPAWNX_TEST("pipe: Landlock finds no ruleset where its writing end is")
{
	const ahead pipe;
	trial t;
	REQUIRE(spawnxattr_setnonewprivs(t.attr, 1) == 0);
	REQUIRE(spawnxattr_setlandlock(t.attr, pipe.w()) == 0);
	t.fail(EBADF);
	REQUIRE(t.plan.result.at);
	CHECK(t.plan.result.at->what == op::landlock);
}
