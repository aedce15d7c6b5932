/* SPDX-License-Identifier: MIT */
/* The names to try along PATH; that they are tried rightly is the child's part. */
#include <catch2/catch_test_macros.hpp>

#include <climits>
#include <cstdlib>
#include <string>
#include <vector>

#include "search.hpp"

using namespace spawnx_core;

using names = std::vector<std::string>;

static names search(const char *list, const char *file)
{
	std::size_t count = 4095;
	const char **found = search_candidates(list, file, count);
	REQUIRE(found);
	const names copy(found, found + count);
	std::free(found);
	return copy;
}

TEST_CASE("each element of PATH is tried, in order")
{
	CHECK(search("/bin", "x") == names{"/bin/x"});
	CHECK(search("/a:/b/c:d", "prog") == names{"/a/prog", "/b/c/prog", "d/prog"});
	CHECK(search("/a:/a", "x") == names{"/a/x", "/a/x"});
}

TEST_CASE("a slash at the end of an element does no harm")
{
	CHECK(search("/bin/:/", "x") == names{"/bin//x", "//x"});
}

TEST_CASE("an empty element is the current directory, wherever it is")
{
	CHECK(search(":/a", "x") == names{"x", "/a/x"});
	CHECK(search("/a:", "x") == names{"/a/x", "x"});
	CHECK(search("/a::/b", "x") == names{"/a/x", "x", "/b/x"});
	CHECK(search("::", "x") == names{"x", "x", "x"});
	CHECK(search(":", "x") == names{"x", "x"});
	CHECK(search("", "x") == names{"x"});
}

TEST_CASE("no PATH: the default path of the system's libc")
{
	CHECK(search(nullptr, "x") == names{"/bin/x", "/usr/bin/x"});
}

TEST_CASE("an element too long for a path is passed over, the longest that fits is not")
{
	const std::string fits(PATH_MAX - 1, 'f'), too_long(PATH_MAX, 't');
	const std::string rest = ":/b";
	CHECK(search((fits + rest).c_str(), "x") == names{fits + "/x", "/b/x"});
	CHECK(search((too_long + rest).c_str(), "x") == names{"/b/x"});
	CHECK(search(("/a:" + too_long).c_str(), "x") == names{"/a/x"});
	CHECK(search(("/a:" + too_long + rest).c_str(), "x") == names{"/a/x", "/b/x"});
	CHECK(search(too_long.c_str(), "x").empty());
}

TEST_CASE("a long list of empty elements has room for all names")
{
	const std::string file(255, 'n');
	const names found = search(std::string(1000, ':').c_str(), file.c_str());
	CHECK(found == names(1001, file));
}

TEST_CASE("PATH of an environment: the first, and only that name")
{
	char other[] = "OTHER=/o", longer[] = "PATHS=/l", shorter[] = "PAT=/s",
	     bare[] = "PATH";
	char first[] = "PATH=/first", second[] = "PATH=/second", empty[] = "PATH=";
	char *with[] = {other, longer, shorter, bare, first, second, nullptr};
	char *without[] = {other, longer, shorter, bare, nullptr};
	char *set_to_nothing[] = {empty, nullptr};
	char *nothing[] = {nullptr};
	CHECK(path_of(with) == first + 5);
	CHECK(path_of(without) == nullptr);
	CHECK(path_of(set_to_nothing) == empty + 5);
	CHECK(path_of(nothing) == nullptr);
	CHECK(path_of(nullptr) == nullptr);
}
