/* SPDX-License-Identifier: MIT */
#include "plan.hpp"

#include <errno.h>
#include <string.h>

#include "features.hpp"
#include "gap.hpp"
#include "request.hpp"
#include "spawnx.h"

namespace spawnx_core
{

static constexpr spawnx_attr no_attributes = {};
static constexpr spawnx_actions no_actions = {};

/* What only clone3(2) can be told; clone(2) has no room for the flags. */
static constexpr uint64_t needs_clone3 = feature::bit(feature::AUTOREAP) |
	feature::bit(feature::AUTOKILL) | feature::bit(feature::NONEWPRIVS) |
	feature::bit(feature::CLEAR_SIGHAND) | feature::bit(feature::INTO_CGROUP);

static bool has(const spawnx_attr &a, short flag)
{
	return (a.flags & flag) != 0;
}

/* The kernel's set is the first word of libc's: signals 1 to 64, bit sig - 1. */
static kernel::sigset kernel_set(const sigset_t &set)
{
	kernel::sigset word;
	memcpy(&word, &set, sizeof(word));
	return word;
}

static step attribute_step(op what, int32_t a = 0, uint64_t set = 0)
{
	return step{what, 0, -1, a, 0, set, {nullptr}};
}

static step data_step(op what, const void *data, uint64_t set = 0, int32_t a = 0)
{
	step s = attribute_step(what, a, set);
	s.data = data;
	return s;
}

static void head(plan &p, const step &s)
{
	p.head[p.head_count++] = s;
}

static void tail(plan &p, const step &s)
{
	p.tail[p.tail_count++] = s;
}

uint64_t features_wanted(const request &r)
{
	using namespace feature;
	const spawnx_attr &a = r.attr ? *r.attr : no_attributes;
	uint64_t wanted = bit(CLONE3) | bit(CLEAR_SIGHAND);

	if (a.autoreap || a.autokill)
		wanted |= bit(AUTOREAP);
	if (a.autokill)
		wanted |= bit(AUTOKILL) | (a.weaker ? bit(CLOSE_RANGE) : 0);
	if (a.nonewprivs)
		wanted |= bit(NONEWPRIVS);
	if (r.pidfd)
		wanted |= bit(PIDFD);
	if (has(a, SPAWNX_SETCGROUP))
		wanted |= bit(INTO_CGROUP);
	if (has(a, SPAWNX_CLOEXEC_DEFAULT) || (r.actions && r.actions->closes_ranges))
		wanted |= bit(CLOSE_RANGE);
	return wanted;
}

/*
 * The weaker fallbacks need clone3 (to be told when the child has left our memory), the
 * guard a table of its own at once. Both put another parent over the child, with which the
 * caller's parent death signal would be about the wrong one.
 */
static bool can_relay(const spawnx_attr &a, uint64_t native)
{
	using namespace feature;
	const uint64_t needs = bit(CLONE3) | (a.autokill ? bit(PIDFD) | bit(CLOSE_RANGE) : 0);
	return a.weaker && !a.pdeathsig && (native & needs) == needs;
}

/*
 * clone3's flags. Where the kernel lacks one, its exact emulation is the first thing
 * the child does, or there is none and the caller is told.
 */
static int lower_clone(const request &r, const spawnx_attr &a, uint64_t native, plan &p,
	unsigned &missing)
{
	using namespace feature;
	const auto flag_for = [&](unsigned id, uint64_t flag) {
		const bool has_it = (native & bit(id)) != 0;
		(has_it ? p.native : p.emulated) |= bit(id);
		p.clone_flags |= has_it ? flag : 0;
		return has_it;
	};
	const auto absent = [&missing](unsigned id) {
		missing = id;
		return ENOTSUP;
	};

	p.clone_flags = kernel::clone_vm | kernel::clone_vfork;
	p.clone3 = flag_for(CLONE3, 0);
	p.autoreap = a.autoreap || a.autokill;
	const uint64_t life = (p.autoreap ? bit(AUTOREAP) : 0) | (a.autokill ? bit(AUTOKILL) : 0);
	if ((native & life) == life) {
		p.native |= life;
		p.clone_flags |= p.autoreap ? kernel::clone_autoreap : 0;
		p.clone_flags |= a.autokill ? kernel::clone_pidfd_autokill : 0;
	} else if (can_relay(a, native)) {
		p.emulated |= life;
		p.parent = a.autokill ? parent::guard : parent::init;
		p.block_signals = true; /* a relay must not die before the child has left */
	} else {
		return absent(a.autokill ? AUTOKILL : AUTOREAP);
	}
	if (r.pidfd && !flag_for(PIDFD, kernel::clone_pidfd))
		return absent(PIDFD);

	/* clone(2) has no room for it: the low byte is the exit signal. */
	if (!p.clone3 && (a.namespaces & kernel::clone_newtime))
		return absent(CLONE3);
	p.clone_flags |= a.namespaces;

	/* prctl comes first, as if it had been set at birth. */
	if (a.nonewprivs && !flag_for(NONEWPRIVS, kernel::clone_nnp))
		head(p, attribute_step(op::no_new_privs));
	if (a.has_idmap)
		head(p, data_step(op::idmap, &a.idmap));
	p.cgroup = a.cgroup;
	if (has(a, SPAWNX_SETCGROUP) && !flag_for(INTO_CGROUP, kernel::clone_into_cgroup)) {
		/* Weaker: for a moment the child is where its parent is. */
		if (!a.weaker)
			return absent(INTO_CGROUP);
		head(p, attribute_step(op::cgroup_procs, a.cgroup));
	}
	/*
	 * A handler must never run in a child that shares our memory. Without the
	 * kernel's help all signals stay blocked until the last step, so that none can
	 * arrive before the child has dropped the handlers.
	 */
	if (!flag_for(CLEAR_SIGHAND, kernel::clone_clear_sighand)) {
		p.block_signals = true;
		head(p, attribute_step(op::clear_handlers));
	}
	return 0;
}

/* Before the file actions. */
static void lower_head(const spawnx_attr &a, const spawnx_actions &actions, plan &p)
{
	if (has(a, SPAWNX_SETSIGDEF))
		head(p, attribute_step(op::default_signals, 0, kernel_set(a.sigdefault)));
	if (a.has_sigignore)
		head(p, attribute_step(op::ignore_signals, 0, kernel_set(a.sigignore)));

	step priority = attribute_step(op::setparam);
	priority.b = a.schedparam.sched_priority;
	if (has(a, SPAWNX_SETSCHEDULER)) {
		priority.what = op::setscheduler;
		priority.a = a.schedpolicy;
	}
	if (has(a, SPAWNX_SETSCHEDULER) || has(a, SPAWNX_SETSCHEDPARAM))
		head(p, priority);
	if (a.affinity_size)
		head(p, data_step(op::affinity, a.affinity, a.affinity_size));
	if (a.has_nice)
		head(p, attribute_step(op::nice, a.nice));
	if (a.limits.known)
		head(p, data_step(op::rlimits, &a.limits));
	if (a.has_oom_score_adj)
		head(p, data_step(op::oom_score_adj, a.oom_text));

	/* Only the leader of a session without a terminal can take one. */
	if (has(a, SPAWNX_SETSID) || actions.sets_ctty)
		head(p, attribute_step(op::setsid));
	if (has(a, SPAWNX_SETPGROUP))
		head(p, attribute_step(op::setpgid, a.pgroup));
	if (has(a, SPAWNX_RESETIDS))
		head(p, attribute_step(op::resetids));
	/* The file actions then clear it again on what they make: results stay. */
	if (has(a, SPAWNX_CLOEXEC_DEFAULT))
		head(p, attribute_step(op::cloexec_all));
}

/* After the file actions. */
static void lower_tail(const request &r, const spawnx_attr &a, plan &p)
{
	if (a.listenfds > 0)
		tail(p, attribute_step(op::listenfds, a.listenfds));
	if (a.has_umask)
		tail(p, attribute_step(op::umask, static_cast<int32_t>(a.umask)));

	/* What is permitted has to outlive the change of the user if it is still needed. */
	const bool caps = a.caps.has_iab || a.caps.has_securebits;
	if (caps)
		tail(p, data_step(op::caps_before_ids, &a.caps, 0, a.has_uid));
	if (a.has_groups)
		tail(p, data_step(op::groups, a.groups, a.group_count));
	if (a.has_gid)
		tail(p, attribute_step(op::gid, static_cast<int32_t>(a.gid)));
	if (a.has_uid)
		tail(p, attribute_step(op::uid, static_cast<int32_t>(a.uid)));
	if (caps)
		tail(p, data_step(op::caps_after_ids, &a.caps));
	p.changes_ids = has(a, SPAWNX_RESETIDS) || a.has_uid || a.has_gid || caps;

	if (a.pdeathsig || p.parent == parent::guard) {
		step death = attribute_step(op::pdeathsig, a.pdeathsig ? a.pdeathsig : SIGKILL);
		death.b = r.self; /* of the guard the relay knows the pid */
		tail(p, death);
	}
	if (a.has_landlock)
		tail(p, attribute_step(op::landlock, a.landlock));
	if (a.has_seccomp)
		tail(p, data_step(op::seccomp, &a.seccomp));
	if (has(a, SPAWNX_SETSIGMASK))
		tail(p, attribute_step(op::sigmask, 0, kernel_set(a.sigmask)));
	else if (p.block_signals)
		tail(p, attribute_step(op::restore_sigmask));
}

/*
 * The child shares our table, and its very first step leaves it. Nothing may be done to the
 * table before that; so it is step 0 of all, in front of what lower_clone() has put there.
 */
static void lower_files(const request &r, plan &p)
{
	const gap g = largest_gap(r, r.table_size);
	if (g.first > g.last)
		return;
	p.clone_flags |= kernel::clone_files;
	for (size_t i = p.head_count++; i > 0; i--)
		p.head[i] = p.head[i - 1];
	p.head[0] = attribute_step(op::unshare_files, g.first);
	p.head[0].b = g.last;
}

int lower(const request &r, uint64_t native, plan &p, unsigned &missing)
{
	const spawnx_attr &a = r.attr ? *r.attr : no_attributes;
	const spawnx_actions &actions = r.actions ? *r.actions : no_actions;

	memset(static_cast<void *>(&p), 0, offsetof(plan, head));
	p.result.element = -1;
	if ((native & feature::bit(feature::CLONE3)) == 0)
		native &= ~needs_clone3;
	if (const int error = lower_clone(r, a, native, p, missing))
		return error;
	/* A background process that sets the terminal's group would be stopped by SIGTTOU. */
	p.block_signals |= actions.sets_tcpgrp;
	/* The parent's death is for the program's mask to judge, also before it is set. */
	p.block_signals |= a.pdeathsig && has(a, SPAWNX_SETSIGMASK);
	if (has(a, SPAWNX_CLOEXEC_DEFAULT) || actions.closes_ranges) {
		p.close_range = (native & feature::bit(feature::CLOSE_RANGE)) != 0;
		(p.close_range ? p.native : p.emulated) |=
			feature::bit(feature::CLOSE_RANGE);
	}
	if (p.close_range && p.parent == parent::us)
		lower_files(r, p);
	lower_head(a, actions, p);
	lower_tail(r, a, p);
	p.actions = actions.steps;
	p.action_count = actions.count;
	p.candidates = r.candidates;
	p.candidate_count = r.candidate_count;
	p.no_candidate = r.no_candidate;
	p.execfd = a.has_execfd ? a.execfd : -1;
	p.listen_pid = r.listen_pid;
	p.argv = r.argv;
	p.envp = r.envp;
	p.report[0] = p.report[1] = p.guard.fd = p.pidfd = -1;
	return 0;
}

} // namespace spawnx_core
