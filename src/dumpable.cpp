/* SPDX-License-Identifier: MIT */
#include "dumpable.hpp"

#include <atomic>
#include <time.h>

#include "syscall.hpp"

namespace spawnx_core
{

namespace
{

/*
 * A lock for the few instructions round two prctl calls, which only spawns that change ids
 * take. Its value is the holder's pid: a child of fork(2), which may have been made while
 * another thread held it, takes it over, and the count of spawns that are not its own.
 */
std::atomic<int> lock_holder;
int owner; /* the process that "under_way" counts in */
int saved; /* what PR_GET_DUMPABLE said before the first */

/*
 * Not 0 for as long as the memory may be hidden and "saved" is right, and a little longer:
 * another thread's fork(2) may come between any two of our instructions.
 */
std::atomic<int> under_way;

class locked
{
public:
	locked()
	{
		const int self = static_cast<int>(sys::getpid());
		for (int holder = 0; !lock_holder.compare_exchange_weak(
			     holder, self, std::memory_order_acquire);) {
			if (holder == 0)
				continue;
			if (holder != self &&
				lock_holder.compare_exchange_strong(
					holder, self, std::memory_order_acquire))
				break;
			/* Sleeps, so that a holder of lower priority can go on. */
			timespec t = {0, 20000};
			(void)sys::ppoll(nullptr, 0, &t);
			holder = 0;
		}
		if (owner != self) {
			/* The copy of a memory that was hidden just then is hidden, too. */
			if (under_way)
				restore();
			owner = self;
			under_way = 0;
		}
	}
	~locked()
	{
		lock_holder.store(0, std::memory_order_release);
	}
	locked(const locked &) = delete;
	locked &operator=(const locked &) = delete;

	/* 2, root alone, cannot be set by prctl(2). */
	static void restore()
	{
		if (saved != 2)
			(void)sys::prctl(kernel::pr_set_dumpable, saved);
	}
};

} // namespace

/*
 * A fork(2) of another thread may copy us between any two instructions here, and the copy
 * must know what to put back for as long as the memory may be hidden: "saved" is there
 * before "under_way" says so, and that says so until it has been put back.
 */
void enter_undumpable()
{
	const locked l;
	if (under_way == 0)
		saved = static_cast<int>(sys::prctl(kernel::pr_get_dumpable));
	++under_way;
}

void leave_undumpable()
{
	const locked l;
	if (under_way == 1)
		locked::restore();
	--under_way;
}

} // namespace spawnx_core
