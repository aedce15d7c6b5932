/* SPDX-License-Identifier: MIT */
/* Which range of descriptors a child with close-by-default or closefrom leaves behind. */
#include "gap.hpp"
#include "plan.hpp"
#include "request.hpp"
#include "spawnx.h"

#include <catch2/catch_test_macros.hpp>

#include <climits>
#include <vector>

using namespace spawnx_core;

namespace
{

struct wanted {
	std::vector<step> steps;
	spawnx_attr attr = {};
	spawnx_actions actions = {};
	std::vector<const char *> paths{"/bin/true"};

	wanted &close_by_default()
	{
		attr.flags = SPAWNX_CLOEXEC_DEFAULT;
		return *this;
	}
	wanted &action(op what, int a, int b = 0, std::uint64_t set = 0,
		const char *path = nullptr)
	{
		steps.push_back({what, 0, 0, a, b, set, {path}});
		return *this;
	}
	gap of(std::size_t table = 0)
	{
		request r = {};
		actions.steps = steps.data();
		actions.count = steps.size();
		r.attr = &attr;
		r.actions = &actions;
		r.candidates = paths.data();
		r.candidate_count = paths.size();
		high = wants_table_size(r);
		return largest_gap(r, table);
	}
	bool high = false;
};

bool is(const gap &g, int first, int last)
{
	return g.first == first && g.last == last;
}

bool none(const gap &g)
{
	return g.first > g.last;
}

} // namespace

TEST_CASE("gap: only what closes ranges has one")
{
	CHECK(none(wanted().of()));
	CHECK(none(wanted().action(op::dup2, 5, 1).of()));
	CHECK(is(wanted().close_by_default().of(), 0, INT_MAX));
	CHECK(is(wanted().action(op::closefrom, 3).of(), 3, INT_MAX));
	CHECK(is(wanted().action(op::closefrom, 9).action(op::closefrom, 4).of(), 4, INT_MAX));
}

TEST_CASE("gap: every descriptor that a step makes use of stays")
{
	for (const op what : {op::dup2, op::inherit, op::map, op::map_save, op::fchdir,
		     op::tcsetpgrp, op::setctty})
		CHECK(is(wanted().close_by_default().action(what, 7, 1).of(), 8, INT_MAX));
	CHECK(is(wanted().close_by_default()
			 .action(op::openat, 1, 0, std::uint64_t(9) << 32, "x")
			 .of(),
		10, INT_MAX));
	/* A target is made, not used; nor is what is closed. */
	CHECK(is(wanted().close_by_default().action(op::dup2, 2, 50).of(), 3, INT_MAX));
	CHECK(is(wanted().close_by_default().action(op::close, 50).of(), 0, INT_MAX));
	wanted w;
	w.close_by_default().attr.has_landlock = true;
	w.attr.landlock = 11;
	CHECK(is(w.of(), 12, INT_MAX));
	w.attr.has_execfd = true;
	w.attr.execfd = 12;
	CHECK(is(w.of(), 13, INT_MAX));
	w.attr.flags |= SPAWNX_SETCGROUP;
	w.attr.cgroup = 20;
	CHECK(is(w.of(), 21, INT_MAX));
	w.attr.listenfds = 30;
	CHECK(is(w.of(), 33, INT_MAX));
}

TEST_CASE("gap: with something high up, below it or above, whichever is larger")
{
	wanted w;
	w.close_by_default().action(op::dup2, 9000, 1).action(op::dup2, 2, 2);
	CHECK(is(w.of(0), 9001, INT_MAX)); /* not known: the end saves most, before 6.11 */
	CHECK(w.high);
	CHECK(is(w.of(10240), 3, 8999));
	CHECK(is(w.of(65536), 9001, INT_MAX));
	wanted low;
	low.close_by_default().action(op::dup2, 200, 1);
	(void)low.of();
	CHECK_FALSE(low.high);
	wanted from;
	from.action(op::dup2, 5000, 1).action(op::closefrom, 4000);
	CHECK(is(from.of(5200), 4000, 4999)); /* what is below is inherited */
}

TEST_CASE("gap: none where a path may name a descriptor")
{
	wanted w;
	w.close_by_default().action(op::open, 0, 0, 0, "/dev/fd/7");
	CHECK(none(w.of()));
	wanted x;
	x.close_by_default().paths = {"/bin/true", "/proc/self/fd/5"};
	CHECK(none(x.of()));
	wanted y;
	y.close_by_default().action(op::chdir, 0, 0, 0, "/proc/self/fd");
	CHECK(none(y.of()));
	wanted z;
	z.close_by_default().action(op::open, 0, 0, 0, "/dev/stdin");
	CHECK(none(z.of()));
}

TEST_CASE("the table has at least the size that its highest descriptor needs")
{
	CHECK(table_size() > 2);
}
