/* SPDX-License-Identifier: MIT */
/* Descriptors announced: the environment by itself, then launched; as in pipe.cpp. */
#include "launching.hpp"

#include <snapshot.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>

#include "listen.hpp"
#include "request.hpp"

using namespace spawnx_core;
using unit::trial;

namespace
{

struct announced {
	char *pid = nullptr;
	std::unique_ptr<char *, decltype(&std::free)> list;

	announced(char *const envp[], int n)
	    : list(listen_environment(envp, n, pid), &std::free)
	{
		REQUIRE(list);
	}
	char *operator[](std::size_t i) const
	{
		return list.get()[i];
	}
};

/* With a pipe there is one thing open that the caller knows nothing of. */
struct listening : trial {
	char variable[4] = "A=1";
	char *envp[2] = {variable, nullptr};
	announced environment;

	explicit listening(int n) : environment(envp, n)
	{
		REQUIRE(spawnxattr_setlistenfds(attr, n) == 0);
	}
	void prepare()
	{
		lower();
		plan.envp = environment.list.get();
		plan.listen_pid = environment.pid;
	}
	/* What is announced up to this one, but for one of it. */
	void make(int last, int hole)
	{
		for (int fd = 3; fd <= last; fd++)
			if (fd != hole)
				spawnx_file_actions_addopen(
					actions, fd, "/dev/null", O_RDWR | O_CLOEXEC, 0);
	}
	void succeed(int n)
	{
		prepare();
		const support::report r = run();
		CHECK(r.at("env.0") == "A=1");
		CHECK(r.at("env.1") == "LISTEN_PID=" + r.at("pid"));
		CHECK(r.at("env.2") == "LISTEN_FDS=" + std::to_string(n));
		CHECK(r.count("env.3") == 0);
		for (int fd = 3; fd < 3 + n; fd++)
			CHECK(r.at("fd." + std::to_string(fd)) == "/dev/null");
		/* Where memory is not shared the child writes into its own. */
		CHECK(environment[1] ==
			"LISTEN_PID=" + (unit::forked ? "" : r.at("pid")));
	}
	void refuse(int fd)
	{
		prepare();
		trial::fail(EBADF);
		REQUIRE(plan.result.at);
		CHECK(plan.result.at->what == op::listenfds);
		CHECK(plan.result.element == fd);
	}
};

} // namespace

SPAWNX_TEST("listen: the strings are the caller's, its list is not; room for any pid")
{
	char a[] = "A=1", pid[] = "LISTEN_PID=1", b[] = "B", count[] = "LISTEN_FDS=2",
	     names[] = "LISTEN_FDNAMES=x", c[] = "LISTEN_FDSOMETHING=";
	char *const envp[] = {a, pid, b, count, names, c, nullptr};
	for (const int n : {1, 9, 10, 2147483647}) {
		const announced made(envp, n);
		CHECK(made[0] == a);
		CHECK(made[1] == b);
		CHECK(made[2] == c);
		REQUIRE(made[3] == std::string("LISTEN_PID="));
		CHECK(made.pid == made[3] + std::strlen(made[3]));
		std::strcpy(made.pid, "2147483647");
		CHECK(made[3] == std::string("LISTEN_PID=2147483647"));
		CHECK(made[4] == "LISTEN_FDS=" + std::to_string(n));
		CHECK(made[5] == nullptr);
	}
}

SPAWNX_TEST("listen: nothing announced, or nothing there before")
{
	char pid[] = "LISTEN_PID=1", a[] = "A=1";
	char *const envp[] = {pid, a, nullptr}, *const empty[] = {nullptr};
	const announced none(envp, 0);
	CHECK(none[0] == a);
	CHECK(none[1] == nullptr);
	CHECK(none.pid == nullptr);
	const announced still_none(empty, 0);
	CHECK(still_none[0] == nullptr);
	const announced one(empty, 1);
	CHECK(one[0] == std::string("LISTEN_PID="));
	CHECK(one[1] == std::string("LISTEN_FDS=1"));
	CHECK(one[2] == nullptr);
}

SPAWNX_TEST("listen: the child writes its own pid, with shared memory and without")
{
	listening t(2);
	t.make(4, -1);
	t.succeed(2);
}

SPAWNX_TEST("listen: close-by-default keeps what is announced")
{
	listening t(3);
	t.without = feature::bit(feature::CLOSE_RANGE);
	REQUIRE(spawnxattr_setflags(t.attr, SPAWNX_CLOEXEC_DEFAULT) == 0);
	t.make(5, -1);
	t.succeed(3);
}

SPAWNX_TEST("listen: one that is not open is EBADF")
{
	listening t(3);
	t.make(5, 4);
	spawnx_file_actions_addclose(t.actions, 4);
	t.refuse(4);
}

SPAWNX_TEST("listen: the reading end of the pipe is not open to the caller")
{
	const int end = unit::free_descriptors(1)[0];
	listening t(end - 3 + 1);
	t.make(end, end);
	t.refuse(end);
}

SPAWNX_TEST("listen: the writing end of the pipe is not open to the caller")
{
	const int end = unit::free_descriptors(2)[1];
	listening t(end - 3 + 1);
	t.make(end, end);
	t.refuse(end);
}

SPAWNX_TEST(
	"listen: what the caller puts there is announced, and the pipe goes elsewhere")
{
	const int end = unit::free_descriptors(2)[1];
	listening t(end - 3 + 1);
	t.make(end, -1);
	t.succeed(end - 3 + 1);
}
