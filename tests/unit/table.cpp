/* SPDX-License-Identifier: MIT */
/*
 * No descriptor is left for the pipe. Where memory is shared that is no obstacle, from the
 * first spawn on; where it is not, there is no way to learn the result, and nothing may be
 * left running. One launch a case, as in pipe.cpp.
 */
#include "launching.hpp"

#include <snapshot.hpp>

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "request.hpp"

using namespace spawnx_core;
using unit::trial;

namespace
{

/* The lowest free descriptor is one too many while this lives. */
class full_table
{
public:
	full_table()
	{
		getrlimit(RLIMIT_NOFILE, &before);
		rlimit full = before;
		full.rlim_cur = static_cast<rlim_t>(unit::free_descriptors(1)[0]);
		REQUIRE(setrlimit(RLIMIT_NOFILE, &full) == 0);
		REQUIRE(open("/dev/null", O_RDONLY | O_CLOEXEC) == -1);
		REQUIRE(errno == EMFILE);
	}
	~full_table()
	{
		setrlimit(RLIMIT_NOFILE, &before);
	}
	full_table(const full_table &) = delete;
	full_table &operator=(const full_table &) = delete;

private:
	rlimit before;
};

void settles(trial &t, int error_where_shared)
{
	t.lower();
	{
		const full_table full;
		t.launch();
	}
	if (!unit::forked) {
		CHECK(t.launched.error == error_where_shared);
		if (!t.launched.error)
			CHECK(WEXITSTATUS(support::wait_pid(t.launched.pid)) == 2);
		return;
	}
	CHECK(t.launched.error == EMFILE);
	CHECK_FALSE(t.launched.cloned);
	CHECK(t.launched.pidfd == -1);
	CHECK_FALSE(unit::has_children());
}

} // namespace

SPAWNX_TEST("full descriptor table: a program that can run")
{
	trial t; /* report without arguments: exits with 2 */
	settles(t, 0);
}

SPAWNX_TEST("full descriptor table: a program that cannot run")
{
	trial t;
	t.programs = {"/nonexistent/x"};
	settles(t, ENOENT);
}

SPAWNX_TEST("full descriptor table: an action that fails")
{
	trial t;
	spawnx_file_actions_addchdir(t.actions, "/nonexistent");
	settles(t, ENOENT);
}

/*
 * The child is certainly still before exec when its parent asks. To wait for its end
 * would be to wait for the program's, and to call that "killed before exec".
 */
TEST_CASE("full descriptor table: a child that takes its time is not waited for")
{
	const support::scratch fifo;
	unlink(fifo.path.c_str());
	REQUIRE(mkfifo(fifo.path.c_str(), 0600) == 0);
	trial t;
	spawnx_file_actions_addopen(t.actions, 0, fifo.path.c_str(), O_RDONLY, 0);
	t.lower();

	/* Lets the child go on in the end, so that a failure is no hang. */
	std::atomic<bool> waited_for = false, launched = false;
	const int spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int delay_ms = unit::forked ? 2000 : 50;
	std::thread opener([&] {
		usleep(static_cast<useconds_t>(delay_ms * 1000));
		close(spare);
		waited_for = true;
		/* For writing alone it could not be opened before the child reads. */
		const int fd = open(fifo.path.c_str(), O_RDWR | O_CLOEXEC);
		while (!launched)
			usleep(1000);
		close(fd);
	});
	bool in_time;
	{
		const full_table full;
		t.launch();
		in_time = !waited_for;
		launched = true;
	}
	opener.join();
	if (!unit::forked) {
		REQUIRE(t.launched.error == 0);
		CHECK(WEXITSTATUS(support::wait_pid(t.launched.pid)) == 2);
		return;
	}
	CHECK(in_time);
	CHECK(t.launched.error == EMFILE);
	CHECK_FALSE(unit::has_children());
}
