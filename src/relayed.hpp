/* SPDX-License-Identifier: MIT */
/* The parent's side of the two weaker fallbacks: relay.hpp has the other. */
#pragma once

namespace spawnx_core
{

struct plan;
struct launched;

bool sees_what_a_child_writes();

/*
 * Opens the program that becomes the guard. 0; ENOTSUP: it is missing, or is not this
 * library's, or could not kill the child; EPERM: the kernel would not allow autokill either; or what open(2) says of a
 * full table. launch() closes plan.guard.fd.
 */
int open_guard(plan &);
extern const char *guard_path; /* not constant: tests put others in its place */

long clone_relay(plan &);
/* l.pid is the relay's; on return there is no relay, and l is about the child. */
void settle_relay(plan &, launched &);

} // namespace spawnx_core
