/* SPDX-License-Identifier: MIT */
/*
 * Without memory a setter is ENOMEM, and the object is as it was: with nothing set, and
 * with another value. Each allocation of each setter fails in turn.
 */
#include "allocator.hpp"

#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <spawnx/libcap.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/filter.h>
#include <string>
#include <vector>

#include "request.hpp"

using namespace support;
using namespace fault;

namespace
{

/* How many allocations call() has made; the one after the last failing one succeeds. */
template <typename F, typename G> long refused_each(F call, G unchanged)
{
	for (long at = 0;; at++) {
		const long before = kept;
		fails_at = at;
		const int error = CALL(call());
		const bool failed = fails_at < 0;
		fails_at = -1;
		if (!failed) {
			CHECK(error == 0);
			return at;
		}
		INFO("allocation " << at);
		CHECK(error == ENOMEM);
		CHECK(kept == before);
		unchanged();
	}
}

/*
 * One attribute: set(which) sets the first or the second of two values, get() tells which
 * one is set, 1 or 2, or 0 for none.
 */
template <typename F, typename G>
void refused_setter(long allocations_of_one, F set, G get)
{
	REQUIRE(get() == 0);
	CHECK(refused_each([&] { return set(1); }, [&] { CHECK(get() == 0); }) ==
		allocations_of_one);
	CHECK(get() == 1);
	const long one = kept;
	CHECK(refused_each([&] { return set(2); }, [&] { CHECK(get() == 1); }) ==
		allocations_of_one);
	CHECK(get() == 2);
	CHECK(kept == one); /* the old value is freed */
}

const gid_t group_lists[][2] = {{}, {20, 10}, {7, 5}};
sock_filter programs[][1] = {
	{}, {BPF_STMT(BPF_RET | BPF_K, 1)}, {BPF_STMT(BPF_RET | BPF_K, 2)}};
const char *const maps[] = {nullptr, "0 1000 1", "0 1001 1"};
const char *const iabs[] = {nullptr, "!cap_chown", "^cap_kill"};

int set_groups(spawnxattr_t *attr, int which)
{
	return spawnxattr_setgroups(attr, 2, group_lists[which]);
}

int set_seccomp(spawnxattr_t *attr, int which)
{
	const sock_fprog program = {1, programs[which]};
	return spawnxattr_setseccomp(attr, &program);
}

int set_affinity(spawnxattr_t *attr, int which)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(which, &set);
	return spawnxattr_setaffinity(attr, sizeof(set), &set);
}

/* Which of the two texts it is; 3: another. */
int which_text(const char *text, const char *const (&texts)[3])
{
	return std::string(text) == texts[1] ? 1 : std::string(text) == texts[2] ? 2 : 3;
}

int which_iab(spawnxattr_t *attr)
{
	const char *text;
	return CALL(spawnxattr_getcap_iab_text(attr, &text)) ? 0 : which_text(text, iabs);
}

} // namespace

SPAWNX_TEST("no memory for groups")
{
	attributes attr;
	refused_setter(
		1, [&](int which) { return set_groups(attr, which); },
		[&] {
			std::size_t n;
			const gid_t *groups;
			if (CALL(spawnxattr_getgroups(attr, &n, &groups)) == ENOENT)
				return 0;
			CHECK(n == 2);
			return groups[0] == 20 && groups[1] == 10 ? 1
				: groups[0] == 7		  ? 2
								  : 3;
		});
}

SPAWNX_TEST("no memory for a seccomp program")
{
	attributes attr;
	refused_setter(
		1, [&](int which) { return set_seccomp(attr, which); },
		[&] {
			sock_fprog program;
			if (CALL(spawnxattr_getseccomp(attr, &program)) == ENOENT)
				return 0;
			CHECK(program.len == 1);
			return static_cast<int>(program.filter[0].k);
		});
}

SPAWNX_TEST("no memory for a longer seccomp program leaves the length of the shorter")
{
	attributes attr;
	REQUIRE(CALL(set_seccomp(attr, 1)) == 0);
	sock_filter two[] = {programs[2][0], programs[2][0]};
	const sock_fprog longer = {2, two};
	fails_at = 0;
	CHECK(CALL(spawnxattr_setseccomp(attr, &longer)) == ENOMEM);
	fails_at = -1;
	sock_fprog program;
	REQUIRE(CALL(spawnxattr_getseccomp(attr, &program)) == 0);
	CHECK(program.len == 1);
}

SPAWNX_TEST("no memory for id maps, the first or the second of them")
{
	attributes attr;
	refused_setter(
		2,
		[&](int which) {
			return spawnxattr_setidmap(attr, maps[which], maps[which]);
		},
		[&] {
			const char *uid, *gid;
			if (CALL(spawnxattr_getidmap(attr, &uid, &gid)) == ENOENT)
				return 0;
			CHECK(std::strcmp(uid, gid) == 0);
			return which_text(uid, maps);
		});
	/* One without the other is one allocation, and the other is then gone. */
	const long both = kept;
	CHECK(refused_each([&] { return spawnxattr_setidmap(attr, nullptr, maps[1]); },
		      [] {}) == 1);
	CHECK(kept == both - 1);
}

SPAWNX_TEST("no memory for a set of CPUs")
{
	attributes attr;
	refused_setter(
		1, [&](int which) { return set_affinity(attr, which); },
		[&] {
			cpu_set_t set;
			if (CALL(spawnxattr_getaffinity(attr, sizeof(set), &set)) ==
				ENOENT)
				return 0;
			CHECK(CPU_COUNT(&set) == 1);
			return CPU_ISSET(1, &set) ? 1 : CPU_ISSET(2, &set) ? 2 : 3;
		});
}

SPAWNX_TEST("no memory for a capability text, in libcap or here")
{
	attributes attr;
	refused_setter(
		2,
		[&](int which) { return spawnxattr_setcap_iab_text(attr, iabs[which]); },
		[&] { return which_iab(attr); });
}

SPAWNX_TEST("no memory for a capability object, in libcap or here")
{
	attributes attr;
	refused_setter(
		2,
		[&](int which) {
			/* Made and freed while nothing is counted: they are the caller's. */
			const long before = kept, left = fails_at;
			fails_at = -1;
			cap_iab_t iab = cap_iab_from_text(iabs[which]);
			fails_at = left;
			const int error = spawnxattr_setcap_iab(attr, iab);
			const int number = errno;
			const long after = fails_at;
			fails_at = -1;
			cap_free(iab);
			fails_at = after;
			errno = number;
			CHECK(kept - before <= 1);
			return error;
		},
		[&] { return which_iab(attr); });
}

SPAWNX_TEST("no memory for a capability object that is handed out")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setcap_iab_text(attr, iabs[1])) == 0);
	cap_iab_t iab = nullptr;
	CHECK(refused_each([&] { return spawnxattr_getcap_iab(attr, &iab); },
		      [&] { CHECK(iab == nullptr); }) == 1);
	CHECK(iab != nullptr);
	cap_free(iab);
}

SPAWNX_TEST("no memory for a map or an open leaves the file actions as they were")
{
	file_actions actions;
	const int src[] = {3, 4}, dst[] = {4, 3};
	/* So that there is room for some, but not for the next map: the list must grow. */
	for (int i = 0; i < 7; i++)
		REQUIRE(CALL(spawnx_file_actions_addclose(actions, 9)) == 0);
	std::vector<spawnx_core::step> before;
	const auto look = [&] {
		const spawnx_actions &a = *actions.handle;
		before.assign(a.steps, a.steps + a.count);
	};
	const auto unchanged = [&] {
		const spawnx_actions &a = *actions.handle;
		REQUIRE(a.count == before.size());
		CHECK(std::memcmp(a.steps, before.data(), a.count * sizeof(a.steps[0])) ==
			0);
		CHECK_FALSE(a.closes_ranges);
		CHECK_FALSE(a.sets_tcpgrp);
		CHECK_FALSE(a.sets_ctty);
	};
	look();
	const long list = kept;
	CHECK(refused_each(
		      [&] { return spawnx_file_actions_addmapfds(actions, 2, src, dst); },
		      unchanged) == 2);
	CHECK(kept == list);
	CHECK(actions.handle->added == 8);
	CHECK(actions.handle->count == 12);

	while (actions.handle->count < actions.handle->capacity)
		REQUIRE(CALL(spawnx_file_actions_addclose(actions, 9)) == 0);
	look();
	const std::size_t added = actions.handle->added;
	CHECK(refused_each(
		      [&] {
			      return spawnx_file_actions_addopenat(
				      actions, 5, AT_FDCWD, "x", O_RDONLY, 0);
		      },
		      unchanged) == 2);
	CHECK(actions.handle->added == added + 1);
}

SPAWNX_TEST("no memory for the others that need no path, when the list must grow")
{
	const auto refused_when_full = [](auto add) {
		file_actions actions;
		CHECK(refused_each([&] { return add(actions); },
			      [&] {
				      CHECK(actions.handle->added == 0);
				      CHECK_FALSE(actions.handle->sets_ctty);
			      }) == 1);
		CHECK(actions.handle->added == 1);
	};
	refused_when_full([](spawnx_file_actions_t *a) {
		return spawnx_file_actions_addsetctty(a, 5);
	});
	refused_when_full([](spawnx_file_actions_t *a) {
		return spawnx_file_actions_addinherit_np(a, 5);
	});
}

SPAWNX_TEST("destroy frees all that an object has, also what was set twice")
{
	const long before = kept;
	for (const int times : {1, 2}) {
		spawnxattr_t attr = nullptr;
		spawnx_file_actions_t actions = nullptr;
		REQUIRE(CALL(spawnxattr_init(&attr)) == 0);
		REQUIRE(CALL(spawnx_file_actions_init(&actions)) == 0);
		const int src[] = {3, 4}, dst[] = {4, 3};
		for (int which = 1; which <= times; which++) {
			REQUIRE(CALL(set_groups(&attr, which)) == 0);
			REQUIRE(CALL(set_seccomp(&attr, which)) == 0);
			REQUIRE(CALL(set_affinity(&attr, which)) == 0);
			REQUIRE(CALL(spawnxattr_setidmap(
					&attr, maps[which], maps[which])) == 0);
			REQUIRE(CALL(spawnxattr_setcap_iab_text(&attr, iabs[which])) ==
				0);
			REQUIRE(CALL(spawnx_file_actions_addmapfds(
					&actions, 2, src, dst)) == 0);
			REQUIRE(CALL(spawnx_file_actions_addopenat(
					&actions, 5, AT_FDCWD, "x", O_RDONLY, 0)) == 0);
			REQUIRE(CALL(spawnx_file_actions_addchdir(&actions, "/")) == 0);
		}
		/* Two objects, six values, a list of steps; and two paths each time. */
		CHECK(kept - before == 1 + 6 + 2 + 2 * times);
		CHECK(CALL(spawnxattr_destroy(&attr)) == 0);
		CHECK(CALL(spawnx_file_actions_destroy(&actions)) == 0);
		CHECK(kept == before);
	}
}

SPAWNX_TEST("no groups at all are kept as such, and freed")
{
	const long before = kept;
	{
		attributes attr;
		REQUIRE(CALL(spawnxattr_setgroups(attr, 0, nullptr)) == 0);
		std::size_t n = 7;
		const gid_t *groups;
		CHECK(CALL(spawnxattr_getgroups(attr, &n, &groups)) == 0);
		CHECK(n == 0);
	}
	CHECK(kept == before);
}

SPAWNX_TEST("a spawn with every attribute that points to something allocates nothing")
{
	const strings argv({"idle", "exit:0"}), envp({});
	attributes attr;
	file_actions actions;
	sock_filter allow = BPF_STMT(BPF_RET | BPF_K, 0x7fff0000);
	const sock_fprog program = {1, &allow};
	const int src[] = {0, 1}, dst[] = {1, 0};
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
	REQUIRE(CALL(spawnxattr_setseccomp(attr, &program)) == 0);
	REQUIRE(CALL(spawnxattr_setcap_iab_text(attr, "!cap_chown")) == 0);
	REQUIRE(CALL(spawnxattr_setumask(attr, 027)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addopen(actions, 0, "/dev/null", O_RDWR, 0)) ==
		0);
	REQUIRE(CALL(spawnx_file_actions_addopen(actions, 1, "/dev/null", O_RDWR, 0)) ==
		0);
	REQUIRE(CALL(spawnx_file_actions_addmapfds(actions, 2, src, dst)) == 0);
	const std::string idle = helper("idle");
	const long before = kept;
	pid_t pid = -1;
	allocations = 0;
	const int error = spawnx(&pid, idle.c_str(), actions, attr, argv, envp);
	const long none = allocations;
	/* Dropping from the bounding set is not for everybody; that costs nothing either. */
	CHECK((error == 0 || error == EPERM));
	CHECK(none == 0);
	CHECK(kept == before);
	if (error == 0)
		CHECK(wait_pid(pid) == 0);
}
