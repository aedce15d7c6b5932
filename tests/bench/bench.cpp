/* SPDX-License-Identifier: MIT */
/*
 * bench [--quick] [--empty] [--out DIRECTORY] [--libc DIRECTORY]: how long it takes to
 * start a program, in every way that there is here, as Markdown. All that is compared is
 * measured in turn, round by round: a machine's speed changes more than what is to be seen.
 * --quick: only whether it works; --empty: the empty parent alone, where time is dear.
 */
#include "ways.hpp"
#include "workers.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/stat.h>
#include <sys/utsname.h>

using namespace bench;

static double available_gib()
{
	char line[256];
	unsigned long kib = 0;
	FILE *const f = fopen("/proc/meminfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %lu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return static_cast<double>(kib) / (1 << 20);
}

static std::string processor()
{
	char line[256], model[128] = "unknown processor";
	FILE *const f = fopen("/proc/cpuinfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "model name : %127[^\n]", model) == 1)
			break;
	if (f)
		fclose(f);
	return model;
}

static void print_fire_and_forget(int rounds)
{
	double base = 0;
	printf("\n### Fire and forget\n\n| | µs a child | children a second | ratio |\n"
	       "|---|--:|--:|--:|\n");
	for (const throughput &t : fire_and_forget(rounds)) {
		base = base > 0 ? base : t.us;
		if (t.us > 0)
			printf("| %s | %.1f | %.0f | %.2f |\n", t.name.c_str(), t.us,
				1e6 / t.us, t.us / base);
		else
			printf("| %s | n/a | %s | |\n", t.name.c_str(), t.why.c_str());
	}
}

static int worker_main(char **argv)
{
	program = argv[2];
	return serve(atof(argv[3]), atoi(argv[4]), atoi(argv[5]),
		static_cast<unsigned>(atoi(argv[6])));
}

int main(int argc, char **argv)
{
	bool quick = false, empty = false;
	std::string out, libc;

	if (argc == 7 && strcmp(argv[1], "--worker") == 0)
		return worker_main(argv);
	program = getenv("SPAWNX_BENCH_PROGRAM");
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--quick") == 0)
			quick = true;
		else if (strcmp(argv[i], "--empty") == 0)
			empty = true;
		else if (strcmp(argv[i], "--out") == 0 && i + 1 < argc)
			out = argv[++i];
		else if (strcmp(argv[i], "--libc") == 0 && i + 1 < argc)
			libc = argv[++i];
		else
			program = nullptr, i = argc;
	}
	if (!program) {
		fprintf(stderr,
			"usage: SPAWNX_BENCH_PROGRAM=.../mortal "
			"bench [--quick] [--empty] [--out DIRECTORY] "
			"[--libc DIRECTORY]\n");
		return 2;
	}

	utsname u;
	uname(&u);
	printf("Linux %.*s, %s, %s\n", static_cast<int>(strcspn(u.release, "-")),
		u.release, u.machine, processor().c_str());

	const unsigned rounds = quick ? 20 : 1000;
	std::vector<point> all, axis;
	const auto finish_axis = [&] {
		print_axis(axis);
		fflush(stdout);
		all.insert(all.end(), axis.begin(), axis.end());
		axis.clear();
	};

	for (const double gib : {0., 1., 4., 16.}) {
		if (gib > 0 && (quick || empty || gib > available_gib() - 4))
			break;
		size s;
		s.gib = gib;
		axis.push_back(run_point("Resident memory",
			std::to_string(static_cast<int>(gib)) + " GiB", s, rounds));
	}
	finish_axis();
	print_exit(all[0]);
	for (const int n : {0, 1000, 10000}) {
		size s;
		s.descriptors = n;
		if (!empty && (!quick || n <= 1000))
			axis.push_back(run_point(
				"Open descriptors", std::to_string(n), s, rounds));
	}
	finish_axis();
	for (const int n : {1, 2, 8}) {
		size s;
		s.threads = n;
		if (!empty && (!quick || n <= 2))
			axis.push_back(run_point("Threads that spawn at once",
				std::to_string(n), s, n == 1 ? rounds : rounds / 20 + 1));
	}
	finish_axis();
	if (!libc.empty()) {
		axis.push_back(run_point("Another libc", "0 GiB", {}, rounds, libc));
		axis.back().label = "glibc " + axis.back().libc;
		finish_axis();
	}
	print_fire_and_forget(quick ? 3 : 40);
	print_targets(all, libc.empty() ? nullptr : &all.back());
	if (!out.empty() &&
		((mkdir(out.c_str(), 0777) != 0 && errno != EEXIST) ||
			!write_numbers(all, out + "/numbers.tsv"))) {
		perror(out.c_str());
		return 1;
	}
	return 0;
}
