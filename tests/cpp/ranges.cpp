/* SPDX-License-Identifier: MIT */
/* C++20: any range of strings for arguments and environment. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>
#include <spawnx.hpp>

#include <list>
#include <ranges>
#include <span>
#include <string_view>

using namespace support;

static report said(const spx::arguments &args, const scratch &file)
{
	CHECK(spx::start(helper("report"), args).wait().success());
	return parse_report(file.path);
}

SPAWNX_TEST("arguments from spans, views, lists, and arrays that end as argv does")
{
	const scratch file;
	const char *const pointers[] = {"span", file.path.c_str(), "a"};
	report r = said(std::span<const char *const>(pointers), file);
	CHECK(r["argv.0"] == "span");
	CHECK(r["argc"] == "3");

	const std::vector<std::string> words = {"skipped", "view", file.path, "b"};
	r = said(words | std::views::drop(1), file);
	CHECK(r["argv.0"] == "view");
	CHECK(r["argv.2"] == "b");

	/* Each element is gone when the next is made. */
	r = said(words | std::views::drop(1) |
			std::views::transform(
				[](const std::string &s) { return s + ""; }),
		file);
	CHECK(r["argv.2"] == "b");

	const std::list<std::string_view> views = {"list", file.path, "c"};
	r = said(views, file);
	CHECK(r["argv.2"] == "c");

	const char *ended[] = {"array", file.path.c_str(), nullptr, "never"};
	r = said(ended, file);
	CHECK(r["argc"] == "2");

	std::vector<std::string> strings = {"strings", file.path};
	r = said(std::span<std::string>(strings), file);
	CHECK(r["argv.0"] == "strings");
}

SPAWNX_TEST("an environment from a range")
{
	const scratch file;
	const std::vector<std::string_view> variables = {"A=1", "B=2"};
	spx::environment e(variables | std::views::reverse);
	e.set("A", "3");
	CHECK(spx::start(helper("report"), {"r", file.path}, e).wait().success());
	report r = parse_report(file.path);
	CHECK(r["env.0"] == "B=2");
	CHECK(r["env.1"] == "A=3");
	CHECK(r.count("env.2") == 0);
}
