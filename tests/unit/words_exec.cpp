/* SPDX-License-Identifier: MIT */
/* spawnx_strfailure: the words for a failed exec, and what holds for all words. */
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>

#include "failure.hpp"
#include "failures.hpp"
#include "launch.hpp"
#include "plan.hpp"
#include "spawnx.h"

using namespace spawnx_core;
using unit::made;
using unit::words;

namespace
{

/* As if exec had failed; what the child found out is in the plan. */
spawnx_failure exec_refused(plan &p, int error, const char *given)
{
	const launched l = {error, true, 0, 77, -1};
	p.result.error = error;
	return launch_failure(p, l, given);
}

/* A plan that executes what is given, as it is. */
struct direct : plan {
	explicit direct(const char *given) : plan(), name(given)
	{
		execfd = -1;
		candidates = &name;
		candidate_count = 1;
	}
	direct(const direct &) = delete;
	direct &operator=(const direct &) = delete;

private:
	const char *name;
};

} // namespace

TEST_CASE("words of exec")
{
	CHECK(words(made(SPAWNX_STAGE_EXEC, ENOENT, "/bin/none")) ==
		"exec \"/bin/none\": No such file or directory");
	spawnx_failure f = made(SPAWNX_STAGE_EXEC, ECANCELED, "/bin/x");
	f.reserved = 9;
	CHECK(words(f) ==
		"exec \"/bin/x\": killed by signal 9 before it: Operation canceled");
	CHECK(words(made(SPAWNX_STAGE_EXEC, ENOENT)) ==
		"exec \"\": No such file or directory");
}

TEST_CASE("words of exec: what is not there")
{
	const std::string none = "No such file or directory";
	direct p("/a/b/x");
	CHECK(words(exec_refused(p, ENOENT, p.candidates[0])) ==
		"exec \"/a/b/x\": " + none);
	p.result.missing = missing::program;
	CHECK(words(exec_refused(p, ENOENT, p.candidates[0])) ==
		"exec \"/a/b/x\": no such program: " + none);
	p.result.directory = 4;
	CHECK(words(exec_refused(p, ENOENT, p.candidates[0])) ==
		"exec \"/a/b/x\": \"/a/b\" is no directory: " + none);
	CHECK(words(exec_refused(p, ENOTDIR, p.candidates[0])) ==
		"exec \"/a/b/x\": \"/a/b\" is no directory: Not a directory");
	p.result.directory = 0;
	CHECK(words(exec_refused(p, ENOENT, "x")) ==
		"exec \"x\": not found in PATH: " + none);
	p.candidate_count = 0;
	CHECK(words(exec_refused(p, ENOENT, p.candidates[0])) ==
		"exec \"/a/b/x\": not found in PATH: " + none);
	p.result.missing = missing::interpreter;
	p.result.path = "/bin/x";
	const std::string there = "the program exists, its interpreter ";
	CHECK(words(exec_refused(p, ENOENT, "x")) ==
		"exec \"/bin/x\": " + there + "does not: " + none);
	std::strcpy(p.result.interpreter, "/i");
	CHECK(words(exec_refused(p, ENOENT, "x")) ==
		"exec \"/bin/x\": " + there + "\"/i\" does not: " + none);
	p.execfd = 5;
	p.result.path = nullptr;
	CHECK(words(exec_refused(p, ENOENT, nullptr)) ==
		"exec fd 5: " + there + "\"/i\" does not: " + none);
	CHECK(words(exec_refused(p, ENOENT, "/given")) ==
		"exec fd 5: " + there + "\"/i\" does not: " + none);
	p.result.missing = missing::unknown;
	CHECK(words(exec_refused(p, EBADF, nullptr)) == "exec fd 5: Bad file descriptor");
	spawnx_failure f = made(SPAWNX_STAGE_EXEC, ECANCELED);
	f.fd = 5;
	f.reserved = 15;
	CHECK(words(f) == "exec fd 5: killed by signal 15 before it: Operation canceled");
}

TEST_CASE("words of exec: a name that has no room behind the path is left out")
{
	const std::string none = ": No such file or directory";
	for (std::size_t length = 200; length < 240; length++) {
		const std::string path(length, 'p'), cut = path.substr(0, 231);
		direct p(path.c_str());
		p.result.missing = missing::interpreter;
		p.result.path = path.c_str();
		std::strcpy(p.result.interpreter, "/0123456789");
		INFO("path of " << length);
		const bool room = length + 1 + 11 + 1 <= 232;
		CHECK(words(exec_refused(p, ENOENT, p.candidates[0])) ==
			"exec \"" + cut + "\": the program exists, its interpreter " +
				(room ? "\"/0123456789\" " : "") + "does not" + none);
		p.result.missing = missing::program;
		p.result.path = nullptr;
		p.result.directory = 11;
		const std::string said = words(exec_refused(p, ENOENT, p.candidates[0]));
		if (room)
			CHECK(said ==
				"exec \"" + cut + "\": \"ppppppppppp\" is no directory" +
					none);
		else
			CHECK(said.find("\"\"") == std::string::npos);
	}
}

/* A script that was saved with CR LF asks for "/bin/sh\r". */
TEST_CASE("words: one line, whatever a path has in it")
{
	spawnx_failure f =
		made(SPAWNX_STAGE_EXEC, EACCES, "/a\nb\t\033[1m\177\303\244 '");
	const std::string said = words(f);
	for (const char c : said)
		CHECK((static_cast<unsigned char>(c) >= ' ' && c != '\177'));
	CHECK(said.find("\303\244 '") != std::string::npos);
	direct p("/x");
	p.result.missing = missing::interpreter;
	std::strcpy(p.result.interpreter, "/bin/sh\r");
	const std::string cr = words(exec_refused(p, ENOENT, p.candidates[0]));
	CHECK(cr.find('\r') == std::string::npos);
	CHECK(cr.find("\"/bin/sh\"") == std::string::npos);
}

/* spawnx_lastfailure(3) promises it. */
TEST_CASE("words: 512 bytes are enough for any failure")
{
	int longest = 0;
	for (int error = 0; error < 4096; error++)
		if (std::strlen(strerror(error)) > std::strlen(strerror(longest)))
			longest = error;
	std::size_t most = 0;
	const auto measure = [&most](const spawnx_failure &f) {
		char buf[2048];
		if (spawnx_strfailure(&f, buf, sizeof(buf)) != 0)
			FAIL("not even " << sizeof(buf));
		most = std::max(most, std::strlen(buf) + 1);
	};
	for (int stage = -1; stage < 20; stage++) {
		for (int reserved = -2; reserved < 42; reserved++) {
			for (std::size_t path = 0; path <= 231; path += 77) {
				for (const int index : {INT_MIN, 0, 1, 2, 5, 8}) {
					spawnx_failure f = made(stage, longest);
					std::memset(f.text, 'x', sizeof(f.text));
					f.text[path] =
						'\0'; /* then a name; or all path */
					f.reserved = reserved;
					f.index = index;
					f.fd = INT_MIN;
					measure(f);
					f.fd = -1;
					measure(f);
					f.error =
						INT_MIN; /* an unknown number has digits */
					measure(f);
					if (reserved != 0)
						continue;
					f.error = ECANCELED; /* with a signal number */
					f.reserved = INT_MIN;
					measure(f);
				}
			}
		}
	}
	INFO("the longest has " << most);
	CHECK(most > 232);
	/* In other languages the last part may be longer: some room is left for that. */
	CHECK(most <= 512 - 128);
}
