/* SPDX-License-Identifier: MIT */
/*
 * The worker is the parent that is measured: so much resident, so many descriptors, so
 * many threads. A byte on its standard input is one round, all ways once (with threads,
 * all of them, some times), a byte on its standard output the answer; at the end of its
 * input it prints its medians.
 */
#include "ways.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <numeric>
#include <pthread.h>
#include <random>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <thread>
#include <time.h>
#include <unistd.h>

namespace bench
{

double now_us()
{
	timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e6 * static_cast<double>(t.tv_sec) +
		1e-3 * static_cast<double>(t.tv_nsec);
}

double median(std::vector<double> &v)
{
	if (v.empty())
		return 0;
	const auto middle = v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2);
	std::nth_element(v.begin(), middle, v.end());
	return *middle;
}

namespace
{

struct sample {
	double to_return, to_exit;
};

struct contender {
	const way *how;
	int error = 0;
	bool slow = false;
	std::vector<double> returned, gone;
};

/* A way that takes longer than this is not asked in every round. */
constexpr double slow_us = 4000;
constexpr unsigned slow_rounds = 11;
constexpr int spawns_a_round = 8; /* of each thread, if there are several */

bool measure(const way &w, sample &s)
{
	job j;
	const double begin = now_us();
	const int error = w.start(j);
	const double returned = now_us();
	if (error) {
		errno = error;
		return false;
	}
	w.finish(j);
	s = {returned - begin, now_us() - begin};
	return true;
}

/* Every page its own: no huge pages, which make the page table short and fork cheap. */
bool grow(double gib)
{
	const auto size = static_cast<size_t>(gib * 1024) << 20;
	if (!size)
		return true;
	void *const p = mmap(nullptr, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || madvise(p, size, MADV_NOHUGEPAGE) != 0)
		return false;
	for (size_t at = 0; at < size; at += 4096)
		static_cast<volatile char *>(p)[at] = 1;
	return true;
}

bool open_many(int n)
{
	rlimit limit = {};
	getrlimit(RLIMIT_NOFILE, &limit);
	const auto enough = static_cast<rlim_t>(n) + 64;
	if (limit.rlim_cur < enough) {
		limit.rlim_cur = enough;
		limit.rlim_max = std::max(limit.rlim_max, enough);
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
			return false;
	}
	const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (int i = 1; i < n; i++)
		if (fcntl(null, F_DUPFD_CLOEXEC, 3) < 0)
			return false;
	return n > 0 || close(null) == 0;
}

/* A child on another processor costs what it takes to wake that one: up to 60 µs. */
void stay_here()
{
	cpu_set_t here;
	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	(void)sched_setaffinity(0, sizeof(here), &here);
}

void alone(std::vector<contender> &all, unsigned round, unsigned rounds)
{
	/* In any order: what one leaves for the kernel to do would else be the next one's. */
	static std::minstd_rand random;
	std::vector<size_t> order(all.size());
	std::iota(order.begin(), order.end(), size_t(0));
	std::shuffle(order.begin(), order.end(), random);
	for (const size_t i : order) {
		contender &c = all[i];
		if (c.error ||
			(c.slow && round % std::max(1u, rounds / slow_rounds) != 0))
			continue;
		sample s;
		if (!measure(*c.how, s))
			continue;
		c.returned.push_back(s.to_return);
		c.gone.push_back(s.to_exit);
	}
}

void together(std::vector<contender> &all, unsigned round, unsigned threads)
{
	pthread_barrier_t ready;
	pthread_barrier_init(&ready, nullptr, threads);
	std::vector<std::vector<std::vector<sample>>> of(threads);
	std::vector<std::thread> running;
	for (unsigned t = 0; t < threads; t++)
		running.emplace_back([&, t] {
			of[t].resize(all.size());
			for (size_t i = 0; i < all.size(); i++) {
				const size_t which = (i + round) % all.size();
				pthread_barrier_wait(&ready);
				sample s;
				for (int n = 0; n < spawns_a_round && !all[which].error;
					n++)
					if (measure(*all[which].how, s))
						of[t][which].push_back(s);
			}
		});
	for (auto &t : running)
		t.join();
	pthread_barrier_destroy(&ready);
	for (const auto &thread : of)
		for (size_t i = 0; i < all.size(); i++)
			for (const sample &s : thread[i]) {
				all[i].returned.push_back(s.to_return);
				all[i].gone.push_back(s.to_exit);
			}
}

} // namespace

int serve(double gib, int descriptors, int threads, unsigned rounds)
{
	std::vector<contender> all;
	char byte;

	if (!grow(gib) || !open_many(descriptors)) {
		fprintf(stderr, "bench: %s\n", strerror(errno));
		return 1;
	}
	if (threads == 1)
		stay_here();
	for (const way &w : ways()) {
		contender c;
		sample s;
		c.how = &w;
		/* The first is a rehearsal: probes, the dynamic linker, cold caches. */
		c.error = measure(w, s) && measure(w, s) ? 0 : errno;
		c.slow = !c.error && s.to_return > slow_us;
		all.push_back(c);
	}
	(void)!write(1, "+", 1);
	for (unsigned round = 0; read(0, &byte, 1) == 1; round++) {
		if (threads > 1)
			together(all, round, static_cast<unsigned>(threads));
		else
			alone(all, round, rounds);
		(void)!write(1, "+", 1);
	}
	printf("%s\n", gnu_get_libc_version());
	for (contender &c : all)
		printf("%s\t%.2f\t%.2f\t%s\n", c.how->name, median(c.returned),
			median(c.gone), c.error ? strerror(c.error) : "");
	return 0;
}

} // namespace bench
