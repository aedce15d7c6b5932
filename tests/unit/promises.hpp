/* SPDX-License-Identifier: MIT */
/*
 * The order that spawnx(7) promises (and child.cpp has at its top), as data: each step,
 * and how a caller gets it.
 */
#pragma once

#include <cstdint>
#include <cstring>
#include <sys/resource.h>

#include "features.hpp"
#include "plan.hpp"
#include "request.hpp"
#include "spawnx.h"

namespace unit
{

using spawnx_core::op;

/* kernel.cpp cannot: <linux/resource.h> does not get along with what is there. */
static_assert(spawnx_core::kernel::prio_process == PRIO_PROCESS);

inline char uid_map[] = "0 1000 1", gid_map[] = "0 1000 1";
inline gid_t some_groups[] = {20, 10};
inline unsigned char some_cpus[] = {0, 3};
inline sock_filter allow_all = {0x06, 0, 0, 0x7fff0000};

/* A request that points to its own objects. */
struct asked {
	spawnx_attr attr = {};
	spawnx_actions actions = {};
	spawnx_core::request r = {};

	asked()
	{
		r.attr = &attr;
		r.actions = &actions;
		r.self = 4711;
	}
	asked(const asked &) = delete;
	asked &operator=(const asked &) = delete;
	void flag(short f)
	{
		attr.flags = static_cast<short>(attr.flags | f);
	}
};

/* One line of the promise: the step, and how a caller gets it. */
struct promise {
	op what;
	void (*ask)(asked &); /* nullptr: by no attribute of its own, see wanted() */
};

inline constexpr promise head_order[] = {
	{op::no_new_privs, [](asked &a) { a.attr.nonewprivs = true; }},
	{op::idmap,
		[](asked &a) {
			a.attr.namespaces = spawnx_core::kernel::clone_newuser;
			a.attr.has_namespaces = a.attr.has_idmap = true;
			a.attr.idmap = {uid_map, gid_map};
		}},
	{op::cgroup_procs,
		[](asked &a) {
			a.flag(SPAWNX_SETCGROUP);
			a.attr.cgroup = 12;
			a.attr.weaker = true;
		}},
	{op::clear_handlers, nullptr},
	{op::default_signals, [](asked &a) { a.flag(SPAWNX_SETSIGDEF); }},
	{op::ignore_signals,
		[](asked &a) {
			a.attr.has_sigignore = true;
			std::memset(&a.attr.sigignore, 0x5a, sizeof(a.attr.sigignore));
		}},
	{op::setscheduler, [](asked &a) { a.flag(SPAWNX_SETSCHEDULER); }},
	{op::affinity,
		[](asked &a) {
			a.attr.affinity = some_cpus;
			a.attr.affinity_size = sizeof(some_cpus);
		}},
	{op::nice,
		[](asked &a) {
			a.attr.has_nice = true;
			a.attr.nice = -5;
		}},
	{op::rlimits, [](asked &a) { a.attr.limits.known = 1u << RLIMIT_CORE; }},
	{op::oom_score_adj,
		[](asked &a) {
			a.attr.has_oom_score_adj = true;
			std::strcpy(a.attr.oom_text, "-500");
		}},
	{op::setsid, [](asked &a) { a.flag(SPAWNX_SETSID); }},
	{op::setpgid, [](asked &a) { a.flag(SPAWNX_SETPGROUP); }},
	{op::resetids, [](asked &a) { a.flag(SPAWNX_RESETIDS); }},
	{op::cloexec_all, [](asked &a) { a.flag(SPAWNX_CLOEXEC_DEFAULT); }},
};

inline constexpr promise tail_order[] = {
	{op::listenfds,
		[](asked &a) {
			a.attr.has_listenfds = true;
			a.attr.listenfds = 2;
		}},
	{op::umask,
		[](asked &a) {
			a.attr.has_umask = true;
			a.attr.umask = 027;
		}},
	{op::caps_before_ids, [](asked &a) { a.attr.caps.has_iab = true; }},
	{op::groups,
		[](asked &a) {
			a.attr.has_groups = true;
			a.attr.groups = some_groups;
			a.attr.group_count = 2;
		}},
	{op::gid,
		[](asked &a) {
			a.attr.has_gid = true;
			a.attr.gid = 4294967294;
		}},
	{op::uid,
		[](asked &a) {
			a.attr.has_uid = true;
			a.attr.uid = 65534;
		}},
	{op::caps_after_ids, nullptr},
	{op::pdeathsig, [](asked &a) { a.attr.pdeathsig = 15; }},
	{op::landlock,
		[](asked &a) {
			a.attr.has_landlock = true;
			a.attr.landlock = 7;
		}},
	{op::seccomp,
		[](asked &a) {
			a.attr.has_seccomp = true;
			a.attr.seccomp = {1, &allow_all};
		}},
	{op::sigmask, [](asked &a) { a.flag(SPAWNX_SETSIGMASK); }},
};

template <std::size_t n> void ask(asked &a, const promise (&order)[n], unsigned number)
{
	for (std::size_t i = 0; i < n; i++)
		if (order[i].ask && (number >> i & 1))
			order[i].ask(a);
}

/* Clone's flags do it, without a step of the child. */
inline bool does_at_birth(op what, std::uint64_t kernel_has)
{
	using namespace spawnx_core;
	using feature::bit;
	if (!(kernel_has & bit(feature::CLONE3)))
		return false;
	return (what == op::no_new_privs && (kernel_has & bit(feature::NONEWPRIVS))) ||
		(what == op::cgroup_procs && (kernel_has & bit(feature::INTO_CGROUP))) ||
		(what == op::clear_handlers &&
			(kernel_has & bit(feature::CLEAR_SIGHAND)));
}

} // namespace unit
