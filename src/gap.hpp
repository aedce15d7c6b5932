/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

namespace spawnx_core
{

struct request;

/*
 * The largest range of descriptors that a child with close-by-default or closefrom has no
 * use for. A child that shares our table and leaves it by one close_range(2) over that
 * range is spared their copy: flat in the number of descriptors that are open.
 */
struct gap {
	int first, last; /* inclusive; first > last: there is none */
};

/* Pure. table_size: no descriptor is as high; 0: not known. */
gap largest_gap(const request &, size_t table_size);

/*
 * Whether the answer depends on table_size: with something needed high up, most may be
 * open below it or above.
 */
bool wants_table_size(const request &);

/* FDSize of /proc/self/status; 0: cannot be had. */
size_t table_size();

} // namespace spawnx_core
