/* SPDX-License-Identifier: MIT */
/*
 * An allocator that fails when told to: linked with --wrap, so that the library's own
 * calls come here, and those it makes to libcap, which allocates for it.
 */
#pragma once

namespace fault
{

extern long fails_at; /* allocations until one fails; negative: none does */
extern long allocations;
extern long kept; /* blocks that the library has and has not freed */

} // namespace fault
