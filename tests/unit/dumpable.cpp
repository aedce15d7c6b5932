/* SPDX-License-Identifier: MIT */
/*
 * The parent's dumpable flag round spawns that change ids. Here hide() does what the
 * kernel and the child do to it; when the last one is back it must be what it was.
 */
#include <catch2/catch_test_macros.hpp>

#include <snapshot.hpp>

#include <atomic>
#include <chrono>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "dumpable.hpp"

using namespace spawnx_core;

namespace
{

int dumpable()
{
	return prctl(PR_GET_DUMPABLE);
}

void hide()
{
	prctl(PR_SET_DUMPABLE, 0);
}

/* As one finds it, afterwards. */
struct flag {
	const int before = dumpable();

	explicit flag(int value)
	{
		prctl(PR_SET_DUMPABLE, value);
	}
	~flag()
	{
		prctl(PR_SET_DUMPABLE, before);
	}
	flag(const flag &) = delete;
	flag &operator=(const flag &) = delete;
};

/* Whether f was true in a child of fork(2), which a stuck lock would not outlive. */
template <typename F> bool holds_in_fork(F f)
{
	const pid_t pid = fork();
	if (pid == 0) {
		alarm(20);
		_exit(f() ? 0 : 1);
	}
	int status = -1;
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

bool spawns_and_is(int value)
{
	enter_undumpable();
	hide();
	leave_undumpable();
	return dumpable() == value;
}

} // namespace

SPAWNX_TEST("dumpable: what it was comes back, be it on or off")
{
	for (const int value : {0, 1}) {
		const flag f(value);
		enter_undumpable();
		CHECK(dumpable() == value); /* to hide is the child's business */
		hide();
		leave_undumpable();
		CHECK(dumpable() == value);
	}
}

SPAWNX_TEST("dumpable: each time anew, whatever it was the time before")
{
	const flag f(0);
	CHECK(spawns_and_is(0));
	prctl(PR_SET_DUMPABLE, 1);
	CHECK(spawns_and_is(1));
	prctl(PR_SET_DUMPABLE, 0);
	CHECK(spawns_and_is(0));
}

SPAWNX_TEST("dumpable: of spawns that overlap the last one back opens the memory")
{
	const flag f(1);
	enter_undumpable();
	hide();
	enter_undumpable(); /* finds it hidden, which is not what it was */
	leave_undumpable();
	CHECK(dumpable() == 0);
	enter_undumpable();
	enter_undumpable();
	leave_undumpable();
	leave_undumpable();
	CHECK(dumpable() == 0);
	leave_undumpable();
	CHECK(dumpable() == 1);
	CHECK(spawns_and_is(1));
}

/* No SPAWNX_TEST: libc keeps the stacks of threads that have ended. */
TEST_CASE("dumpable: with many threads nobody's memory is open under a child of his")
{
	const flag f(1);
	std::atomic<int> opened = 0;
	std::vector<std::thread> threads;
	for (int i = 0; i < 4; i++)
		threads.emplace_back([&] {
			for (int n = 0; n < 500; n++) {
				enter_undumpable();
				hide();
				for (int look = 0; look < 5; look++)
					opened += dumpable() != 0;
				leave_undumpable();
			}
		});
	for (std::thread &t : threads)
		t.join();
	CHECK(opened == 0);
	CHECK(dumpable() == 1);
}

SPAWNX_TEST("dumpable: a fork meanwhile starts with no spawn under way, and open")
{
	const flag f(1);
	for (int depth = 1; depth <= 2; depth++) {
		for (int i = 0; i < depth; i++)
			enter_undumpable();
		hide();
		CHECK(holds_in_fork([] { return dumpable() == 0; }));
		CHECK(holds_in_fork([] { return spawns_and_is(1) && spawns_and_is(1); }));
		/* And so does its own. */
		CHECK(holds_in_fork([] {
			enter_undumpable();
			hide();
			const bool child = holds_in_fork([] { return spawns_and_is(1); });
			leave_undumpable();
			return child && dumpable() == 1;
		}));
		/* The parent's count is its own. */
		CHECK(dumpable() == 0);
		for (int i = 0; i < depth; i++)
			leave_undumpable();
		CHECK(dumpable() == 1);
	}
}

SPAWNX_TEST("dumpable: a fork from memory that nobody may dump stays so")
{
	const flag f(0);
	enter_undumpable();
	CHECK(holds_in_fork([] { return spawns_and_is(0); }));
	leave_undumpable();
	CHECK(holds_in_fork([] { return spawns_and_is(0); }));
}

/*
 * At whatever instruction of the other thread, the lock in its hand or not. The kernel
 * copies the flag before the memory: a copy may be hidden and not know that it was us, and
 * then stays so. But no open one is ever closed, and none hangs.
 */
TEST_CASE("dumpable: a fork at any moment of another thread's spawn")
{
	const flag f(1);
	std::atomic<bool> stop = false;
	int wrong = 0;
	std::thread other([&] {
		while (!stop)
			if (!spawns_and_is(1))
				break;
	});
	const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
	for (int i = 0; i < 500 && std::chrono::steady_clock::now() < until; i++)
		wrong += !holds_in_fork([] {
			const int was = dumpable();
			return spawns_and_is(1) || (was == 0 && dumpable() == 0);
		});
	stop = true;
	other.join();
	CHECK(wrong == 0);
	CHECK(dumpable() == 1);
}
