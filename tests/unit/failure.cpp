/* SPDX-License-Identifier: MIT */
/* struct spawnx_failure: how it is made, handed out and remembered. */
#include <catch2/catch_test_macros.hpp>

#include <cerrno>
#include <cstring>
#include <string>
#include <sys/capability.h>
#include <thread>
#include <vector>

#include "failure.hpp"
#include "failures.hpp"
#include "features.hpp"
#include "launch.hpp"
#include "plan.hpp"
#include "spawnx.h"

using namespace spawnx_core;
using unit::made;

namespace
{

struct expected {
	int error, stage, index, fd;
	std::string text;
};

void compare(const spawnx_failure &f, const expected &e)
{
	CHECK(f.size == sizeof(f));
	CHECK(f.error == e.error);
	CHECK(f.stage == e.stage);
	CHECK(f.index == e.index);
	CHECK(f.fd == e.fd);
	CHECK(std::string(f.text) == e.text);
}

struct result result_of(int error, const step *at, const char *path)
{
	struct result r = {};
	r.entered = 1;
	r.error = error;
	r.at = at;
	r.path = path;
	return r;
}

plan no_plan()
{
	plan p = {};
	p.execfd = -1;
	return p;
}

spawnx_failure numbered()
{
	spawnx_failure f = made(2, 1, "text");
	f.index = 3;
	f.fd = 4;
	f.reserved = 5;
	return f;
}

/* The effective capability of one thread, which ends with it. */
template <typename F> void without_sys_admin(F f)
{
	std::thread thread([&] {
		const cap_value_t which = CAP_SYS_ADMIN;
		cap_t caps = cap_get_proc();
		cap_set_flag(caps, CAP_EFFECTIVE, 1, &which, CAP_CLEAR);
		cap_set_proc(caps);
		cap_free(caps);
		f();
	});
	thread.join();
}

bool has_sys_admin()
{
	cap_flag_value_t has = CAP_CLEAR;
	cap_t caps = cap_get_proc();
	cap_get_flag(caps, CAP_SYS_ADMIN, CAP_EFFECTIVE, &has);
	cap_free(caps);
	return has == CAP_SET;
}

} // namespace

TEST_CASE("each step's failure: stage, index, descriptor and path")
{
	const struct {
		step s;
		expected e;
	} rows[] = {
		{{op::clear_handlers, 0, -1, 0, 0, 0, nullptr},
			{EPERM, SPAWNX_STAGE_SIGNALS, -1, -1, ""}},
		{{op::default_signals, 0, -1, 0, 0, 0, nullptr},
			{EPERM, SPAWNX_STAGE_SIGNALS, -1, -1, ""}},
		{{op::sigmask, 0, -1, 0, 0, 0, nullptr},
			{EPERM, SPAWNX_STAGE_SIGNALS, -1, -1, ""}},
		{{op::restore_sigmask, 0, -1, 0, 0, 0, nullptr},
			{EPERM, SPAWNX_STAGE_SIGNALS, -1, -1, ""}},
		{{op::setsid, 0, -1, 0, 0, 0, nullptr},
			{EPERM, SPAWNX_STAGE_SESSION, -1, -1, ""}},
		{{op::setpgid, 0, -1, 55, 0, 0, nullptr},
			{EPERM, SPAWNX_STAGE_PGROUP, -1, -1, ""}},
		{{op::resetids, 0, -1, 0, 0, 0, nullptr},
			{EPERM, SPAWNX_STAGE_IDS, -1, -1, ""}},
		{{op::open, 0, 3, 7, 2, 0600, "/p"},
			{EPERM, SPAWNX_STAGE_ACTION, 3, 7, "/p"}},
		{{op::close, 0, 0, 8, 0, 0, nullptr},
			{EPERM, SPAWNX_STAGE_ACTION, 0, 8, ""}},
		{{op::dup2, 0, 1, 8, 9, 0, nullptr},
			{EPERM, SPAWNX_STAGE_ACTION, 1, 8, ""}},
		{{op::chdir, 0, 2, 0, 0, 0, "/d"},
			{EPERM, SPAWNX_STAGE_ACTION, 2, -1, "/d"}},
		{{op::fchdir, 0, 5, 6, 0, 0, nullptr},
			{EPERM, SPAWNX_STAGE_ACTION, 5, 6, ""}},
		{{op::closefrom, 0, 4, 9, 0, 0, nullptr},
			{EPERM, SPAWNX_STAGE_ACTION, 4, 9, ""}},
		{{op::tcsetpgrp, 0, 6, 2, 0, 0, nullptr},
			{EPERM, SPAWNX_STAGE_ACTION, 6, 2, ""}},
		{{op::setscheduler, 0, -1, 2, 7, 0, nullptr},
			{EPERM, SPAWNX_STAGE_SCHED, -1, -1, ""}},
		{{op::setparam, 0, -1, 0, 7, 0, nullptr},
			{EPERM, SPAWNX_STAGE_SCHED, -1, -1, ""}},
		/* No file actions, though of their stage. */
		{{op::cloexec_all, 0, -1, 0, 0, 0, nullptr},
			{EPERM, SPAWNX_STAGE_ACTION, -1, -1, ""}},
		{{op::listenfds, 0, -1, 3, 0, 0, nullptr},
			{EPERM, SPAWNX_STAGE_ACTION, -1, 4, ""}},
	};
	for (const auto &row : rows) {
		plan p = no_plan();
		p.result = result_of(EPERM, &row.s, nullptr);
		p.result.element = row.s.what == op::listenfds ? 4 : -1;
		INFO("row " << &row - rows);
		compare(launch_failure(p, {EPERM, true, 0, 77, -1}, "/given"), row.e);
	}
}

TEST_CASE("exec's failure: the candidate that was refused, else the name as given")
{
	plan p = no_plan();
	p.result = result_of(EACCES, nullptr, "/bin/candidate");
	compare(launch_failure(p, {EACCES, true, 0, 77, -1}, "given"),
		{EACCES, SPAWNX_STAGE_EXEC, -1, -1, "/bin/candidate"});
	p.result = result_of(ENOENT, nullptr, nullptr);
	compare(launch_failure(p, {ENOENT, true, 0, 77, -1}, "given"),
		{ENOENT, SPAWNX_STAGE_EXEC, -1, -1, "given"});
	p.result = result_of(0, nullptr, nullptr);
	const spawnx_failure killed =
		launch_failure(p, {ECANCELED, true, 15, 77, -1}, "given");
	compare(killed, {ECANCELED, SPAWNX_STAGE_EXEC, -1, -1, "given"});
	CHECK(killed.reserved == 15);
}

TEST_CASE("killed while it noted the step that had failed: the kill is what counts")
{
	const step s = {op::open, 0, 3, 7, 2, 0600, "/p"};
	plan p = no_plan();
	p.result = result_of(0, &s, nullptr);
	const spawnx_failure f =
		launch_failure(p, {ECANCELED, true, 9, 77, -1}, "/given");
	compare(f, {ECANCELED, SPAWNX_STAGE_EXEC, -1, -1, "/given"});
	CHECK(f.reserved == 9);
}

TEST_CASE("exec by descriptor: which, and the path if there is one")
{
	plan p = no_plan();
	p.execfd = 5;
	p.result = result_of(EBADF, nullptr, nullptr);
	compare(launch_failure(p, {EBADF, true, 0, 77, -1}, nullptr),
		{EBADF, SPAWNX_STAGE_EXEC, -1, 5, ""});
	compare(launch_failure(p, {EBADF, true, 0, 77, -1}, "/given"),
		{EBADF, SPAWNX_STAGE_EXEC, -1, 5, "/given"});
	const step s = {op::dup2, 0, 1, 8, 9, 0, nullptr};
	p.result = result_of(EBADF, &s, nullptr);
	compare(launch_failure(p, {EBADF, true, 0, 77, -1}, nullptr),
		{EBADF, SPAWNX_STAGE_ACTION, 1, 8, ""});
}

TEST_CASE("clone's failure is the kernel's, without a guess at why")
{
	plan p = no_plan();
	p.clone_flags = kernel::clone_vm;
	for (const int error : {EAGAIN, ENOMEM, EMFILE, EPERM})
		compare(launch_failure(p, {error, false, 0, -1, -1}, "/given"),
			{error, SPAWNX_STAGE_CLONE, -1, -1, ""});
}

TEST_CASE("autokill's EPERM names its condition only to a caller whom it concerns")
{
	const expected plain = {EPERM, SPAWNX_STAGE_CLONE, -1, -1, ""};
	const expected named = {
		EPERM, SPAWNX_STAGE_CLONE, feature::AUTOKILL, -1, "autokill"};
	const launched refused = {EPERM, false, 0, -1, -1};
	plan p = no_plan();
	p.native = feature::bit(feature::AUTOKILL);
	if (has_sys_admin())
		compare(launch_failure(p, refused, "/given"), plain);
	without_sys_admin([&] {
		compare(launch_failure(p, refused, "/given"), named);
		p.native |= feature::bit(feature::NONEWPRIVS);
		compare(launch_failure(p, refused, "/given"), plain);
		p.native = feature::bit(feature::AUTOREAP);
		compare(launch_failure(p, refused, "/given"), plain);
		p.native = feature::bit(feature::AUTOKILL);
		compare(launch_failure(p, {EAGAIN, false, 0, -1, -1}, "/given"),
			{EAGAIN, SPAWNX_STAGE_CLONE, -1, -1, ""});
	});
}

TEST_CASE("the cgroup is named for the refusals that only it can be the reason of")
{
	plan p = no_plan();
	p.cgroup = 12;
	p.clone_flags = kernel::clone_into_cgroup;
	for (const int error : {EAGAIN, ENOMEM, EMFILE, ENFILE, EPERM})
		compare(launch_failure(p, {error, false, 0, -1, -1}, "/given"),
			{error, SPAWNX_STAGE_CLONE, -1, -1, ""});
	const int its_own[] = {EBADF, EACCES, EBUSY, ENODEV, EOPNOTSUPP, EINVAL};
	for (const int error : its_own)
		compare(launch_failure(p, {error, false, 0, -1, -1}, "/given"),
			{error, SPAWNX_STAGE_CLONE, feature::INTO_CGROUP, 12,
				"into_cgroup"});
	p.clone_flags = kernel::clone_vm;
	for (const int error : its_own)
		compare(launch_failure(p, {error, false, 0, -1, -1}, "/given"),
			{error, SPAWNX_STAGE_CLONE, -1, -1, ""});
}

TEST_CASE("a refused argument and a missing feature")
{
	compare(argument_failure(argument::how),
		{EINVAL, SPAWNX_STAGE_ARGUMENT, -1, -1, ""});
	compare(argument_failure(argument::memory, ENOMEM),
		{ENOMEM, SPAWNX_STAGE_ARGUMENT, -1, -1, ""});
	compare(feature_failure(feature::AUTOREAP),
		{ENOTSUP, SPAWNX_STAGE_FEATURE, feature::AUTOREAP, -1, "autoreap"});
}

TEST_CASE("a path longer than the text is cut, and the text still ends")
{
	const std::string path(300, 'p');
	plan p = no_plan();
	p.result = result_of(ENOENT, nullptr, path.c_str());
	compare(launch_failure(p, {ENOENT, true, 0, 77, -1}, "given"),
		{ENOENT, SPAWNX_STAGE_EXEC, -1, -1, std::string(231, 'p')});
}

TEST_CASE("an output struct of any size: what fits, zeros behind, nothing past it")
{
	constexpr std::size_t most = 2 * sizeof(spawnx_failure);
	const spawnx_failure from = numbered();
	for (std::uint32_t size = 1; size <= most; size++) {
		alignas(spawnx_failure) unsigned char to[most + 8];
		unsigned char want[sizeof(to)];
		std::memset(to, '#', sizeof(to));
		std::memcpy(to, &size, sizeof(size));
		std::memcpy(want, to, sizeof(to));
		for (std::size_t i = sizeof(size); i < size; i++)
			want[i] = i < sizeof(from)
				? reinterpret_cast<const unsigned char *>(&from)[i]
				: 0;
		copy_out(reinterpret_cast<spawnx_failure *>(to), from);
		INFO("size " << size);
		REQUIRE(std::memcmp(to, want, sizeof(to)) == 0);
	}
}

TEST_CASE("each member arrives in a struct that ends with it, and not in a shorter one")
{
	const spawnx_failure from = numbered();
#define MEMBER(member, value)                                                            \
	{                                                                                \
		spawnx_failure to = {};                                                  \
		to.size = offsetof(spawnx_failure, member) + sizeof(int);                \
		copy_out(&to, from);                                                     \
		CHECK(to.member == value);                                               \
		to = {};                                                                 \
		to.size = offsetof(spawnx_failure, member);                              \
		copy_out(&to, from);                                                     \
		CHECK(to.member == 0);                                                   \
	}
	MEMBER(error, 1)
	MEMBER(stage, 2)
	MEMBER(index, 3)
	MEMBER(fd, 4)
	MEMBER(reserved, 5)
#undef MEMBER
}

TEST_CASE("the last failure is the calling thread's own")
{
	remember(made(SPAWNX_STAGE_EXEC, EACCES, "/mine"));
	std::thread([] {
		spawnx_failure f = {};
		f.size = sizeof(f);
		errno = 4095;
		CHECK(spawnx_lastfailure(&f) == ENOENT);
		CHECK(errno == ENOENT);
		CHECK(f.error == 0);
		remember(made(SPAWNX_STAGE_CLONE, EPERM));
		CHECK(spawnx_lastfailure(&f) == 0);
		compare(f, {EPERM, SPAWNX_STAGE_CLONE, -1, -1, ""});
	}).join();
	spawnx_failure f = {};
	f.size = sizeof(f);
	errno = 4095;
	CHECK(spawnx_lastfailure(&f) == 0);
	CHECK(errno == 4095);
	compare(f, {EACCES, SPAWNX_STAGE_EXEC, -1, -1, "/mine"});
}

TEST_CASE("the last failure needs a struct with a size")
{
	remember(made(SPAWNX_STAGE_EXEC, EACCES, "/mine"));
	CHECK(spawnx_lastfailure(nullptr) == EINVAL);
	spawnx_failure f = {};
	errno = 4095;
	CHECK(spawnx_lastfailure(&f) == EINVAL);
	CHECK(errno == EINVAL);
	CHECK(f.error == 0);
	f.size = offsetof(spawnx_failure, stage);
	CHECK(spawnx_lastfailure(&f) == 0);
	CHECK(f.error == EACCES);
	CHECK(f.stage == 0);
}
