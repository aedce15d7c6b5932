/* SPDX-License-Identifier: MIT */
#pragma once

namespace spawnx_core
{

/*
 * A child that changes its ids while it shares our memory clears our dumpable flag, which
 * is a property of that memory (kernel fact: commit_creds, 6.1 to 7.3). For as long as the
 * child lives in it, that is what keeps others of its new user out; afterwards the flag is
 * put back. Spawns of several threads overlap: the last one back does it, as an earlier one
 * would open the memory under another's child.
 */
void enter_undumpable();
void leave_undumpable();

} // namespace spawnx_core
