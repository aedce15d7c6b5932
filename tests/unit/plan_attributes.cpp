/* SPDX-License-Identifier: MIT */
/*
 * lower() for what posix_spawn has no attribute for: which steps, in which order, with
 * what in them. The order is that at the top of child.cpp, which spawnx(7) promises.
 */
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "features.hpp"
#include "lowering.hpp"
#include "plan.hpp"
#include "promises.hpp"
#include "request.hpp"
#include "spawnx.h"

using namespace spawnx_core;
using namespace unit;
using feature::bit;

namespace
{

constexpr std::uint64_t kernels[] = {0, linux_5_3, linux_5_9, linux_7_1, clone3_blocked,
	linux_5_3 | bit(feature::NONEWPRIVS)};

/*
 * The arrays of a plan are big enough: below, every set of attributes on every kind of
 * kernel is shown to make a part of these lists, each step no more than once.
 */
static_assert(std::size(head_order) + 1 <= most_head_steps);
static_assert(std::size(tail_order) <= most_tail_steps);

/* With close-by-default the child is born with its parent's table, and leaves it first. */
steps leaving_the_table(steps s, std::uint64_t kernel_has)
{
	if (std::count(s.begin(), s.end(), op::cloexec_all) &&
		(kernel_has & bit(feature::CLOSE_RANGE)))
		s.insert(s.begin(), op::unshare_files);
	return s;
}

template <std::size_t n>
steps wanted(const promise (&order)[n], unsigned number, std::uint64_t kernel_has)
{
	steps s;
	for (std::size_t i = 0; i < n; i++) {
		const op what = order[i].what;
		const bool is_asked = what == op::clear_handlers ||
			(what == op::caps_after_ids ? std::count(s.begin(), s.end(),
							      op::caps_before_ids)
						    : number >> i & 1);
		if (is_asked && !does_at_birth(what, kernel_has))
			s.push_back(what);
	}
	/* The mask that all signals were blocked in is not the caller's. */
	const bool blocked = !does_at_birth(op::clear_handlers, kernel_has);
	if (order[0].what == op::listenfds && blocked &&
		!std::count(s.begin(), s.end(), op::sigmask))
		s.push_back(op::restore_sigmask);
	return leaving_the_table(s, kernel_has);
}

/* Every set of attributes of one list, and of the other all or none. */
template <std::size_t n, std::size_t m, typename F>
std::size_t most_steps(const promise (&order)[n], const promise (&others)[m], F steps_of)
{
	std::size_t most = 0;
	int wrong = 0;
	for (unsigned number = 0; number < 1u << n && wrong < 5; number++) {
		for (const unsigned rest : {0u, (1u << m) - 1}) {
			asked a;
			ask(a, order, number);
			ask(a, others, rest);
			for (const std::uint64_t has : kernels) {
				const lowered l(a.r, has);
				if (l.error || l.p.head_count > most_head_steps ||
					l.p.tail_count > most_tail_steps ||
					steps_of(l) != wanted(order, number, has)) {
					FAIL_CHECK("attributes " << number << ", kernel "
								 << has << ", error "
								 << l.error);
					wrong++;
					continue;
				}
				most = std::max(most, steps_of(l).size());
			}
		}
	}
	return most;
}

steps only(op what, std::uint64_t kernel_has, bool in_head)
{
	steps s;
	if (in_head && does_at_birth(what, kernel_has))
		return s;
	s.push_back(what);
	return leaving_the_table(s, kernel_has);
}

} // namespace

TEST_CASE("every set of attributes: its steps before the file actions, as promised")
{
	CHECK(most_steps(head_order, tail_order, [](const lowered &l) {
		return l.head();
	}) == std::size(head_order) + 1); /* and the table is left */
}

TEST_CASE("every set of attributes: its steps after the file actions, as promised")
{
	CHECK(most_steps(tail_order, head_order, [](const lowered &l) {
		return l.tail();
	}) == std::size(tail_order));
}

TEST_CASE("an attribute by itself: its step and no other")
{
	for (const std::uint64_t has : {linux_5_9, linux_7_1}) {
		for (const promise &p : head_order) {
			asked a;
			if (!p.ask)
				continue;
			p.ask(a);
			const lowered l(a.r, has);
			CHECK(l.head() == only(p.what, has, true));
			CHECK(l.tail().empty());
		}
		for (const promise &p : tail_order) {
			asked a;
			if (!p.ask)
				continue;
			p.ask(a);
			const lowered l(a.r, has);
			CHECK(l.head().empty());
			if (p.what != op::caps_before_ids)
				CHECK(l.tail() == only(p.what, has, false));
		}
	}
}

TEST_CASE("all attributes at once: what is in each step")
{
	asked a;
	ask(a, head_order, ~0u);
	ask(a, tail_order, ~0u);
	const lowered l(a.r, 0);
	REQUIRE(l.error == 0);
	const auto find = [&](const step *first, unsigned count,
				  op what) -> const step & {
		const step *at = std::find_if(first, first + count,
			[&](const step &s) { return s.what == what; });
		REQUIRE(at != first + count);
		CHECK(at->index == -1);
		CHECK(at->reserved == 0);
		return *at;
	};
	const auto head = [&](op what) -> const step & {
		return find(l.p.head, l.p.head_count, what);
	};
	const auto tail = [&](op what) -> const step & {
		return find(l.p.tail, l.p.tail_count, what);
	};
	CHECK(head(op::idmap).data == &a.attr.idmap);
	CHECK(head(op::cgroup_procs).a == 12);
	CHECK(head(op::ignore_signals).set == 0x5a5a5a5a5a5a5a5a);
	CHECK(head(op::affinity).data == some_cpus);
	CHECK(head(op::affinity).set == sizeof(some_cpus));
	CHECK(head(op::nice).a == -5);
	CHECK(head(op::rlimits).data == &a.attr.limits);
	CHECK(head(op::oom_score_adj).path == a.attr.oom_text);
	CHECK(tail(op::listenfds).a == 2);
	CHECK(tail(op::umask).a == 027);
	CHECK(tail(op::caps_before_ids).data == &a.attr.caps);
	CHECK(tail(op::groups).data == some_groups);
	CHECK(tail(op::groups).set == 2);
	/* Setting an id of over 2^31 to what the kernel takes for it: the same 32 bits. */
	CHECK(static_cast<gid_t>(tail(op::gid).a) == 4294967294);
	CHECK(tail(op::uid).a == 65534);
	CHECK(tail(op::caps_after_ids).data == &a.attr.caps);
	CHECK(tail(op::pdeathsig).a == 15);
	CHECK(tail(op::pdeathsig).b == 4711);
	CHECK(tail(op::landlock).a == 7);
	CHECK(tail(op::seccomp).data == &a.attr.seccomp);
}

TEST_CASE("a value is used only once it is set")
{
	asked a;
	spawnx_attr &attr = a.attr;
	attr.uid = 1, attr.gid = 1, attr.group_count = 2, attr.groups = some_groups;
	attr.caps.securebits = 1;
	attr.caps.inheritable = attr.caps.ambient = attr.caps.blocked = 1;
	attr.seccomp = {1, &allow_all};
	attr.landlock = 7, attr.umask = 027, attr.nice = -5, attr.cgroup = 12;
	attr.affinity = some_cpus;
	std::memset(&attr.sigignore, 0xff, sizeof(attr.sigignore));
	attr.limits.of[RLIMIT_CORE] = {1, 1};
	const lowered l(a.r, linux_5_9);
	CHECK(l.head().empty());
	CHECK(l.tail().empty());
	CHECK_FALSE(l.p.changes_ids);
	CHECK(l.p.clone_flags == (as_vfork | kernel::clone_clear_sighand));
}

TEST_CASE("namespaces are clone's flags, by clone(2) too; a time namespace needs clone3")
{
	std::uint64_t all = 0;
	for (const std::uint64_t one : {kernel::clone_newtime, kernel::clone_newns,
		     kernel::clone_newcgroup, kernel::clone_newuts, kernel::clone_newipc,
		     kernel::clone_newuser, kernel::clone_newpid, kernel::clone_newnet,
		     kernel::clone_new_all}) {
		all |= one;
		asked a;
		a.attr.has_namespaces = true;
		a.attr.namespaces = one;
		CHECK(features_wanted(a.r) == features_wanted({}));
		for (std::uint64_t has = 0; has <= feature::all; has++) {
			const lowered l(a.r, has), without({}, has);
			INFO("namespaces " << one << ", features " << has);
			const bool clone3 = has & bit(feature::CLONE3);
			if (!clone3 && (one & kernel::clone_newtime)) {
				REQUIRE(l.error == ENOTSUP);
				REQUIRE(l.missing == feature::CLONE3);
				continue;
			}
			REQUIRE(l.error == 0);
			REQUIRE(l.p.clone_flags == (without.p.clone_flags | one));
			REQUIRE(l.head() == without.head());
			REQUIRE(l.tail() == without.tail());
			/* clone(2)'s lowest byte is a signal, and it has 32 bits. */
			REQUIRE((clone3 || (l.p.clone_flags & ~0xffffff00ull) == 0));
		}
	}
	CHECK(all == kernel::clone_new_all);
}

TEST_CASE("a cgroup where the kernel has no flag for it: only if weaker will do")
{
	asked a;
	a.flag(SPAWNX_SETCGROUP);
	a.attr.cgroup = 12;
	for (const bool weaker : {false, true}) {
		a.attr.weaker = weaker;
		for (std::uint64_t has = 0; has <= feature::all; has++) {
			const lowered l(a.r, has);
			const bool at_birth = does_at_birth(op::cgroup_procs, has);
			INFO("weaker " << weaker << ", features " << has);
			REQUIRE(l.error == (at_birth || weaker ? 0 : ENOTSUP));
			if (l.error) {
				REQUIRE(l.missing == feature::INTO_CGROUP);
				continue;
			}
			REQUIRE(l.p.cgroup == 12);
			REQUIRE(((l.p.clone_flags & kernel::clone_into_cgroup) != 0) ==
				at_birth);
			REQUIRE(((l.p.native & bit(feature::INTO_CGROUP)) != 0) ==
				at_birth);
			REQUIRE(((l.p.emulated & bit(feature::INTO_CGROUP)) != 0) !=
				at_birth);
			const steps head = l.head();
			REQUIRE(std::count(head.begin(), head.end(), op::cgroup_procs) ==
				!at_birth);
		}
	}
}

TEST_CASE("a weaker promise does for a cgroup, and for nothing that has none")
{
	asked a;
	a.attr.weaker = true;
	CHECK(lowered(a.r, 0).head() == steps{op::clear_handlers});
	a.attr.autoreap = true;
	const lowered l(a.r, linux_5_9);
	CHECK(l.p.parent == parent::init);
	CHECK(l.head().empty());
	CHECK(l.p.emulated == (bit(feature::AUTOREAP)));
}

TEST_CASE("a controlling terminal wants a session, which is made once")
{
	step list[1] = {{op::setctty, 0, 0, 5, 0, 0, {nullptr}}};
	asked a;
	a.actions = {list, 1, 1, 1, false, false, true};
	CHECK(lowered(a.r, linux_7_1).head() == steps{op::setsid});
	a.flag(SPAWNX_SETSID);
	CHECK(lowered(a.r, linux_7_1).head() == steps{op::setsid});
	a.actions.sets_ctty = false;
	a.attr.flags = 0;
	CHECK(lowered(a.r, linux_7_1).head().empty());
}

TEST_CASE("a priority with its policy is one step")
{
	asked a;
	a.flag(SPAWNX_SETSCHEDULER | SPAWNX_SETSCHEDPARAM);
	CHECK(lowered(a.r, linux_7_1).head() == steps{op::setscheduler});
}

/* Each of them, and what else changes credentials, by itself and with all others. */
TEST_CASE("the parent's dumpable flag is minded for ids and capabilities alone")
{
	const auto changes = [](op what) {
		return what == op::resetids || what == op::uid || what == op::gid ||
			what == op::caps_before_ids;
	};
	asked others;
	for (const auto &[first, last] :
		{std::pair(std::begin(head_order), std::end(head_order)),
			std::pair(std::begin(tail_order), std::end(tail_order))}) {
		for (const promise *p = first; p != last; p++) {
			if (!p->ask)
				continue;
			asked a;
			p->ask(a);
			INFO("op " << static_cast<unsigned>(p->what));
			CHECK(lowered(a.r, linux_7_1).p.changes_ids == changes(p->what));
			CHECK(lowered(a.r, 0).p.changes_ids == changes(p->what));
			if (!changes(p->what))
				p->ask(others);
		}
	}
	CHECK_FALSE(lowered(others.r, 0).p.changes_ids);
	asked bits;
	bits.attr.caps.has_securebits = true;
	CHECK(lowered(bits.r, 0).p.changes_ids);
}

TEST_CASE("capabilities are kept across the change of the user, and of it alone")
{
	for (unsigned number = 0; number < 8; number++) {
		asked a;
		spawnx_attr &attr = a.attr;
		attr.caps.has_iab = number & 1;
		attr.caps.has_securebits = !(number & 1);
		attr.has_uid = number & 2;
		attr.has_gid = number & 4;
		if (number & 4)
			a.flag(SPAWNX_RESETIDS);
		const lowered l(a.r, linux_7_1);
		REQUIRE(l.p.tail[0].what == op::caps_before_ids);
		CHECK(l.p.tail[0].a == (attr.has_uid ? 1 : 0));
		CHECK(l.p.tail[l.p.tail_count - 1].what == op::caps_after_ids);
	}
}
