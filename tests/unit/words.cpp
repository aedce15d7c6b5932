/* SPDX-License-Identifier: MIT */
/* spawnx_strfailure: the words for every kind of failure, exactly. */
#include <catch2/catch_test_macros.hpp>

#include <cerrno>
#include <climits>
#include <cstring>
#include <string>
#include <vector>

#include "failure.hpp"
#include "failures.hpp"
#include "features.hpp"
#include "launch.hpp"
#include "plan.hpp"
#include "spawnx.h"

using namespace spawnx_core;
using unit::made;
using unit::words;

namespace
{

/* As if the child had stopped at this step. */
spawnx_failure stopped_at(const step &s, int error)
{
	plan p = {};
	const launched l = {error, true, 0, 77, -1};
	p.result.error = error;
	p.result.at = &s;
	return launch_failure(p, l, "/given");
}

step action(op what, int index, int a, int b = 0, const char *path = nullptr)
{
	return {what, 0, index, a, b, 0, path};
}

} // namespace

TEST_CASE("words of a file action: which, what, for which descriptor, why")
{
	CHECK(words(stopped_at(action(op::open, 2, 1, 0, "/var/log/x"), ENOENT)) ==
		"file action 2: open \"/var/log/x\" for fd 1: No such file or directory");
	CHECK(words(stopped_at(action(op::close, 0, 7), EIO)) ==
		"file action 0: close fd 7: Input/output error");
	CHECK(words(stopped_at(action(op::dup2, 1, 8, 9), EBADF)) ==
		"file action 1: dup2 of fd 8: Bad file descriptor");
	CHECK(words(stopped_at(action(op::chdir, 3, 0, 0, "/no where"), EACCES)) ==
		"file action 3: chdir to \"/no where\": Permission denied");
	CHECK(words(stopped_at(action(op::fchdir, 12, 10), ENOTDIR)) ==
		"file action 12: fchdir to fd 10: Not a directory");
	CHECK(words(stopped_at(action(op::closefrom, 4, 3), ENOENT)) ==
		"file action 4: closefrom fd 3: No such file or directory");
	CHECK(words(stopped_at(action(op::tcsetpgrp, 5, 2), ENOTTY)) ==
		"file action 5: tcsetpgrp of fd 2: Inappropriate ioctl for device");
}

TEST_CASE("words of what is done to descriptors, but is no file action")
{
	CHECK(words(stopped_at(action(op::cloexec_all, -1, 0), ENOENT)) ==
		"close-on-exec for every descriptor: No such file or directory");
	const step s = action(op::listenfds, -1, 3);
	plan p = {};
	p.result.error = EBADF;
	p.result.at = &s;
	p.result.element = 4;
	CHECK(words(launch_failure(p, {EBADF, true, 0, 77, -1}, "/given")) ==
		"fd 4, which listenfds announces: Bad file descriptor");
}

TEST_CASE("words of a file action that somebody put together by hand")
{
	spawnx_failure f = made(SPAWNX_STAGE_ACTION, EBADF, "/x");
	f.index = 4;
	f.fd = 5;
	CHECK(words(f) == "file action 4: fd 5 \"/x\": Bad file descriptor");
	f.reserved = INT_MAX;
	CHECK(words(f) == "file action 4: fd 5 \"/x\": Bad file descriptor");
}

TEST_CASE("words of each step of the child that is no file action")
{
	CHECK(words(stopped_at(action(op::clear_handlers, -1, 0), EINVAL)) ==
		"signals: Invalid argument");
	CHECK(words(stopped_at(action(op::default_signals, -1, 0), EINVAL)) ==
		"signals: Invalid argument");
	CHECK(words(stopped_at(action(op::sigmask, -1, 0), EINVAL)) ==
		"signals: Invalid argument");
	CHECK(words(stopped_at(action(op::restore_sigmask, -1, 0), EINVAL)) ==
		"signals: Invalid argument");
	CHECK(words(stopped_at(action(op::setsid, -1, 0), EPERM)) ==
		"setsid: Operation not permitted");
	CHECK(words(stopped_at(action(op::setpgid, -1, 4711), ESRCH)) ==
		"setpgid: No such process");
	CHECK(words(stopped_at(action(op::resetids, -1, 0), EAGAIN)) ==
		"reset of the effective ids: Resource temporarily unavailable");
	CHECK(words(stopped_at(action(op::setscheduler, -1, 2, 7), EPERM)) ==
		"scheduling: Operation not permitted");
	CHECK(words(stopped_at(action(op::setparam, -1, 0, 7), EINVAL)) ==
		"scheduling: Invalid argument");
}

/* prctl can be refused by a seccomp filter; what is blocked is then not clone3. */
TEST_CASE("words of no-new-privs by prctl, refused")
{
	const spawnx_failure f = stopped_at(action(op::no_new_privs, -1, 0), EPERM);
	CHECK(f.stage == SPAWNX_STAGE_FEATURE);
	CHECK(f.index == feature::NONEWPRIVS);
	CHECK(std::string(f.text) == "nonewprivs");
	const std::string text = words(f);
	INFO(text);
	CHECK(text.find("nonewprivs: ") == 0);
	CHECK(text.find("clone3") == std::string::npos);
	/* As for any feature that is lacking. */
	CHECK(f.error == ENOTSUP);
	CHECK(text.find(": Operation not supported") != std::string::npos);
}

TEST_CASE("words of an argument")
{
	const struct {
		argument which;
		const char *text;
	} rows[] = {
		{argument::path, "argument: path is NULL: Invalid argument"},
		{argument::argv, "argument: argv is NULL: Invalid argument"},
		{argument::pidfd,
			"argument: the place for the pidfd is NULL: Invalid argument"},
		{argument::attr,
			"argument: the attributes object is not initialized: Invalid argument"},
		{argument::actions,
			"argument: the file actions object is not initialized: Invalid argument"},
		{argument::how, "argument: unknown bits in how: Invalid argument"},
		{argument::size,
			"argument: the size of an output struct is 0: Invalid argument"},
		{argument::autokill_without_pidfd,
			"argument: autokill needs a call that returns a pidfd: Invalid argument"},
	};
	for (const auto &row : rows)
		CHECK(words(argument_failure(row.which)) == row.text);
	CHECK(words(argument_failure(argument::memory, ENOMEM)) ==
		"argument: no memory: Cannot allocate memory");
	spawnx_failure f = argument_failure(argument::path);
	for (const int unknown : {0, -1, 99, INT_MAX, INT_MIN}) {
		f.reserved = unknown;
		CHECK(words(f) == "argument: not accepted: Invalid argument");
	}
}

TEST_CASE(
	"words of a missing feature: its name, what the kernel calls it, and since when")
{
	const struct {
		unsigned id;
		const char *text;
	} rows[] = {
		{0, "autoreap: this kernel has no CLONE_AUTOREAP (since Linux 7.1)"},
		{1, "autokill: this kernel has no CLONE_PIDFD_AUTOKILL (since Linux 7.1)"},
		{2, "nonewprivs: this kernel has no CLONE_NNP (since Linux 7.1)"},
		{3, "clone3: this kernel has no clone3(2) (since Linux 5.3)"},
		{4, "clear_sighand: this kernel has no CLONE_CLEAR_SIGHAND (since Linux 5.5)"},
		{5, "into_cgroup: this kernel has no CLONE_INTO_CGROUP (since Linux 5.7)"},
		{6, "pidfd: this kernel has no waitid(P_PIDFD) (since Linux 5.4)"},
		{7, "exit_info: this kernel has no PIDFD_INFO_EXIT (since Linux 6.15)"},
		{8, "close_range: this kernel has no close_range(2) (since Linux 5.9)"},
	};
	for (const auto &row : rows) {
		spawnx_failure f = feature_failure(row.id);
		f.reserved = 0; /* clone3 is there, whatever this machine says */
		CHECK(words(f) == std::string(row.text) + ": Operation not supported");
	}
}

TEST_CASE("words of a missing feature: the cause is that clone3 cannot be had")
{
	spawnx_failure f = feature_failure(feature::AUTOKILL);
	f.reserved = EPERM;
	CHECK(words(f) ==
		"autokill: clone3(2) is blocked, as by a seccomp filter (EPERM): "
		"Operation not supported");
	f.reserved = ENOSYS;
	CHECK(words(f) ==
		"autokill: clone3(2) is absent or blocked (ENOSYS): Operation not supported");
	f.reserved = 0;
	f.index = 4711;
	CHECK(words(f) == "autokill: this kernel lacks it: Operation not supported");
	f.index = -1;
	CHECK(words(f) == "autokill: this kernel lacks it: Operation not supported");
}

TEST_CASE("words of clone: the kernel's error, and autokill's condition")
{
	spawnx_failure f = made(SPAWNX_STAGE_CLONE, EAGAIN);
	CHECK(words(f) == "clone3: Resource temporarily unavailable");
	f = made(SPAWNX_STAGE_CLONE, EPERM, "autokill");
	f.index = feature::AUTOKILL;
	CHECK(words(f) ==
		"clone3: autokill needs no-new-privs or CAP_SYS_ADMIN: Operation not permitted");
	f = made(SPAWNX_STAGE_CLONE, EBADF, "into_cgroup");
	f.index = feature::INTO_CGROUP;
	f.fd = 12;
	CHECK(words(f) == "clone3 into the cgroup of fd 12: Bad file descriptor");
}

TEST_CASE("words of every stage, those to come included")
{
	static const char *const stages[] = {"unknown stage", nullptr, nullptr, nullptr,
		"signals", "scheduling", "limits", "setsid", "setpgid", "ids", nullptr,
		"umask", "capabilities", "pdeathsig", "landlock", "seccomp", "idmap",
		"guard", nullptr, "unknown stage"};
	for (int stage = 0; stage < 20; stage++) {
		if (!stages[stage])
			continue; /* has words of its own, above */
		const std::string name = stages[stage];
		CHECK(words(made(stage, EPERM)) == name + ": Operation not permitted");
		CHECK(words(made(stage, EPERM, "a b")) ==
			name + " \"a b\": Operation not permitted");
	}
	for (const int stage : {-1, INT_MAX, INT_MIN})
		CHECK(words(made(stage, EPERM)) ==
			"unknown stage: Operation not permitted");
}

TEST_CASE(
	"words do not fit: ERANGE at each length, always terminated, never past the end")
{
	const spawnx_failure f =
		stopped_at(action(op::open, 2, 1, 0, "/var/log/x"), ENOENT);
	const std::string all = words(f);
	for (std::size_t len = 1; len <= all.size() + 2; len++) {
		std::vector<char> buf(len + 8, '#');
		errno = 4095;
		const int error = spawnx_strfailure(&f, buf.data(), len);
		INFO("length " << len);
		REQUIRE(error == (len <= all.size() ? ERANGE : 0));
		REQUIRE(errno == (error ? ERANGE : 4095));
		REQUIRE(buf.data() == all.substr(0, len - 1));
		REQUIRE(std::string(buf.data() + len, 8) == "########");
	}
}

TEST_CASE("words: nothing to say it of, or no room at all")
{
	spawnx_failure f = made(SPAWNX_STAGE_EXEC, ENOENT, "/x");
	char buf[8] = "before";
	errno = 4095;
	CHECK(spawnx_strfailure(nullptr, buf, sizeof(buf)) == EINVAL);
	CHECK(errno == EINVAL);
	CHECK(spawnx_strfailure(&f, nullptr, 8) == EINVAL);
	CHECK(spawnx_strfailure(&f, buf, 0) == EINVAL);
	f.size = 0;
	CHECK(spawnx_strfailure(&f, buf, sizeof(buf)) == EINVAL);
	CHECK(std::string(buf) == "before");
}

TEST_CASE("words of a shorter struct, from an older caller: what it has")
{
	spawnx_failure f = stopped_at(action(op::open, 2, 1, 0, "/var/log/x"), ENOENT);
	f.size = offsetof(spawnx_failure, text);
	CHECK(words(f) == "file action 2: open \"\" for fd 1: No such file or directory");
	f.size = offsetof(spawnx_failure, text) + 4;
	CHECK(words(f) ==
		"file action 2: open \"/var\" for fd 1: No such file or directory");
	f.size = offsetof(spawnx_failure, stage);
	CHECK(words(f) == "unknown stage: No such file or directory");
}

TEST_CASE("words of a longer struct, from a newer caller; of text without an end")
{
	struct {
		spawnx_failure f;
		char more[64];
	} longer;
	std::memset(&longer, '!', sizeof(longer));
	longer.f = made(SPAWNX_STAGE_EXEC, ENOENT);
	longer.f.size = sizeof(longer);
	std::memset(longer.f.text, 'x', sizeof(longer.f.text));
	CHECK(words(longer.f) ==
		"exec \"" + std::string(231, 'x') + "\": No such file or directory");
}
