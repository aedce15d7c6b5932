/* SPDX-License-Identifier: MIT */
/*
 * The child becomes somebody else. Part of child.cpp, whose rules hold here: raw system
 * calls only; libc's setuid would change the ids of all the parent's threads.
 *
 * The order is that of cap_launch(3) as far as it goes, but what needs CAP_SETPCAP, which
 * the change of the user takes, comes before it: inheritable set and bounding set, then
 * groups, gid, uid, then ambient set and securebits. PR_SET_KEEPCAPS carries the permitted
 * set across; exec clears that flag.
 */
#pragma once

#include <errno.h>

#include "plan.hpp"
#include "syscall.hpp"

namespace spawnx_core
{

/*
 * Changes ids; after that nobody but root may look into the memory we share with the
 * parent, through us, whoever we become. The kernel hides it when ids change, but only as
 * far as the administrator says: fs.suid_dumpable = 1 opens it, hidden before or not. So
 * it is hidden afterwards; until then the capabilities that we keep and the new user lacks
 * do it, ptrace(2). The parent puts it back: dumpable.hpp.
 */
template <typename F> inline long hidden(F change)
{
	const long error = change();
	return error ? error : sys::prctl(kernel::pr_set_dumpable, 0);
}

/*
 * Who is that already hides nothing: the files below /proc of hidden memory are root's, so
 * that no other thread's child could write its id maps meanwhile.
 */
inline long set_gid(unsigned gid)
{
	const auto change = [=] { return sys::setresgid(gid, gid, gid); };
	unsigned real, effective, saved;
	const bool same = sys::getresgid(&real, &effective, &saved) == 0 && real == gid &&
		effective == gid && saved == gid;
	return same ? change() : hidden(change); /* it takes no capability: none to keep */
}

inline long set_uid(unsigned uid)
{
	const auto change = [=] { return sys::setresuid(uid, uid, uid); };
	unsigned real, effective, saved;
	const bool same = sys::getresuid(&real, &effective, &saved) == 0 && real == uid &&
		effective == uid && saved == uid;
	if (same)
		return change();
	(void)sys::prctl(kernel::pr_set_keepcaps, 1);
	return hidden(change);
}

/*
 * Group first: once the user is changed the right to change the group may be gone. Most
 * callers have nothing to reset; their memory stays as open as it is. (Here it is the
 * saved id, another than the user's, that keeps him out until the memory is hidden.)
 */
inline long resetids()
{
	const long uid = sys::getuid(), gid = sys::getgid();
	const auto reset = [=] {
		const long error = sys::setresgid(-1, gid, -1);
		(void)sys::prctl(kernel::pr_set_keepcaps, 1);
		return error ? error : sys::setresuid(-1, uid, -1);
	};
	return uid != sys::geteuid() || gid != sys::getegid() ? hidden(reset) : reset();
}

/* Runs change(sets) with CAP_SETPCAP effective, if it is permitted, and no longer after. */
template <typename F> inline long with_setpcap(F change)
{
	constexpr uint32_t setpcap = 1u << kernel::cap_setpcap;
	kernel::cap_header header = {kernel::cap_version_3, 0};
	kernel::cap_half sets[2];
	long error = sys::capget(&header, sets);
	if (error)
		return error;
	const bool raise = sets[0].permitted & ~sets[0].effective & setpcap;
	if (raise) {
		/* By a call of its own: the right has to be there before it is used. */
		sets[0].effective |= setpcap;
		if ((error = sys::capset(&header, sets)))
			return error;
	}
	if ((error = change(&header, sets)) || !raise)
		return error;
	sets[0].effective &= ~setpcap;
	return sys::capset(&header, sets);
}

/*
 * What cannot be made inheritable: without CAP_SETPCAP what is not permitted, and always
 * what the bounding set lacks (cap_capset, security/commoncap.c). -1: not known.
 */
inline int not_inheritable(uint64_t wanted, const kernel::cap_half (&before)[2])
{
	const bool setpcap = before[0].effective >> kernel::cap_setpcap & 1;
	for (int cap = 0; cap <= kernel::last_capability; cap++) {
		const kernel::cap_half &half = before[cap / 32];
		const int at = cap % 32;
		if (!(wanted >> cap & 1) || (half.inheritable >> at & 1))
			continue;
		if ((!setpcap && !(half.permitted >> at & 1)) ||
			sys::prctl(kernel::pr_capbset_read, cap) != 1)
			return cap;
	}
	return -1;
}

inline long set_inheritable(uint64_t wanted, kernel::cap_header *header,
	kernel::cap_half (&sets)[2], struct result &failed)
{
	const kernel::cap_half before[2] = {sets[0], sets[1]};
	sets[0].inheritable = static_cast<uint32_t>(wanted);
	sets[1].inheritable = static_cast<uint32_t>(wanted >> 32);
	const long error = sys::capset(header, sets);
	if (error) {
		failed.element = not_inheritable(wanted, before);
		failed.inheritable = 1;
	}
	return error;
}

inline long drop_bounding(uint64_t blocked, struct result &failed)
{
	for (int cap = 0; cap <= kernel::last_capability; cap++) {
		/* Not there already: nothing to do, and no right needed to do it. */
		if (!(blocked >> cap & 1) || sys::prctl(kernel::pr_capbset_read, cap) == 0)
			continue;
		if (const long error = sys::prctl(kernel::pr_capbset_drop, cap)) {
			failed.element = cap;
			return error;
		}
	}
	return 0;
}

inline long caps_before_ids(const capabilities &c, bool keep, struct result &failed)
{
	long error = 0;
	if (c.has_iab)
		error = with_setpcap([&](kernel::cap_header *header,
					     kernel::cap_half(&sets)[2]) {
			/* Inheritable first: what the bounding set lacks cannot come in. */
			const long refused =
				set_inheritable(c.inheritable, header, sets, failed);
			return refused ? refused : drop_bounding(c.blocked, failed);
		});
	if (error || !keep)
		return error;
	error = sys::prctl(kernel::pr_set_keepcaps, 1);
	failed.whole = error != 0;
	return error;
}

inline long raise_ambient(uint64_t ambient, struct result &failed)
{
	long error = sys::prctl(kernel::pr_cap_ambient, kernel::pr_cap_ambient_clear_all);
	failed.whole = error != 0;
	for (int cap = 0; !error && cap <= kernel::last_capability; cap++) {
		if (!(ambient >> cap & 1))
			continue;
		failed.element = cap;
		error = sys::prctl(
			kernel::pr_cap_ambient, kernel::pr_cap_ambient_raise, cap);
	}
	return error;
}

/* Securebits last: they may forbid to raise ambient capabilities. */
inline long caps_after_ids(const capabilities &c, struct result &failed)
{
	if (c.has_iab)
		if (const long error = raise_ambient(c.ambient, failed))
			return error;
	failed.element = -1;
	if (!c.has_securebits)
		return 0;
	return with_setpcap([&](kernel::cap_header *, const kernel::cap_half *) {
		return sys::prctl(
			kernel::pr_set_securebits, static_cast<long>(c.securebits));
	});
}

} // namespace spawnx_core
