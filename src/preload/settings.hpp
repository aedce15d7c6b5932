/* SPDX-License-Identifier: MIT */
#pragma once

#include <spawnx.h>

namespace spawnx_preload
{

/* What SPAWNX_PRELOAD asks for, a comma list; see libspawnx-preload(7). */
struct settings {
	bool nonewprivs; /* every child */
	bool cloexec;    /* only 0 to 2 and what a file action makes reach a child */
	bool off;        /* everything goes to the next definition */
};

/* Read at the first call, then remembered. Nothing in secure-execution mode. */
const settings &asked_for();

/* New objects, with what was asked for in them. On failure there is none. */
int make_attr(spawnxattr_t *);
int make_actions(spawnx_file_actions_t *);

/* The flags of an object, when its owner sets these. */
short with_added(short flags);

} // namespace spawnx_preload
