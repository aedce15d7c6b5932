/* SPDX-License-Identifier: MIT */
#include "gap.hpp"

#include <limits.h>
#include <string.h>

#include "plan.hpp"
#include "request.hpp"
#include "spawnx.h"

namespace spawnx_core
{

namespace
{

/* More than that, and only what is above all of them is looked at: see next_needed(). */
constexpr size_t many_actions = 64;

/* Below that no table is worth a second look. */
constexpr int high = 256;

/* The descriptor of ours that a step makes use of; -1: none. */
int used_by(const step &s)
{
	switch (s.what) {
	case op::dup2:
	case op::inherit:
	case op::map:
	case op::map_save:
	case op::fchdir:
	case op::tcsetpgrp:
	case op::setctty:
		return s.a;
	case op::openat:
		return static_cast<int>(s.set >> 32);
	default:
		return -1;
	}
}

template <typename F> void each_needed(const request &r, F visit)
{
	if (r.actions)
		for (size_t i = 0; i < r.actions->count; i++)
			visit(used_by(r.actions->steps[i]));
	if (!r.attr)
		return;
	visit(r.attr->has_landlock ? r.attr->landlock : -1);
	visit(r.attr->has_execfd ? r.attr->execfd : -1);
	visit(r.attr->flags & SPAWNX_SETCGROUP ? r.attr->cgroup : -1);
	/* What is announced is a range from 3 on; its ends do for where it is not cut. */
	if (r.attr->listenfds > 0)
		visit(3 + r.attr->listenfds - 1);
}

/* Where a gap may begin: what lies below is inherited, or announced. */
int lowest(const request &r)
{
	int from = INT_MAX;
	if (r.actions)
		for (size_t i = 0; i < r.actions->count; i++)
			if (r.actions->steps[i].what == op::closefrom &&
				r.actions->steps[i].a < from)
				from = r.actions->steps[i].a;
	if (r.attr && (r.attr->flags & SPAWNX_CLOEXEC_DEFAULT))
		from = 0;
	if (r.attr && r.attr->listenfds > 0 && from < 3 + r.attr->listenfds)
		from = 3 + r.attr->listenfds;
	return from;
}

int highest_needed(const request &r, int from)
{
	int highest = from - 1;
	each_needed(r, [&](int fd) { highest = fd > highest ? fd : highest; });
	return highest;
}

/* The lowest needed from "from" on; INT_MAX: none. */
int next_needed(const request &r, int from)
{
	int next = INT_MAX;
	each_needed(r, [&](int fd) { next = fd >= from && fd < next ? fd : next; });
	return next;
}

/* /dev/fd/7, /proc/self/fd/7: a descriptor that is needed, but by name; or after chdir. */
bool names_descriptors(const char *path)
{
	const char *const p = path;
	return strstr(p, "/fd") || strstr(p, "/std") || (p[0] == 'f' && p[1] == 'd') ||
		(p[0] == 's' && p[1] == 't' && p[2] == 'd');
}

bool any_path_names_descriptors(const request &r)
{
	for (size_t i = 0; i < r.candidate_count; i++)
		if (r.candidates[i] && names_descriptors(r.candidates[i]))
			return true;
	for (size_t i = 0; r.actions && i < r.actions->count; i++) {
		const step &s = r.actions->steps[i];
		if ((s.what == op::open || s.what == op::openat || s.what == op::chdir) &&
			names_descriptors(s.path))
			return true;
	}
	return false;
}

} // namespace

gap largest_gap(const request &r, size_t table_size)
{
	const int from = lowest(r);
	if (from == INT_MAX || any_path_names_descriptors(r))
		return {0, -1};
	const int highest = highest_needed(r, from);
	gap best = {highest + 1, INT_MAX};
	if (!table_size || !r.actions || r.actions->count > many_actions)
		return best;
	int length = static_cast<int>(table_size) - best.first;
	for (int first = from; first <= highest;) {
		const int next = next_needed(r, first);
		if (next - first > length) {
			best = {first, next - 1};
			length = next - first;
		}
		first = next + 1;
	}
	return best;
}

bool wants_table_size(const request &r)
{
	const int from = lowest(r);
	return from != INT_MAX && highest_needed(r, from) - from >= high;
}

} // namespace spawnx_core
