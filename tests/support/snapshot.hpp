/* SPDX-License-Identifier: MIT */
/*
 * What a spawn must leave as it was. A test case made with SPAWNX_TEST compares it from
 * before with after: descriptors, children, signal mask, dumpable, mappings.
 */
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace support
{

struct snapshot {
	std::vector<std::string> descriptors; /* "3 -> /dev/null" */
	std::vector<std::string> children;    /* pids, zombies and clone children too */
	std::uint64_t mask = 0;		      /* all 64 signals */
	int dumpable = 0;
	std::size_t mappings = 0; /* lines of /proc/self/maps */

	static snapshot take();
};

/* The children /proc lists, also one the kernel is just taking out of its tables. */
std::vector<std::string> listed_children();

class undisturbed
{
public:
	undisturbed();
	~undisturbed();
	undisturbed(const undisturbed &) = delete;
	undisturbed &operator=(const undisturbed &) = delete;

private:
	snapshot before_case;
};

} // namespace support

#define SPAWNX_TEST(...) TEST_CASE_METHOD(::support::undisturbed, __VA_ARGS__)
