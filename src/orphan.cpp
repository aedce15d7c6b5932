/* SPDX-License-Identifier: MIT */
/*
 * autoreap before Linux 7.1, weaker: the child is orphaned at birth. Its parent, the relay,
 * is gone when the call returns, so init (or the nearest subreaper) reaps it: no zombie, no
 * SIGCHLD, nothing for wait(2). The pidfd is in the descriptor table we share.
 */
#include "relay.hpp"

namespace spawnx_core
{

void orphan(void *arg)
{
	plan &p = *static_cast<plan *>(arg);
	bool dead;

	if (in_callers_pid_namespace(p))
		(void)relay_child(p, dead);
	p.relay.done = 1;
	sys::exit_group(0);
}

} // namespace spawnx_core
