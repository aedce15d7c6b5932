/* SPDX-License-Identifier: MIT */
/* Failures of what posix_spawn has no attribute for: each step's, in numbers and in words. */
#include <catch2/catch_test_macros.hpp>

#include <cerrno>
#include <string>
#include <sys/capability.h>
#include <sys/resource.h>

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

struct row {
	step s;
	int error;
	int element; /* what the child noted; -1: nothing */
	bool whole;
	int stage, index, fd;
	const char *text;
	const char *in_words;
};

constexpr step attribute(op what, int a = 0)
{
	return {what, 0, -1, a, 0, 0, {nullptr}};
}

constexpr step action(op what, int index, int a, int b = 0, const char *path = nullptr)
{
	return {what, 0, index, a, b, 0, {path}};
}

spawnx_failure stopped_at(const row &r, const char *path = nullptr)
{
	plan p = {};
	p.execfd = -1;
	p.cgroup = 12;
	p.result.error = r.error;
	p.result.at = &r.s;
	p.result.element = r.element;
	p.result.whole = r.whole;
	p.result.path = path;
	return launch_failure(p, {r.error, true, 0, 77, -1}, "/given");
}

void compare(const row &r, const char *path = nullptr)
{
	const spawnx_failure f = stopped_at(r, path);
	INFO(r.in_words);
	CHECK(f.error == r.error);
	CHECK(f.stage == r.stage);
	CHECK(f.index == r.index);
	CHECK(f.fd == r.fd);
	CHECK(std::string(f.text) == r.text);
	CHECK(words(f) == r.in_words);
}

template <std::size_t n> void compare_all(const row (&rows)[n])
{
	for (const row &r : rows)
		compare(r);
}

/* clone3 itself has refused; nobody is there to tell why. */
spawnx_failure not_cloned(std::uint64_t flags, int error)
{
	plan p = {};
	p.clone_flags = flags;
	p.cgroup = 12;
	return launch_failure(p, {error, false, 0, -1, -1}, "/given");
}

} // namespace

TEST_CASE("words of the file actions that have no twin")
{
	const int stage = SPAWNX_STAGE_ACTION;
	compare_all({
		{action(op::openat, 2, 1, 0, "log/x"), ENOENT, -1, false, stage, 2, 1,
			"log/x",
			"file action 2: open \"log/x\" for fd 1: No such file or directory"},
		{action(op::inherit, 3, 9), EBADF, -1, false, stage, 3, 9, "",
			"file action 3: inherit fd 9: Bad file descriptor"},
		{action(op::map, 1, 5, 6), EBADF, -1, false, stage, 1, 5, "",
			"file action 1: map of fd 5: Bad file descriptor"},
		{action(op::map_save, 1, 5, 6), EMFILE, -1, false, stage, 1, 5, "",
			"file action 1: map of fd 5: Too many open files"},
		/* What waits there is nothing the caller knows the number of. */
		{action(op::map_saved, 1, 5, 6), EIO, -1, false, stage, 1, -1, "",
			"file action 1: map: Input/output error"},
		{action(op::setctty, 0, 4), ENOTTY, -1, false, stage, 0, 4, "",
			"file action 0: fd 4 as controlling terminal: "
			"Inappropriate ioctl for device"},
	});
}

TEST_CASE("words of scheduling, limits, signals and umask")
{
	compare_all({
		{attribute(op::ignore_signals), EINVAL, -1, false, SPAWNX_STAGE_SIGNALS,
			-1, -1, "", "signals: Invalid argument"},
		{attribute(op::affinity), EINVAL, -1, false, SPAWNX_STAGE_SCHED, -1, -1,
			"", "affinity: Invalid argument"},
		{attribute(op::nice, -5), EACCES, -1, false, SPAWNX_STAGE_SCHED, -1, -1,
			"", "nice: Permission denied"},
		{attribute(op::oom_score_adj), EACCES, -1, false, SPAWNX_STAGE_LIMITS, -1,
			-1, "", "oom_score_adj: Permission denied"},
		{attribute(op::umask, 027), EPERM, -1, false, SPAWNX_STAGE_UMASK, -1, -1,
			"", "umask: Operation not permitted"},
		{attribute(op::pdeathsig, 15), EINVAL, -1, false, SPAWNX_STAGE_PDEATHSIG,
			-1, -1, "", "pdeathsig: Invalid argument"},
	});
}

TEST_CASE("words of a limit have its name, whichever it is")
{
	const struct {
		int resource;
		const char *name;
	} names[] = {{RLIMIT_CPU, "CPU"}, {RLIMIT_FSIZE, "FSIZE"}, {RLIMIT_DATA, "DATA"},
		{RLIMIT_STACK, "STACK"}, {RLIMIT_CORE, "CORE"}, {RLIMIT_RSS, "RSS"},
		{RLIMIT_NPROC, "NPROC"}, {RLIMIT_NOFILE, "NOFILE"},
		{RLIMIT_MEMLOCK, "MEMLOCK"}, {RLIMIT_AS, "AS"}, {RLIMIT_LOCKS, "LOCKS"},
		{RLIMIT_SIGPENDING, "SIGPENDING"}, {RLIMIT_MSGQUEUE, "MSGQUEUE"},
		{RLIMIT_NICE, "NICE"}, {RLIMIT_RTPRIO, "RTPRIO"},
		{RLIMIT_RTTIME, "RTTIME"}};
	static_assert(sizeof(names) / sizeof(names[0]) == RLIM_NLIMITS);
	for (const auto &n : names) {
		const std::string text =
			"RLIMIT_" + std::string(n.name) + ": Operation not permitted";
		compare({attribute(op::rlimits), EPERM, n.resource, false,
			SPAWNX_STAGE_LIMITS, n.resource, -1, "", text.c_str()});
	}
	spawnx_failure by_hand = made(SPAWNX_STAGE_LIMITS, EPERM);
	by_hand.index = RLIM_NLIMITS;
	CHECK(words(by_hand) == "limits: Operation not permitted");
}

TEST_CASE("words of ids")
{
	const int stage = SPAWNX_STAGE_IDS;
	compare_all({
		{attribute(op::groups), EPERM, -1, false, stage, -1, -1, "",
			"supplementary groups: Operation not permitted"},
		{attribute(op::gid, 7), EPERM, -1, false, stage, -1, -1, "",
			"gid: Operation not permitted"},
		{attribute(op::uid, 7), EAGAIN, -1, false, stage, -1, -1, "",
			"uid: Resource temporarily unavailable"},
	});
}

TEST_CASE("words of capabilities: which, by name, by number if it has none")
{
	const int stage = SPAWNX_STAGE_CAPS;
	const step before = attribute(op::caps_before_ids),
		   after = attribute(op::caps_after_ids);
	compare_all({
		{before, EPERM, -1, false, stage, -1, -1, "",
			"inheritable capabilities: Operation not permitted"},
		{before, EPERM, CAP_CHOWN, false, stage, CAP_CHOWN, -1, "",
			"bounding set: drop of cap_chown: Operation not permitted"},
		{before, EPERM, 63, false, stage, 63, -1, "",
			"bounding set: drop of 63: Operation not permitted"},
		{before, EPERM, -1, true, stage, -1, -1, "",
			"keeping of capabilities across the change of the user: "
			"Operation not permitted"},
		{after, EPERM, CAP_NET_RAW, false, stage, CAP_NET_RAW, -1, "",
			"ambient capability cap_net_raw: Operation not permitted"},
		{after, EINVAL, 62, false, stage, 62, -1, "",
			"ambient capability 62: Invalid argument"},
		{after, EINVAL, -1, true, stage, -1, -1, "",
			"clearing of the ambient set: Invalid argument"},
		{after, EPERM, -1, false, stage, -1, -1, "",
			"securebits: Operation not permitted"},
	});
}

TEST_CASE("words of confinement: the kernel's condition, for whom it may be the reason")
{
	const step seccomp = attribute(op::seccomp),
		   landlock = attribute(op::landlock, 5);
	const struct {
		row r;
		const char *hint;
	} rows[] = {
		{{seccomp, EACCES, -1, false, SPAWNX_STAGE_SECCOMP, -1, -1, "", ""},
			"seccomp: it needs no-new-privs or CAP_SYS_ADMIN: Permission denied"},
		{{landlock, EPERM, -1, false, SPAWNX_STAGE_LANDLOCK, -1, 5, "", ""},
			"landlock: ruleset of fd 5: it needs no-new-privs or CAP_SYS_ADMIN: "
			"Operation not permitted"},
		/* The other's error, and other errors, are no hint at that. */
		{{seccomp, EPERM, -1, false, SPAWNX_STAGE_SECCOMP, -1, -1, "", ""},
			"seccomp: Operation not permitted"},
		{{seccomp, EINVAL, -1, false, SPAWNX_STAGE_SECCOMP, -1, -1, "", ""},
			"seccomp: Invalid argument"},
		{{landlock, EACCES, -1, false, SPAWNX_STAGE_LANDLOCK, -1, 5, "", ""},
			"landlock: ruleset of fd 5: Permission denied"},
		{{landlock, EBADF, -1, false, SPAWNX_STAGE_LANDLOCK, -1, 5, "", ""},
			"landlock: ruleset of fd 5: Bad file descriptor"},
	};
	for (const auto &one : rows) {
		row r = one.r;
		r.in_words = one.hint;
		compare(r);
	}
	/* With no-new-privs, done by whomever, it is not the reason. */
	for (const bool native : {false, true}) {
		plan p = {};
		(native ? p.native : p.emulated) = feature::bit(feature::NONEWPRIVS);
		p.result.error = EACCES;
		p.result.at = &seccomp;
		CHECK(words(launch_failure(p, {EACCES, true, 0, 77, -1}, "/given")) ==
			"seccomp: Permission denied");
		p.result.error = EPERM;
		p.result.at = &landlock;
		CHECK(words(launch_failure(p, {EPERM, true, 0, 77, -1}, "/given")) ==
			"landlock: ruleset of fd 5: Operation not permitted");
	}
	/* By hand, without a word about which step it was. */
	CHECK(words(made(SPAWNX_STAGE_SECCOMP, EACCES)) == "seccomp: Permission denied");
}

TEST_CASE("words of id maps have the file that the kernel did not take")
{
	const char *uid = "/proc/self/uid_map";
	compare({attribute(op::idmap), EPERM, -1, false, SPAWNX_STAGE_IDMAP, -1, -1, uid,
			"idmap \"/proc/self/uid_map\": Operation not permitted"},
		uid);
	CHECK(words(argument_failure(argument::idmap_without_newuser)) ==
		"argument: id maps need CLONE_NEWUSER among the namespaces: "
		"Invalid argument");
}

TEST_CASE("words of a cgroup that takes no process, by clone3's flag and by hand")
{
	const struct {
		int error;
		const char *text;
	} rows[] = {
		{EBUSY,
			"clone3 into the cgroup of fd 12: it has controllers for the cgroups "
			"below it, and so takes no process: Device or resource busy"},
		{EOPNOTSUPP,
			"clone3 into the cgroup of fd 12: its type is \"domain invalid\", as "
			"there are threaded cgroups beside or above it: Operation not "
			"supported"},
		{EACCES,
			"clone3 into the cgroup of fd 12: its cgroup.procs, or that of a "
			"common ancestor, is not ours to write: Permission denied"},
		{ENODEV, "clone3 into the cgroup of fd 12: No such device"},
	};
	for (const auto &r : rows) {
		const spawnx_failure f = not_cloned(kernel::clone_into_cgroup, r.error);
		CHECK(f.index == feature::INTO_CGROUP);
		CHECK(words(f) == r.text);
		compare({attribute(op::cgroup_procs, 12), r.error, -1, false,
			SPAWNX_STAGE_CLONE, feature::INTO_CGROUP, 12, "into_cgroup",
			r.text});
	}
}

TEST_CASE("words of namespaces: what they need, unless the caller did just that")
{
	const spawnx_failure f = not_cloned(kernel::clone_newnet, EPERM);
	CHECK(f.stage == SPAWNX_STAGE_CLONE);
	CHECK(f.index == -1);
	CHECK(f.fd == -1);
	CHECK(std::string(f.text).empty());
	CHECK(words(f) ==
		"clone3 with new namespaces: they need CAP_SYS_ADMIN, or CLONE_NEWUSER "
		"with them: Operation not permitted");
	CHECK(words(not_cloned(kernel::clone_newnet | kernel::clone_newuser, EPERM)) ==
		"clone3 with new namespaces: Operation not permitted");
	CHECK(words(not_cloned(kernel::clone_newuser, ENOSPC)) ==
		"clone3 with new namespaces: No space left on device");
	CHECK(words(not_cloned(kernel::clone_newpid, EAGAIN)) ==
		"clone3 with new namespaces: Resource temporarily unavailable");
	CHECK(words(not_cloned(kernel::clone_vm, EPERM)) ==
		"clone3: Operation not permitted");
}

TEST_CASE("new namespaces in a cgroup: whose refusal it is")
{
	const std::uint64_t both = kernel::clone_newuser | kernel::clone_into_cgroup;
	/* Too many of them; too deep; a kernel without them. */
	for (const int error : {ENOSPC, EUSERS, EINVAL}) {
		CHECK(not_cloned(both, error).index == -1);
		CHECK(words(not_cloned(both, error))
				.find("clone3 with new namespaces: ") == 0);
	}
	for (const int error : {EBUSY, EOPNOTSUPP, EACCES, ENODEV, EBADF})
		CHECK(not_cloned(both, error).index == feature::INTO_CGROUP);
}
