/* SPDX-License-Identifier: MIT */
#include "workers.hpp"
#include "ways.hpp"

#include <cstdio>
#include <cstdlib>

namespace bench
{

static const std::string plain = "spawnx", posix = "posix_spawn";

void print_axis(const std::vector<point> &points)
{
	if (points.empty())
		return;
	printf("\n### %s\n\n| µs to return (× %s) |", points[0].axis.c_str(), floor_name);
	for (const point &p : points)
		printf(" %s |", p.label.c_str());
	printf("\n|---|");
	for (size_t i = 0; i < points.size(); i++)
		printf("--:|");
	printf("\n");
	for (const measured &row : points[0].with) {
		printf("| %s |", row.name.c_str());
		for (const point &p : points)
			if (p.returned(row.name) > 0)
				printf(" %.1f (%.2f) |", p.returned(row.name),
					p.ratio(row.name, floor_name));
			else
				printf(" n/a |");
		printf("\n");
	}
}

void print_exit(const point &p)
{
	double lowest = 0;
	for (const measured &m : p.with)
		if (m.name == floor_name)
			lowest = m.to_exit;
	printf("\n### Until the child is reaped\n\n| | µs to exit | × %s |\n|---|--:|--:|\n",
		floor_name);
	for (const measured &m : p.with)
		if (m.to_exit > 0)
			printf("| %s | %.1f | %.2f |\n", m.name.c_str(), m.to_exit,
				m.to_exit / lowest);
		else
			printf("| %s | n/a | %s |\n", m.name.c_str(), m.why.c_str());
}

/* value 0: it was not measured here. */
static void target(const char *what, double value, double limit, bool at_least)
{
	if (value <= 0)
		printf("| %s | %s %.2f | n/a | not measured |\n", what,
			at_least ? "≥" : "≤", limit);
	else
		printf("| %s | %s %.2f | %.2f | %s |\n", what, at_least ? "≥" : "≤",
			limit, value,
			(at_least ? value >= limit : value <= limit) ? "met" : "not met");
}

static const point *at(
	const std::vector<point> &all, const std::string &axis, const std::string &label)
{
	for (const point &p : all)
		if (p.axis == axis && p.label == label)
			return &p;
	return nullptr;
}

static void against_libc(const point &p, const std::string &spawn_of_ours)
{
	const int minor = p.libc.size() > 2 ? atoi(p.libc.c_str() + 2) : 0;
	/* glibc 2.38 has got clone3 and a cheaper way for the signal handlers. */
	const std::string what = "posix_spawn of glibc " + p.libc + " / " + spawn_of_ours;
	target(what.c_str(), p.ratio(posix, spawn_of_ours), minor >= 38 ? 1.2 : 1.8,
		true);
}

void print_targets(const std::vector<point> &all, const point *newer)
{
	const point &first = all[0];
	const point *const big = at(all, "Resident memory", "4 GiB");
	const point *const many = at(all, "Open descriptors", "10000");

	printf("\n### Targets\n\n| ratio | target | measured | |\n|---|--:|--:|---|\n");
	target("spawnx / vfork + execve", first.ratio(plain, floor_name), 1.05, false);
	against_libc(first, plain);
	if (newer)
		against_libc(*newer, plain);
	target("pidfd_spawnx / vfork + execve", first.ratio("pidfd_spawnx", floor_name),
		1.17, false);
	target("pidfd_spawnx, autoreap / vfork + execve",
		first.ratio("pidfd_spawnx, autoreap", floor_name), 1.17, false);
	target("spawnx, 4 GiB / empty parent", big ? big->to_empty(plain) : 0, 1.05,
		false);
	target("spawnx, uid / spawnx, 4 GiB",
		big ? big->ratio("spawnx, uid", plain) : 0, 1.3, false);
	target("spawnx, uid + gid + groups / spawnx, 4 GiB",
		big ? big->ratio("spawnx, uid + gid + groups", plain) : 0, 1.3, false);
	target("close-by-default, 10 000 descriptors / empty parent",
		many ? many->to_empty("spawnx, close-by-default") : 0, 1.3, false);
}

bool write_numbers(const std::vector<point> &all, const std::string &file)
{
	FILE *const f = fopen(file.c_str(), "w");
	if (!f)
		return false;
	fprintf(f, "axis\tpoint\tway\tto_return_us\tto_exit_us\tlibc\n");
	for (const point &p : all)
		for (const measured &m : p.with)
			fprintf(f, "%s\t%s\t%s\t%.2f\t%.2f\t%s\n", p.axis.c_str(),
				p.label.c_str(), m.name.c_str(), m.to_return, m.to_exit,
				p.libc.c_str());
	return fclose(f) == 0;
}

} // namespace bench
