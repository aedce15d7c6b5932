/* SPDX-License-Identifier: MIT */
/*
 * What the child finds out about a failed exec, with shared memory and through the pipe:
 * the same sentence. One launch a case, as in pipe.cpp.
 */
#include "launching.hpp"

#include <snapshot.hpp>

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include "failure.hpp"
#include "request.hpp"

using namespace spawnx_core;
using unit::trial;

namespace
{

const std::string none = "No such file or directory";

/* As spawn.cpp would say it: "given" is the caller's name, not a candidate. */
std::string words(trial &t, const std::string &given, int error)
{
	t.lower();
	const char *name = given.c_str();
	if (t.programs.size() == 1 && t.programs[0] == given)
		t.plan.candidates = &name;
	t.fail(error);
	CHECK(t.plan.result.at == nullptr);
	return support::in_words(launch_failure(t.plan, t.launched, name));
}

std::string words(trial &t, const std::string &given)
{
	t.programs = {given};
	return words(t, given, ENOENT);
}

struct script : support::scratch {
	explicit script(const std::string &content)
	{
		std::ofstream(path) << content;
		REQUIRE(chmod(path.c_str(), 0755) == 0);
	}
};

} // namespace

SPAWNX_TEST("exec: no such program")
{
	trial t;
	CHECK(words(t, "/nonexistent") ==
		"exec \"/nonexistent\": no such program: " + none);
}

SPAWNX_TEST("exec: no directory")
{
	trial t;
	CHECK(words(t, "/nonexistent/a/x") ==
		"exec \"/nonexistent/a/x\": \"/nonexistent\" is no directory: " + none);
}

SPAWNX_TEST("exec: no interpreter")
{
	const script s("#! /nonexistent/i -x\n");
	trial t;
	CHECK(words(t, s.path) ==
		"exec \"" + s.path +
			"\": the program exists, its interpreter \"/nonexistent/i\" "
			"does not: " +
			none);
}

SPAWNX_TEST("exec: no interpreter of an interpreter")
{
	const script inner("#!/nonexistent/i\n"), outer("#!" + inner.path + "\n");
	trial t;
	CHECK(words(t, outer.path) ==
		"exec \"" + outer.path +
			"\": the program exists, its interpreter \"/nonexistent/i\" "
			"does not: " +
			none);
}

SPAWNX_TEST("exec: no interpreter, along PATH")
{
	const script s("#!/nonexistent/i\n");
	trial t;
	t.programs = {"/nonexistent/x", s.path, "/nonexistent/y"};
	CHECK(words(t, "x", ENOENT) ==
		"exec \"" + s.path +
			"\": the program exists, its interpreter \"/nonexistent/i\" "
			"does not: " +
			none);
}

SPAWNX_TEST("exec: not in PATH")
{
	trial t;
	t.programs = {"/nonexistent/x", "/nonexistent/y"};
	CHECK(words(t, "x", ENOENT) == "exec \"x\": not found in PATH: " + none);
}

SPAWNX_TEST("exec: after a chdir, where the pipe has had to go")
{
	const std::vector<int> ahead = unit::free_descriptors(3);
	trial t;
	for (const int fd : ahead)
		spawnx_file_actions_adddup2(t.actions, 0, fd);
	spawnx_file_actions_addchdir(t.actions, "/proc/self");
	CHECK(words(t, "fd/none/x") ==
		"exec \"fd/none/x\": \"fd/none\" is no directory: " + none);
}

SPAWNX_TEST("exec: by descriptor, without interpreter")
{
	const script s("#!/nonexistent/i\n");
	const int fd = open(s.path.c_str(), O_RDONLY | O_CLOEXEC);
	trial t;
	REQUIRE(spawnxattr_setexecfd(t.attr, fd) == 0);
	CHECK(words(t, "/any/name") ==
		"exec fd " + std::to_string(fd) +
			": the program exists, its interpreter \"/nonexistent/i\" "
			"does not: " +
			none);
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	close(fd);
}

SPAWNX_TEST("exec: by descriptor, and it runs")
{
	const int fd = open(support::helper("report").c_str(), O_RDONLY | O_CLOEXEC);
	trial t;
	t.programs = {"/any/name"};
	REQUIRE(spawnxattr_setexecfd(t.attr, fd) == 0);
	t.run();
	close(fd);
}

/* To the caller neither end is open. */
static void no_descriptor(std::size_t end)
{
	const int fd = unit::free_descriptors(2)[end];
	trial t;
	REQUIRE(spawnxattr_setexecfd(t.attr, fd) == 0);
	t.programs = {"/any/name"};
	CHECK(words(t, "/any/name", EBADF) ==
		"exec fd " + std::to_string(fd) + ": Bad file descriptor");
}

SPAWNX_TEST("exec: by descriptor, the reading end of the pipe is EBADF")
{
	no_descriptor(0);
}

SPAWNX_TEST("exec: by descriptor, the writing end of the pipe is EBADF")
{
	no_descriptor(1);
}
