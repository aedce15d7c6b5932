/* SPDX-License-Identifier: MIT */
/* addmapfds: the child's whole descriptor table is compared with what it must be. */
#include "refusal.hpp"
#include "tables.hpp"

#include <cerrno>
#include <fcntl.h>
#include <numeric>
#include <random>
#include <sys/resource.h>

using namespace support;

namespace
{

struct mapping {
	std::vector<int> src, dst;
};

int add(file_actions &actions, const mapping &m)
{
	return CALL(spawnx_file_actions_addmapfds(
		actions, m.src.size(), m.src.data(), m.dst.data()));
}

table with(table t, const mapping &m, const table &ours)
{
	for (std::size_t i = 0; i < m.src.size(); i++)
		t[m.dst[i]] = ours.at(m.src[i]);
	return t;
}

void check_alone(const mapping &m)
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_CLOEXEC_DEFAULT)) == 0);
	file_actions actions;
	REQUIRE(add(actions, m) == 0);
	const table expected = with({}, m, our_table());
	CHECK(difference(table_of(spawn_report(actions, attr)), expected) == "");
}

/* Each way: beside what the child inherits, and alone. */
void check(const mapping &m)
{
	file_actions actions;
	REQUIRE(add(actions, m) == 0);
	const table expected = with(inherited_table(), m, our_table());
	CHECK(difference(table_of(spawn_report(actions)), expected) == "");
	check_alone(m);
}

} // namespace

SPAWNX_TEST("addmapfds: identity, moves, chains, circles, one source for many")
{
	/* 40 to 43 are close-on-exec, 44 and 45 are not; nothing else is open there. */
	const opened a(40), b(41), c(42), d(43), e(44, 0), f(45, 0);
	const mapping cases[] = {
		{{40}, {40}},		      /* identity */
		{{44, 40}, {44, 40}},	      /* and of one that is inherited anyway */
		{{40}, {50}},		      /* a free number */
		{{40}, {45}},		      /* one in use */
		{{40, 41}, {41, 40}},	      /* swap */
		{{44, 45}, {45, 44}},	      /* of two without close-on-exec */
		{{40, 41, 42}, {41, 42, 40}}, /* circles of three, both ways round */
		{{40, 41, 42}, {42, 40, 41}},
		{{40, 41, 42, 43}, {41, 40, 43, 42}}, /* two circles */
		{{40, 44, 41, 42, 45}, {44, 40, 42, 45, 41}},
		{{40, 41, 42},
			{41, 42, 43}}, /* a chain, in the wrong order and the right */
		{{42, 41, 40}, {43, 42, 41}},
		{{40, 40, 40}, {50, 51, 52}}, /* one source for many */
		{{40, 40, 41}, {41, 50, 40}}, /* one of a circle goes elsewhere, too */
		{{40, 40, 40, 41}, {40, 41, 50, 51}}, /* stays and is copied */
		{{40, 41, 42, 42}, {41, 40, 42, 50}}, /* a circle beside a stay */
		{{41, 40, 41, 44}, {40, 41, 44, 50}},
		{{40, 41, 42}, {0, 1, 2}}, /* on the standard ones */
		{{0, 1, 2}, {2, 0, 1}},
	};
	for (const mapping &m : cases) {
		INFO("case " << &m - cases);
		check(m);
	}
	/* Ours stay what they were: close-on-exec is the child's business. */
	for (int fd = 40; fd < 46; fd++)
		CHECK(fcntl(fd, F_GETFD) == (fd < 44 ? FD_CLOEXEC : 0));
}

SPAWNX_TEST("addmapfds: random permutations and random maps of 1 to 40 descriptors")
{
	std::mt19937 random(20260);
	const int first = 40, most = 40;
	std::vector<std::unique_ptr<opened>> files;
	for (int fd = first; fd < first + most; fd++)
		files.push_back(std::make_unique<opened>(fd, fd % 3 ? O_CLOEXEC : 0));

	for (int n = 1; n <= most; n++) {
		INFO("of " << n);
		mapping m;
		m.src.resize(static_cast<std::size_t>(n));
		std::iota(m.src.begin(), m.src.end(), first);
		m.dst = m.src;
		std::shuffle(m.dst.begin(), m.dst.end(), random);
		std::shuffle(m.src.begin(), m.src.end(), random);
		check(m);
		/* Any function: targets open or not, sources shared. */
		for (int &fd : m.src)
			fd = first + static_cast<int>(random() % most);
		std::vector<int> numbers(most + 20);
		std::iota(numbers.begin(), numbers.end(), first);
		std::shuffle(numbers.begin(), numbers.end(), random);
		m.dst.assign(numbers.begin(), numbers.begin() + n);
		check(m);
	}
}

SPAWNX_TEST("addmapfds: what it refuses leaves the actions as they were")
{
	const opened a(40), b(41);
	file_actions actions;
	const int some[] = {40, 41, 41}, twice[] = {50, 51, 50};
	const int huge = 1 << 30;
	spawnx_file_actions_t none = nullptr;
	const auto map = [&](std::size_t n, const int *src, const int *dst) {
		return CALL(spawnx_file_actions_addmapfds(actions, n, src, dst));
	};
	CHECK(map(3, some, twice) == EINVAL);
	CHECK(map(3, twice, some) == EINVAL);
	CHECK(map(1, nullptr, some) == EINVAL);
	CHECK(map(1, some, nullptr) == EINVAL);
	CHECK(CALL(spawnx_file_actions_addmapfds(nullptr, 1, some, some)) == EINVAL);
	CHECK(CALL(spawnx_file_actions_addmapfds(&none, 1, some, some)) == EINVAL);
	for (const int bad : {-1, huge}) {
		CHECK(map(1, &bad, some) == EBADF);
		CHECK(map(1, some, &bad) == EBADF);
	}
	REQUIRE(map(2, some, some + 1) == EINVAL); /* 41 and 41 */
	/* None of those counts, and nothing of them is left. */
	REQUIRE(CALL(spawnx_file_actions_adddup2(actions, 99, 98)) == 0);
	CHECK(must_fail(EBADF, SPAWNX_STAGE_ACTION, actions).index == 0);
}

SPAWNX_TEST("addmapfds of nothing is an action that does nothing, and counts")
{
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addmapfds(actions, 0, nullptr, nullptr)) == 0);
	CHECK(difference(table_of(spawn_report(actions)), inherited_table()) == "");
	REQUIRE(CALL(spawnx_file_actions_adddup2(actions, 99, 98)) == 0);
	CHECK(must_fail(EBADF, SPAWNX_STAGE_ACTION, actions).index == 1);
}

SPAWNX_TEST("addmapfds: a source that is not open is named; a map is one action")
{
	const opened a(40), b(41), c(42);
	const struct {
		mapping m;
		int fd;
	} cases[] = {
		{{{99}, {98}}, 99},
		{{{99}, {99}}, 99},	    /* onto itself */
		{{{40, 99}, {41, 50}}, 99}, /* beside one that is */
		{{{99, 40}, {40, 41}}, 99}, /* at the end of a chain */
		{{{99, 40}, {40, 99}}, 99}, /* in a circle, first and second */
		{{{40, 99}, {99, 40}}, 99},
		{{{40, 41, 99}, {41, 99, 40}}, 99},
	};
	for (const auto &one : cases) {
		INFO("case " << &one - cases);
		file_actions actions;
		const mapping circle = {{40, 41, 42}, {41, 42, 40}};
		REQUIRE(add(actions, circle) == 0);
		REQUIRE(CALL(spawnx_file_actions_addclose(actions, 97)) == 0);
		REQUIRE(add(actions, one.m) == 0);
		REQUIRE(CALL(spawnx_file_actions_addclose(actions, 97)) == 0);
		const spawnx_failure f = must_fail(EBADF, SPAWNX_STAGE_ACTION, actions);
		CHECK(f.index == 2);
		CHECK(f.fd == one.fd);
		CHECK(std::string(f.text).empty());
		CHECK(in_words(f) == "file action 2: map of fd 99: Bad file descriptor");
	}
	/* The number that the one which waits would get, had it not been looked at before. */
	const int lowest = dup(0);
	close(lowest);
	for (const mapping &m : {mapping{{40, 41, lowest}, {41, lowest, 40}},
		     mapping{{41, lowest}, {lowest, 41}},
		     mapping{{lowest, 41}, {41, lowest}}}) {
		file_actions actions;
		REQUIRE(add(actions, m) == 0);
		const spawnx_failure f = must_fail(EBADF, SPAWNX_STAGE_ACTION, actions);
		CHECK(f.index == 0);
		CHECK(f.fd == lowest);
	}
	/* More steps, but one action: what follows is number 1. */
	file_actions actions;
	REQUIRE(add(actions, {{40, 41}, {41, 40}}) == 0);
	REQUIRE(CALL(spawnx_file_actions_addchdir(actions, "/nonexistent")) == 0);
	CHECK(must_fail(ENOENT, SPAWNX_STAGE_ACTION, actions).index == 1);
}

SPAWNX_TEST("addmapfds in a full table: only a circle needs one number more")
{
	/* Everything from 0 to 41 is open, and 42 is the limit. */
	const opened a(40), b(41);
	std::vector<std::unique_ptr<opened>> rest;
	for (int fd = 3; fd < 40; fd++)
		if (fcntl(fd, F_GETFD) < 0) /* all close-on-exec: report needs room */
			rest.push_back(std::make_unique<opened>(fd));
	file_actions chain, circle, circles;
	REQUIRE(add(chain, {{40, 41}, {41, 39}}) == 0);
	REQUIRE(add(circle, {{40, 41}, {41, 40}}) == 0);
	REQUIRE(add(circles, {{40, 41, 38, 39}, {41, 40, 39, 38}}) == 0);
	const table ours = our_table();
	rlimit before, full;
	REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
	full = before;
	full.rlim_cur = 42;

	const scratch to, to2;
	const strings argv({"report", to.path}), argv2({"report", to2.path}), envp({});
	spawn_report(); /* so that no pipe is needed */
	pid_t pid = -1, pid2 = -1, none = -7;
	const std::string program = helper("report");
	setrlimit(RLIMIT_NOFILE, &full);
	const int error = spawnx(&pid, program.c_str(), chain, nullptr, argv, envp);
	const int refused = spawnx(&none, program.c_str(), circle, nullptr, argv, envp);
	full.rlim_cur++; /* one is enough for all of them, in turn */
	setrlimit(RLIMIT_NOFILE, &full);
	const int error2 = spawnx(&pid2, program.c_str(), circles, nullptr, argv2, envp);
	setrlimit(RLIMIT_NOFILE, &before);
	REQUIRE(error == 0);
	REQUIRE(error2 == 0);
	CHECK(wait_pid(pid) == 0);
	CHECK(wait_pid(pid2) == 0);
	const table child2 = table_of(parse_report(to2.path));
	for (const int fd : {38, 39, 40, 41})
		CHECK(child2.at(fd) == ours.at(fd ^ 1));
	const table child = table_of(parse_report(to.path));
	CHECK(child.at(41) == ours.at(40));
	CHECK(child.at(39) == ours.at(41));
	CHECK(child.count(40) == 0);
	CHECK(refused == EMFILE);
	CHECK(none == -7);
	CHECK(in_words(last_failure()) ==
		"file action 0: map of fd 40: Too many open files");
	CHECK(last_failure().fd == 40);
}

SPAWNX_TEST("close-by-default among ten thousand descriptors keeps what a map makes")
{
	rlimit before, many;
	REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
	many = before;
	many.rlim_cur = std::min<rlim_t>(before.rlim_max, 10100);
	REQUIRE(setrlimit(RLIMIT_NOFILE, &many) == 0);
	std::vector<int> fds; /* inheritable, all of them */
	while (fds.size() < many.rlim_cur - 100)
		fds.push_back(dup(0));
	{
		const int last = fds.back();
		const opened a(last + 1, 0), b(last + 2, 0);
		check_alone({{last + 1, last + 2}, {last + 2, last + 1}});
		check_alone({{last + 1, last + 2}, {0, 100}});
	}
	for (const int fd : fds)
		close(fd);
	setrlimit(RLIMIT_NOFILE, &before);
	CHECK(std::count(fds.begin(), fds.end(), -1) == 0);
}

/* Only the first spawn of a process has a pipe: tests/spawn/meson.build. */
SPAWNX_TEST("addmapfds onto the pipe of a first spawn: its result is in nobody's file",
	"[firstmap]")
{
	/* The lowest free numbers: the pipe's, and the next. */
	std::vector<int> low;
	for (int fd = 3; low.size() < 4; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			low.push_back(fd);
	const opened a(40), b(41);
	const mapping m = {
		{40, 41, 40, 41, 40, 41}, {41, 40, low[0], low[1], low[2], low[3]}};
	file_actions failing, actions;
	for (file_actions *one : {&failing, &actions})
		REQUIRE(add(*one, m) == 0);
	REQUIRE(CALL(spawnx_file_actions_addchdir(failing, "/nonexistent")) == 0);
	CHECK(must_fail(ENOENT, SPAWNX_STAGE_ACTION, failing).index == 1);
	for (const int fd : {40, 41})
		CHECK(lseek(fd, 0, SEEK_END) == 0);
	const table expected = with(inherited_table(), m, our_table());
	CHECK(difference(table_of(spawn_report(actions)), expected) == "");
}
