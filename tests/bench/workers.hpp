/* SPDX-License-Identifier: MIT */
#pragma once

#include <string>
#include <vector>

namespace bench
{

struct measured {
	std::string name;
	double to_return, to_exit; /* µs, medians; 0: not to be had */
	std::string why;	   /* then this tells why */
};

/* One parent, and beside it, round by round, the empty one of the same run. */
struct point {
	std::string axis, label;
	std::string libc;
	std::vector<measured> with, empty;
	double returned(const std::string &name) const;
	double ratio(const std::string &name, const std::string &to) const;
	double to_empty(const std::string &name) const;
};

struct size {
	double gib = 0;
	int descriptors = 0, threads = 1;
};

/* loader: a directory with another libc and its ld.so; empty: the program's own. */
point run_point(const char *axis, const std::string &label, const size &, unsigned rounds,
	const std::string &loader = "");

/* Everything as text: Markdown on standard output, numbers for plot.py in a file. */
void print_axis(const std::vector<point> &);
void print_exit(const point &);
void print_targets(const std::vector<point> &all, const point *newer);
bool write_numbers(const std::vector<point> &, const std::string &file);

} // namespace bench
