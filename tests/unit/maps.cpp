/* SPDX-License-Identifier: MIT */
/*
 * The steps that spawnx_file_actions_addmapfds makes, done to a model of a descriptor
 * table: what comes out must be what would come of moving all of them at the same time.
 */
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <sstream>
#include <vector>

#include <spawning.hpp>

#include "plan.hpp"
#include "request.hpp"
#include "spawnx.h"

using namespace spawnx_core;

namespace
{

constexpr int closed = -1;

struct descriptor {
	int what = closed; /* the number it was first opened with */
	bool cloexec = false;

	bool operator==(const descriptor &o) const
	{
		return what == o.what && (what == closed || cloexec == o.cloexec);
	}
};

/* One more than are mapped: the last is where a circle waits if all others are open. */
using table = std::array<descriptor, 7>;

using pairs = std::vector<std::pair<int, int>>; /* from, to */

table opened(const pairs &maps, bool all)
{
	table t;
	for (int fd = 0; fd < 5; fd++)
		if (all)
			t[static_cast<std::size_t>(fd)] = {fd, true};
	for (const auto &[from, to] : maps)
		t[static_cast<std::size_t>(from)] = {from, true};
	return t;
}

table at_the_same_time(const pairs &maps, const table &before)
{
	table t = before;
	for (const auto &[from, to] : maps)
		t[static_cast<std::size_t>(to)] = {
			before[static_cast<std::size_t>(from)].what, false};
	return t;
}

/* As child.cpp does them. Empty: a step that must not be. */
std::string one_by_one(const step *first, std::size_t count, table &t)
{
	int saved = closed;
	const auto at = [&t](int fd) -> descriptor & {
		return t.at(static_cast<std::size_t>(fd));
	};
	for (const step *s = first; s != first + count; s++) {
		switch (s->what) {
		case op::map:
			if (at(s->a).what == closed)
				return "a step from what is closed";
			at(s->b) = {at(s->a).what, false};
			break;
		case op::map_save: {
			if (saved != closed)
				return "two circles at a time";
			if (at(s->a).what == closed)
				return "a closed descriptor saved";
			for (saved = 0; at(saved).what != closed; saved++)
				;
			at(saved) = {at(s->a).what, true};
			break;
		}
		case op::map_saved:
			if (saved == closed || saved == s->b)
				return "nothing saved, or on its own target";
			at(s->b) = {at(saved).what, false};
			at(saved) = {};
			saved = closed;
			break;
		default:
			return "another step";
		}
	}
	return saved == closed ? "" : "a circle left open";
}

class made_actions
{
public:
	explicit made_actions(const pairs &maps)
	{
		std::vector<int> src, dst;
		for (const auto &[from, to] : maps) {
			src.push_back(from);
			dst.push_back(to);
		}
		error = spawnx_file_actions_addmapfds(
			actions, maps.size(), src.data(), dst.data());
	}
	const spawnx_actions &operator*() const
	{
		return *actions.handle;
	}
	int error;

private:
	support::file_actions actions;
};

std::string wrong_with(const pairs &maps)
{
	const made_actions made(maps);
	if (made.error)
		return "refused";
	const spawnx_actions &a = *made;
	if (2 * a.count > 5 * maps.size())
		return "more steps than promised";
	if (a.added != 1)
		return "not one file action";
	for (std::size_t i = 0; i < a.count; i++)
		if (a.steps[i].index != 0)
			return "a step with the number of another file action";
	/* What nobody asked about is open, or it is not. */
	for (const bool all : {false, true}) {
		table t = opened(maps, all);
		const table want = at_the_same_time(maps, t);
		const std::string wrong = one_by_one(a.steps, a.count, t);
		if (!wrong.empty())
			return wrong;
		if (t != want)
			return "not what it would be at the same time";
	}
	return "";
}

std::string in_words(const pairs &maps)
{
	std::ostringstream s;
	for (const auto &[from, to] : maps)
		s << from << " to " << to << ", ";
	return s.str();
}

/* Each of n targets from each source or from none; those of every set of five. */
template <typename F> void for_every_map(int n, F f)
{
	int numbers = 1;
	for (int i = 0; i < n; i++)
		numbers *= n + 1;
	for (int number = 0; number < numbers; number++) {
		pairs maps;
		for (int to = 0, rest = number; to < n; to++, rest /= n + 1)
			if (rest % (n + 1))
				maps.emplace_back(rest % (n + 1) - 1, to);
		f(maps);
	}
}

bool report_wrong(const pairs &maps)
{
	const std::string wrong = wrong_with(maps);
	if (!wrong.empty())
		FAIL_CHECK(in_words(maps) << wrong);
	return !wrong.empty();
}

} // namespace

TEST_CASE("every map of up to four descriptors, its pairs in every order")
{
	int failures = 0, maps = 0;
	for_every_map(4, [&](pairs map) {
		std::sort(map.begin(), map.end());
		do {
			failures += failures < 5 && report_wrong(map);
			maps++;
		} while (std::next_permutation(map.begin(), map.end()));
	});
	CHECK(failures == 0);
	CHECK(maps == 1 + 4 * 4 + 6 * 16 * 2 + 4 * 64 * 6 + 256 * 24);
}

TEST_CASE("every map of five descriptors, upwards and downwards")
{
	int failures = 0;
	for_every_map(5, [&](pairs map) {
		failures += failures < 5 && report_wrong(map);
		std::reverse(map.begin(), map.end());
		failures += failures < 5 && report_wrong(map);
	});
	CHECK(failures == 0);
}

TEST_CASE("the steps of a swap, of a chain and of a descriptor that stays")
{
	const auto steps_of = [](const pairs &maps) {
		const made_actions made(maps);
		std::vector<std::array<int, 3>> found;
		for (std::size_t i = 0; i < (*made).count; i++) {
			const step &s = (*made).steps[i];
			found.push_back({static_cast<int>(s.what), s.a, s.b});
		}
		return found;
	};
	constexpr int map = static_cast<int>(op::map);
	using list = std::vector<std::array<int, 3>>;
	CHECK(steps_of({{3, 4}, {4, 3}}) ==
		list{{map, 3, 3}, {map, 4, 4}, {static_cast<int>(op::map_save), 3, 4},
			{map, 4, 3}, {static_cast<int>(op::map_saved), 3, 4}});
	CHECK(steps_of({{3, 4}, {4, 5}}) == list{{map, 4, 5}, {map, 3, 4}});
	/* It loses its close-on-exec, as dup2 onto itself does. */
	CHECK(steps_of({{3, 3}}) == list{{map, 3, 3}});
	CHECK(steps_of({}).empty());
}

/* Five steps for two descriptors: the most there can be. */
TEST_CASE("many swaps stay within the room that was made for them")
{
	pairs maps;
	for (int fd = 0; fd < 200; fd += 2) {
		maps.emplace_back(fd, fd + 1);
		maps.emplace_back(fd + 1, fd);
	}
	const made_actions made(maps);
	REQUIRE(made.error == 0);
	CHECK((*made).count == 500);
	CHECK((*made).count <= (*made).capacity);
}

TEST_CASE("a map is one file action, however many steps it has")
{
	support::file_actions actions;
	const int src[] = {3, 4}, dst[] = {4, 3};
	REQUIRE(CALL(spawnx_file_actions_addclose(actions, 9)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addmapfds(actions, 2, src, dst)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addmapfds(actions, 0, nullptr, nullptr)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addclose(actions, 9)) == 0);
	const spawnx_actions &a = *actions.handle;
	std::vector<int> numbers;
	for (std::size_t i = 0; i < a.count; i++)
		numbers.push_back(a.steps[i].index);
	CHECK(numbers == std::vector<int>{0, 1, 1, 1, 1, 1, 3});
	CHECK(a.added == 4);
}

TEST_CASE("a map that is none changes nothing")
{
	support::file_actions actions;
	const int good[] = {3, 4}, twice[] = {5, 5}, negative[] = {3, -1};
	REQUIRE(CALL(spawnx_file_actions_addclose(actions, 9)) == 0);
	CHECK(CALL(spawnx_file_actions_addmapfds(actions, 2, good, twice)) == EINVAL);
	CHECK(CALL(spawnx_file_actions_addmapfds(actions, 2, nullptr, good)) == EINVAL);
	CHECK(CALL(spawnx_file_actions_addmapfds(actions, 2, good, nullptr)) == EINVAL);
	CHECK(CALL(spawnx_file_actions_addmapfds(nullptr, 2, good, good)) == EINVAL);
	CHECK(CALL(spawnx_file_actions_addmapfds(actions, 2, good, negative)) == EBADF);
	CHECK(CALL(spawnx_file_actions_addmapfds(actions, 2, negative, good)) == EBADF);
	/* Two from one is fine: each gets it. */
	CHECK(CALL(spawnx_file_actions_addmapfds(actions, 2, twice, good)) == 0);
	CHECK(actions.handle->count == 3);
	CHECK(actions.handle->added == 2);
}
