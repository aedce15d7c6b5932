/* SPDX-License-Identifier: MIT */
/*
 * launch(), with memory that is shared (in unit-tests) and that is not (in fork-tests),
 * by clone3(2) and by clone(2): nothing may differ.
 */
#include "launching.hpp"

#include <snapshot.hpp>

#include <catch2/generators/catch_generators.hpp>

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include "request.hpp"

using namespace spawnx_core;
using feature::bit;
using unit::trial;

namespace
{

/* By clone3 with all this machine has, with handlers cleared by hand, by clone(2). */
constexpr uint64_t ways[] = {0, bit(feature::CLEAR_SIGHAND), bit(feature::CLONE3)};

step unknown_step(int index)
{
	return {static_cast<op>(4711), 0, index, 0, 0, 0, nullptr};
}

bool exists(const std::string &path)
{
	return access(path.c_str(), F_OK) == 0;
}

} // namespace

SPAWNX_TEST("launch: the program runs, and has no descriptor of the library's")
{
	for (const uint64_t without : ways) {
		trial t;
		t.without = without;
		t.pidfd = GENERATE(false, true);
		INFO("without features " << without << ", pidfd " << t.pidfd);
		const support::report r = t.run();
		CHECK(t.plan.clone3 == (without != bit(feature::CLONE3)));
		CHECK(t.plan.result.entered == !unit::forked);
		CHECK(unit::descriptors(r) == unit::inherited());
		CHECK(r.at("NoNewPrivs") == "0");
		CHECK(t.plan.report[0] == -1);
		CHECK(t.plan.report[1] == -1);
	}
}

SPAWNX_TEST("launch: no-new-privs, by the kernel or by prctl")
{
	for (const uint64_t without : ways) {
		trial t;
		t.without = without;
		REQUIRE(spawnxattr_setnonewprivs(t.attr, 1) == 0);
		INFO("without features " << without);
		CHECK(t.run().at("NoNewPrivs") == "1");
	}
}

SPAWNX_TEST("launch: session, group and file actions are done")
{
	for (const uint64_t without : ways) {
		const support::scratch file;
		trial t;
		t.without = without;
		const int fd = unit::free_descriptors(8).back();
		REQUIRE(spawnxattr_setflags(t.attr, SPAWNX_SETSID) == 0);
		spawnx_file_actions_addopen(t.actions, fd, file.path.c_str(), O_RDWR, 0);
		spawnx_file_actions_adddup2(t.actions, fd, 0);
		spawnx_file_actions_addclose(t.actions, fd);
		spawnx_file_actions_addchdir(t.actions, "/");
		const support::report r = t.run();
		INFO("without features " << without);
		CHECK(r.at("sid") == r.at("pid"));
		CHECK(r.at("pgid") == r.at("pid"));
		CHECK(r.at("fd.0") == file.path);
		CHECK(r.count("fd." + std::to_string(fd)) == 0);
		CHECK(r.at("cwd") == "/");
	}
}

SPAWNX_TEST("launch: a file action that fails is named, with the kernel's error")
{
	const int closed = unit::free_descriptors(9).back();
	const support::scratch file;
	const int no_directory = open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
	const struct {
		step s;
		int error;
	} rows[] = {
		{{op::open, 0, 0, 9, O_RDONLY, 0, "/nonexistent/x"}, ENOENT},
		{{op::open, 0, 0, 9, O_WRONLY, 0, "/"}, EISDIR},
		{{op::open, 0, 0, 9, O_CREAT | O_EXCL | O_RDWR, 0600, file.path.c_str()},
			EEXIST},
		{{op::dup2, 0, 0, closed, 1, 0, nullptr}, EBADF},
		{{op::dup2, 0, 0, closed, closed, 0, nullptr}, EBADF},
		{{op::chdir, 0, 0, 0, 0, 0, file.path.c_str()}, ENOTDIR},
		{{op::fchdir, 0, 0, closed, 0, 0, nullptr}, EBADF},
		{{op::fchdir, 0, 0, -1, 0, 0, nullptr}, EBADF},
		{{op::fchdir, 0, 0, no_directory, 0, 0, nullptr}, ENOTDIR},
		{unknown_step(0), ENOSYS},
	};
	for (const uint64_t without : ways) {
		for (const auto &row : rows) {
			step list[] = {
				{op::chdir, 0, 0, 0, 0, 0, "/"}, row.s, unknown_step(2)};
			list[1].index = 1;
			trial t;
			t.without = without;
			t.pidfd = true;
			t.lower().actions = list;
			t.plan.action_count = 3;
			INFO("without features " << without << ", row " << &row - rows);
			t.fail(row.error);
			CHECK(t.plan.result.at == &list[1]);
		}
	}
	close(no_directory);
}

SPAWNX_TEST("launch: a step before or after the file actions that fails is named")
{
	for (const uint64_t without : ways) {
		INFO("without features " << without);
		trial before;
		before.without = without;
		REQUIRE(spawnxattr_setflags(
				before.attr, SPAWNX_SETSID | SPAWNX_SETPGROUP) == 0);
		before.fail(EPERM); /* the leader of a session has its group for good */
		REQUIRE(before.plan.result.at);
		CHECK(before.plan.result.at->what == op::setpgid);
		CHECK(before.plan.result.at >= before.plan.head);
		CHECK(before.plan.result.at < before.plan.head + before.plan.head_count);

		trial after;
		after.without = without;
		after.lower();
		after.plan.tail[after.plan.tail_count++] = unknown_step(-1);
		after.fail(ENOSYS);
		CHECK(after.plan.result.at ==
			&after.plan.tail[after.plan.tail_count - 1]);
	}
}

SPAWNX_TEST("launch: nothing is done after the step that failed")
{
	const support::scratch file;
	const std::string later = file.path + ".later";
	trial t;
	spawnx_file_actions_addchdir(t.actions, "/nonexistent");
	spawnx_file_actions_addopen(t.actions, 9, later.c_str(), O_CREAT | O_RDWR, 0600);
	t.fail(ENOENT);
	CHECK_FALSE(exists(later));
}

SPAWNX_TEST("launch: exec's error, and which candidate was refused")
{
	const support::scratch closed, garbage;
	std::ofstream(garbage.path) << "neither an ELF file nor a script";
	chmod(garbage.path.c_str(), 0700);
	const std::string none = "/nonexistent/x", below = closed.path + "/x",
			  loop = std::string(5000, 'l');
	const struct {
		std::vector<std::string> candidates;
		int error;
		int refused; /* which candidate; -1: none was there */
	} rows[] = {
		{{none}, ENOENT, -1},
		{{""}, ENOENT, -1},
		{{none, below}, ENOTDIR, -1},
		{{}, ENOENT, -1},
		{{closed.path}, EACCES, 0},
		{{"/"}, EACCES, 0},
		{{none, closed.path, none, below}, EACCES, 1},
		{{none, garbage.path, closed.path}, ENOEXEC, 1},
		{{closed.path, garbage.path}, ENOEXEC, 1},
		{{none, loop, closed.path}, ENAMETOOLONG, 1},
	};
	for (const uint64_t without : ways) {
		for (const auto &row : rows) {
			trial t;
			t.without = without;
			t.programs = row.candidates;
			t.lower();
			INFO("without features " << without << ", row " << &row - rows);
			t.fail(row.error);
			CHECK(t.plan.result.at == nullptr);
			if (row.refused < 0)
				CHECK(t.plan.result.path == nullptr);
			else
				CHECK(t.plan.result.path ==
					t.plan.candidates[row.refused]);
		}
	}
}

SPAWNX_TEST("launch: a later candidate runs where those before are not there or closed")
{
	const support::scratch closed;
	trial t;
	t.programs = {"/nonexistent/x", closed.path, closed.path + "/x",
		support::helper("report"), "/nonexistent/y"};
	t.run();
}

SPAWNX_TEST("launch: clone refused, and nothing is left of it")
{
	for (const uint64_t without : ways) {
		trial t;
		t.without = without;
		t.pidfd = true;
		t.lower();
		t.plan.clone_flags |=
			0x00010000; /* CLONE_THREAD, without what it needs */
		t.launch();
		INFO("without features " << without);
		CHECK(t.launched.error == EINVAL);
		CHECK_FALSE(t.launched.cloned);
		CHECK(t.launched.pidfd == -1);
		CHECK(t.plan.report[0] == -1);
		CHECK(t.plan.report[1] == -1);
	}
}
