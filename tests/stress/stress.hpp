/* SPDX-License-Identifier: MIT */
/*
 * A worker starts children of random kinds, ends them in random ways, and judges every
 * status that comes back. All that it draws comes from the seed and its own number.
 */
#pragma once

#include <spawnx.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace stress
{

/* "stolen" is an ordinary child that is reaped behind the library's back. */
enum kind { ordinary, stolen, autoreap, autokill, kinds };
inline constexpr const char *kind_names[] = {
	"ordinary", "stolen", "autoreap", "autokill"};

enum way {
	wait,
	wait_for,
	try_wait,
	c_wait,
	poll_then_wait,
	stop,
	signal_then_wait,
	suspend,
	release,
	drop,
	drop_dead,
	drop_many,
	move_over,
	hand_over,
	steal,
	ways
};
inline constexpr const char *way_names[] = {"wait", "wait_for", "try_wait", "spawnx_wait",
	"poll", "stop", "signal", "SIGSTOP", "release", "drop", "drop dead", "drop many",
	"move over", "hand over", "steal"};

/* What is judged, one line of the result each. */
enum property { refused, status, unknown, dropped, manners, masks, properties };

/* How a program may end: as it was told to, or by a signal that it may have got. */
struct prospect {
	bool exits = false, dies = false; /* neither: it runs until it is killed */
	int number = 0;
	std::uint64_t signals = 0;

	bool ends() const
	{
		return exits || dies;
	}
	void add(int sig)
	{
		signals |= std::uint64_t(1) << (sig - 1);
	}
	bool allows(const spx::exit_status &s) const
	{
		if (s.exited())
			return exits && s.code() == number;
		if (!s.signaled() || s.core_dumped())
			return false;
		return (dies && s.signal() == number) ||
			(signals >> (s.signal() - 1) & 1);
	}
};

struct life {
	spx::child child;
	kind what = ordinary;
	bool deaf = false;   /* SIGTERM is blocked in it: only SIGKILL stops it */
	bool reaped = false; /* by a call that left no status in the object */
	prospect end;
	unsigned delay_us = 0;

	bool is_ordinary() const
	{
		return what == ordinary || what == stolen;
	}
};

/* What a variant of the attributes has, as bits; the kind is in the two lowest. */
inline constexpr unsigned deaf = 4, no_new_privs = 8, closing = 16, by_fd = 32,
			  variants = 64;

inline constexpr unsigned bad_actions = 3;

/* What the threads share. All but the slot is only read once they run. */
struct world {
	world(std::string program, unsigned seed);

	bool can(kind k) const
	{
		return grade[k] >= SPAWNX_WEAK;
	}
	/* By a relay: init, or a guard, reaps it. */
	bool is_weak(kind k) const
	{
		return grade[k] == SPAWNX_WEAK;
	}
	spx::attributes attributes_of(unsigned variant) const;

	std::string program;
	unsigned seed;
	int program_fd;
	int grade[kinds] = {SPAWNX_NATIVE, SPAWNX_NATIVE, SPAWNX_ABSENT, SPAWNX_ABSENT};
	bool exit_info;
	std::vector<spx::attributes> attributes; /* by variant */
	spx::file_actions actions;
	std::array<spx::file_actions, bad_actions> bad; /* the last one of each fails */

	std::mutex slot_mutex;
	life slot; /* where threads hand children over */
};

struct tally {
	std::array<long, kinds> of_kind = {};
	std::array<long, ways> of_way = {};
	std::array<long, properties> good = {}, bad = {};

	void add(const tally &other);
};

class worker
{
public:
	worker(world &shared, unsigned thread, long children);
	void run();
	/* What another thread has left in the slot; it counted it when it started. */
	void finish_slot();

	tally counts;
	std::atomic<const char *> doing{"nothing yet"};
	std::atomic<long> begun{0};
	std::atomic<bool> finished{false};
	std::chrono::steady_clock::duration
		longest{}; /* one child, or those of one way */

private:
	/* drawing */
	unsigned below(unsigned n)
	{
		return random() % n;
	}
	bool one_in(unsigned n)
	{
		return below(n) == 0;
	}
	int any_signal(bool not_term);
	unsigned any_variant(kind k);
	life begin();
	void fail_to_begin();

	/* ways, in ways.cpp */
	void finish(life l);
	void wait_at_once(life &l);
	void wait_in_steps(life &l);
	void wait_for_reaper(life &, int &error, std::optional<spx::exit_status> &);
	void try_until_ended(life &l);
	void wait_in_c(life &l);
	void poll_first(life &l);
	void stop_it(life &l, bool at_once = false);
	void suspend_it(life &l);
	void release_it(life &l);
	void drop_it(life l, bool has_ended = false);
	void drop_several(life l);
	void move_another_over(life l);
	void hand_it_over(life l);
	void steal_it(life &l);

	/* helpers of those */
	void send(life &l, int sig);
	void see_to_its_end(life &l);
	void await_end(const life &l, int pidfd);
	int watch(const life &l);
	void gone(life &l, int witness);
	void ask_again(life &l, const spx::exit_status &first);

	/* judging */
	template <typename Call> int attempt(const Call &call);
	void told(const life &l, int error, const spx::exit_status &s);
	void told(const life &l, int error, const spawnx_exit &e)
	{
		told(l, error, spx::exit_status(e));
	}
	bool judge(property p, bool good, const life *l, const char *what);
	bool judge(property p, bool good, const life *l, const std::string &what)
	{
		return judge(p, good, l, what.c_str());
	}

	world &shared;
	std::mt19937 random;
	unsigned thread;
	long left;
};

std::uint64_t signal_mask();
void say(const std::string &line);

} // namespace stress
