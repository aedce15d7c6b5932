/* SPDX-License-Identifier: MIT */
/*
 * lower() is pure, so that every kernel can be tried on one machine: all feature sets with
 * all requests, against the order that spawnx(7) promises.
 */
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "features.hpp"
#include "plan.hpp"
#include "request.hpp"
#include "spawnx.h"

using namespace spawnx_core;
using feature::bit;

namespace
{

constexpr short all_flags[] = {SPAWNX_RESETIDS, SPAWNX_SETPGROUP, SPAWNX_SETSIGDEF,
	SPAWNX_SETSIGMASK, SPAWNX_USEVFORK, SPAWNX_SETSID};

constexpr pid_t pgroup = 4711;
constexpr uint64_t default_set = 0x8000000040000401;
constexpr uint64_t blocked_set = 0x4000000000002001;

/* Everything a caller can ask for today, in one number. */
constexpr unsigned request_bits = 11;

struct asked {
	spawnx_attr attr = {};
	spawnx_actions actions = {};
	request r = {};

	explicit asked(unsigned number)
	{
		for (const short flag : all_flags) {
			attr.flags =
				static_cast<short>(attr.flags | (number & 1 ? flag : 0));
			number >>= 1;
		}
		attr.autoreap = number & 1;
		attr.autokill = number & 2;
		attr.nonewprivs = number & 4;
		attr.pgroup = pgroup;
		std::memcpy(&attr.sigdefault, &default_set, sizeof(default_set));
		std::memcpy(&attr.sigmask, &blocked_set, sizeof(blocked_set));
		r.attr = &attr;
		r.actions = &actions;
		r.pidfd = number & 8;
		attr.has_listenfds = number & 16;
		attr.listenfds = number & 16 ? 3 : 0;
	}
	asked(const asked &) = delete;
	asked &operator=(const asked &) = delete;
	bool has(short flag) const
	{
		return attr.flags & flag;
	}
};

struct outcome {
	int error = 0;
	unsigned missing = 99;
	uint64_t clone_flags = 0, native = 0, emulated = 0;
	bool clone3 = false, autoreap = false, block_signals = false, changes_ids = false;
	std::array<op, most_head_steps> head = {};
	std::array<op, most_tail_steps> tail = {};

	bool operator==(const outcome &o) const
	{
		return error == o.error && missing == o.missing &&
			clone_flags == o.clone_flags && native == o.native &&
			emulated == o.emulated && clone3 == o.clone3 &&
			autoreap == o.autoreap && block_signals == o.block_signals &&
			changes_ids == o.changes_ids && head == o.head && tail == o.tail;
	}
};

/* The order of spawnx(7); the file actions are number 5. */
struct promise {
	int number;
	op what;
	bool wanted;
};

outcome promised(const asked &a, uint64_t kernel_has)
{
	outcome o;
	const auto refused = [](unsigned id) {
		outcome e;
		e.error = ENOTSUP;
		e.missing = id;
		return e;
	};
	const bool reap = a.attr.autoreap || a.attr.autokill;
	const bool clone3 = kernel_has & bit(feature::CLONE3);
	const auto use = [&](unsigned id, uint64_t flag) {
		const bool has =
			(kernel_has & bit(id)) && (clone3 || id == feature::PIDFD);
		(has ? o.native : o.emulated) |= bit(id);
		o.clone_flags |= has ? flag : 0;
		return has;
	};

	o.clone_flags = kernel::clone_vm | kernel::clone_vfork;
	o.clone3 = use(feature::CLONE3, 0);
	o.autoreap = reap;
	/* Both of autokill's flags are one feature to the caller. */
	if (a.attr.autokill &&
		(!use(feature::AUTOKILL, kernel::clone_pidfd_autokill) ||
			!use(feature::AUTOREAP, kernel::clone_autoreap)))
		return refused(feature::AUTOKILL);
	if (a.attr.autoreap && !use(feature::AUTOREAP, kernel::clone_autoreap))
		return refused(feature::AUTOREAP);
	if (a.r.pidfd && !use(feature::PIDFD, kernel::clone_pidfd))
		return refused(feature::PIDFD);
	const bool nnp = a.attr.nonewprivs;
	const bool nnp_step = nnp && !use(feature::NONEWPRIVS, kernel::clone_nnp);
	o.block_signals = !use(feature::CLEAR_SIGHAND, kernel::clone_clear_sighand);
	o.changes_ids = a.has(SPAWNX_RESETIDS);

	const bool mask = a.has(SPAWNX_SETSIGMASK);
	const promise order[] = {
		{0, op::no_new_privs, nnp_step},
		{1, op::clear_handlers, o.block_signals},
		{1, op::default_signals, a.has(SPAWNX_SETSIGDEF)},
		{3, op::setsid, a.has(SPAWNX_SETSID)},
		{3, op::setpgid, a.has(SPAWNX_SETPGROUP)},
		{4, op::resetids, a.has(SPAWNX_RESETIDS)},
		{5, op::listenfds, a.attr.has_listenfds},
		{12, op::sigmask, mask},
		{12, op::restore_sigmask, !mask && o.block_signals},
	};
	auto head = o.head.begin();
	auto tail = o.tail.begin();
	for (const promise &p : order)
		if (p.wanted)
			*(p.number < 5 ? head : tail)++ = p.what;
	return o;
}

outcome lowered(const asked &a, uint64_t kernel_has)
{
	plan p;
	outcome o;
	std::memset(static_cast<void *>(&p), 0xa5, sizeof(p));
	o.error = lower(a.r, kernel_has, p, o.missing);
	if (o.error)
		return o;
	o.clone_flags = p.clone_flags;
	o.native = p.native;
	o.emulated = p.emulated;
	o.clone3 = p.clone3;
	o.autoreap = p.autoreap;
	o.block_signals = p.block_signals;
	o.changes_ids = p.changes_ids;
	if (p.head_count > most_head_steps || p.tail_count > most_tail_steps) {
		o.error = -1; /* past the end of the arrays: no promise has that */
		return o;
	}
	for (unsigned i = 0; i < p.head_count; i++)
		o.head[i] = p.head[i].what;
	for (unsigned i = 0; i < p.tail_count; i++)
		o.tail[i] = p.tail[i].what;
	return o;
}

std::string in_words(const outcome &o)
{
	std::ostringstream s;
	s << "error " << o.error << ", missing " << o.missing << std::hex
	  << ", clone flags " << o.clone_flags << ", native " << o.native << ", emulated "
	  << o.emulated << ", " << (o.clone3 ? "clone3" : "clone")
	  << (o.autoreap ? ", autoreap" : "")
	  << (o.block_signals ? ", signals blocked" : "")
	  << (o.changes_ids ? ", changes ids" : "") << std::dec << ", head";
	for (const op what : o.head)
		s << ' ' << static_cast<unsigned>(what);
	s << ", tail";
	for (const op what : o.tail)
		s << ' ' << static_cast<unsigned>(what);
	return s.str();
}

/* Calls f for each feature set and request until it has failed a few times. */
template <typename F> void for_every_kernel_and_request(F f)
{
	int failures = 0;
	for (unsigned number = 0; number < 1u << request_bits; number++) {
		const asked a(number);
		for (uint64_t has = 0; has <= feature::all; has++) {
			const std::string wrong = f(a, has);
			if (wrong.empty())
				continue;
			FAIL_CHECK("request " << number << ", features " << has << ": "
					      << wrong);
			if (++failures == 5)
				return;
		}
	}
	CHECK(failures == 0);
}

} // namespace

TEST_CASE("every kernel and every request: the plan is the promised one")
{
	REQUIRE(feature::all == 0x1ff); /* no gap: counting up to it is every set */
	for_every_kernel_and_request([](const asked &a, uint64_t has) {
		const outcome want = promised(a, has), got = lowered(a, has);
		return got == want
			? std::string()
			: "wanted " + in_words(want) + "; got " + in_words(got);
	});
}

/* Said again without the model above, which could be wrong in the same way. */
TEST_CASE("every kernel and every request: what must hold of any plan")
{
	for_every_kernel_and_request([](const asked &a, uint64_t has) -> const char * {
		const outcome o = lowered(a, has);
		if (o.error == ENOTSUP)
			return (has & bit(feature::CLONE3)) && (has & bit(o.missing)) &&
					!(o.missing == feature::AUTOKILL &&
						!(has & bit(feature::AUTOREAP)))
				? "refused for a feature the kernel has"
				: "";
		if (o.error)
			return "an error number nobody was promised";
		if (o.missing != 99)
			return "a missing feature, but no error";
		if (o.native & ~has)
			return "native, but not in the kernel";
		if (o.native & o.emulated)
			return "native and emulated";
		if ((o.native | o.emulated) != features_wanted(a.r))
			return "uses other features than were probed";
		if (!o.clone3 && o.clone_flags >> 32)
			return "flags that clone(2) has no room for";
		if ((o.clone_flags & kernel::clone_pidfd_autokill) &&
			!(o.clone_flags & kernel::clone_autoreap))
			return "autokill without autoreap";
		if (o.autoreap != ((o.clone_flags & kernel::clone_autoreap) != 0))
			return "autoreap by promise but not by flag";
		const auto count = [](const auto &steps, op what) {
			return std::count(steps.begin(), steps.end(), what);
		};
		if (o.block_signals != (count(o.head, op::clear_handlers) == 1))
			return "signals blocked without the loop, or the loop unprotected";
		const auto last = std::find(o.tail.begin(), o.tail.end(), op{});
		const bool masked = last != o.tail.begin() &&
			(last[-1] == op::sigmask || last[-1] == op::restore_sigmask);
		if (masked != (o.block_signals || a.has(SPAWNX_SETSIGMASK)))
			return "the mask step is not the last, or not needed";
		if (count(o.tail, op::sigmask) + count(o.tail, op::restore_sigmask) > 1)
			return "two masks";
		return "";
	});
}
