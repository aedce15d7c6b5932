/* SPDX-License-Identifier: MIT */
#include "plan.hpp"

#include <errno.h>
#include <string.h>

#include "features.hpp"
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
	return step{what, 0, -1, a, 0, set, nullptr};
}

uint64_t features_wanted(const request &r)
{
	using namespace feature;
	const spawnx_attr &a = r.attr ? *r.attr : no_attributes;
	uint64_t wanted = bit(CLONE3) | bit(CLEAR_SIGHAND);

	if (a.autoreap || a.autokill)
		wanted |= bit(AUTOREAP);
	if (a.autokill)
		wanted |= bit(AUTOKILL);
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
	if (p.autoreap && !flag_for(AUTOREAP, kernel::clone_autoreap))
		return absent(a.autokill ? AUTOKILL : AUTOREAP);
	if (a.autokill && !flag_for(AUTOKILL, kernel::clone_pidfd_autokill))
		return absent(AUTOKILL);
	if (r.pidfd && !flag_for(PIDFD, kernel::clone_pidfd))
		return absent(PIDFD);

	if (has(a, SPAWNX_SETCGROUP) && !flag_for(INTO_CGROUP, kernel::clone_into_cgroup))
		return absent(INTO_CGROUP);
	p.cgroup = a.cgroup;

	/* prctl comes first, as if it had been set at birth. */
	if (a.nonewprivs && !flag_for(NONEWPRIVS, kernel::clone_nnp))
		p.head[p.head_count++] = attribute_step(op::no_new_privs);
	/*
	 * A handler must never run in a child that shares our memory. Without the
	 * kernel's help all signals stay blocked until the last step, so that none can
	 * arrive before the child has dropped the handlers.
	 */
	if (!flag_for(CLEAR_SIGHAND, kernel::clone_clear_sighand)) {
		p.block_signals = true;
		p.head[p.head_count++] = attribute_step(op::clear_handlers);
	}
	return 0;
}

static void lower_steps(const spawnx_attr &a, plan &p)
{
	if (has(a, SPAWNX_SETSIGDEF))
		p.head[p.head_count++] =
			attribute_step(op::default_signals, 0, kernel_set(a.sigdefault));
	if (has(a, SPAWNX_SETSCHEDULER)) {
		p.head[p.head_count] = attribute_step(op::setscheduler, a.schedpolicy);
		p.head[p.head_count++].b = a.schedparam.sched_priority;
	} else if (has(a, SPAWNX_SETSCHEDPARAM)) {
		p.head[p.head_count] = attribute_step(op::setparam);
		p.head[p.head_count++].b = a.schedparam.sched_priority;
	}
	if (has(a, SPAWNX_SETSID))
		p.head[p.head_count++] = attribute_step(op::setsid);
	if (has(a, SPAWNX_SETPGROUP))
		p.head[p.head_count++] = attribute_step(op::setpgid, a.pgroup);
	if (has(a, SPAWNX_RESETIDS)) {
		p.head[p.head_count++] = attribute_step(op::resetids);
		p.changes_ids = true;
	}
	/* The file actions then clear it again on what they make: results stay. */
	if (has(a, SPAWNX_CLOEXEC_DEFAULT))
		p.head[p.head_count++] = attribute_step(op::cloexec_all);
	if (a.listenfds > 0)
		p.tail[p.tail_count++] = attribute_step(op::listenfds, a.listenfds);
	if (has(a, SPAWNX_SETSIGMASK))
		p.tail[p.tail_count++] =
			attribute_step(op::sigmask, 0, kernel_set(a.sigmask));
	else if (p.block_signals)
		p.tail[p.tail_count++] = attribute_step(op::restore_sigmask);
}

int lower(const request &r, uint64_t native, plan &p, unsigned &missing)
{
	const spawnx_attr &a = r.attr ? *r.attr : no_attributes;
	const spawnx_actions &actions = r.actions ? *r.actions : no_actions;

	p = plan{};
	if ((native & feature::bit(feature::CLONE3)) == 0)
		native &= ~needs_clone3;
	if (const int error = lower_clone(r, a, native, p, missing))
		return error;
	/* A background process that sets the terminal's group would be stopped by SIGTTOU. */
	p.block_signals |= actions.sets_tcpgrp;
	if (has(a, SPAWNX_CLOEXEC_DEFAULT) || actions.closes_ranges) {
		p.close_range = (native & feature::bit(feature::CLOSE_RANGE)) != 0;
		(p.close_range ? p.native : p.emulated) |=
			feature::bit(feature::CLOSE_RANGE);
	}
	lower_steps(a, p);
	p.actions = actions.steps;
	p.action_count = actions.count;
	p.candidates = r.candidates;
	p.candidate_count = r.candidate_count;
	p.no_candidate = r.no_candidate;
	p.execfd = a.has_execfd ? a.execfd : -1;
	p.listen_pid = r.listen_pid;
	p.argv = r.argv;
	p.envp = r.envp;
	p.report[0] = p.report[1] = -1;
	return 0;
}

} // namespace spawnx_core
