/* SPDX-License-Identifier: MIT */
/*
 * A child that becomes somebody else costs what any other does, however large its parent
 * is: who has to fork(2) for it copies page tables, 4 GiB of them a hundred times as long.
 */
#include "others.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <sys/mman.h>

using namespace others;
using std::chrono::steady_clock;

static constexpr std::uint64_t gib = UINT64_C(1) << 30;

static std::uint64_t bytes_in(const char *file, const std::string &key)
{
	std::ifstream in(file);
	for (std::string word; in >> word;) {
		std::uint64_t kib = 0;
		if (word == key + ":" && in >> kib)
			return kib << 10;
	}
	return 0;
}

/* 4 GiB; where that much cannot be spared, half of what is there. */
static std::size_t size_to_fill()
{
	const std::uint64_t free = bytes_in("/proc/meminfo", "MemAvailable");
	return static_cast<std::size_t>(free > 6 * gib ? 4 * gib : free / 2);
}

/* In memory, page by page: large pages would make page tables small. */
struct resident {
	const std::size_t size = size_to_fill();
	void *memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	resident()
	{
		REQUIRE(memory != MAP_FAILED);
		(void)madvise(memory, size, MADV_NOHUGEPAGE);
		for (std::size_t at = 0; at < size; at += 4096)
			static_cast<volatile char *>(memory)[at] = 1;
	}
	~resident()
	{
		munmap(memory, size);
	}
	resident(const resident &) = delete;
	resident &operator=(const resident &) = delete;
};

/* From the call to its return, in nanoseconds; the child has exec'ed by then. */
static double time_of(const std::string &path, spawnxattr_t *attr)
{
	static const strings argv({"idle", "exit:0"}), envp({});
	pid_t pid = -1;
	const auto start = steady_clock::now();
	const int error = spawnx(&pid, path.c_str(), nullptr, attr, argv, envp);
	const std::chrono::duration<double, std::nano> took = steady_clock::now() - start;
	if (error || wait_pid(pid) != 0)
		FAIL("no child: " << error);
	return took.count();
}

static double median(std::vector<double> times)
{
	const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
	std::nth_element(times.begin(), middle, times.end());
	return *middle;
}

/* Both kinds in turn, so that whatever else the machine does meets both; five times. */
static double median_ratio(const std::string &path, spawnxattr_t *attr)
{
	std::vector<double> ratios;
	for (int round = 0; round < 5; round++) {
		std::vector<double> plain, other;
		for (int i = 0; i < 150; i++) {
			plain.push_back(time_of(path, nullptr));
			other.push_back(time_of(path, attr));
		}
		const double ratio = median(other) / median(plain);
		std::printf("# plain %.1f us, other ids %.1f us, ratio %.3f\n",
			median(plain) / 1e3, median(other) / 1e3, ratio);
		ratios.push_back(ratio);
	}
	std::printf("# median ratio %.3f\n", median(ratios));
	std::fflush(stdout);
	return median(ratios);
}

static void measure(spawnxattr_t *attr)
{
	const public_helper idle("idle");
	const resident large;
	const double in_memory =
		static_cast<double>(bytes_in("/proc/self/status", "VmRSS"));
	std::printf("# %.2f GiB resident%s\n", in_memory / static_cast<double>(gib),
		large.size < 4 * gib ? ": no 4 GiB to be had here" : "");
	REQUIRE(in_memory >= 0.98 * static_cast<double>(large.size));
	CHECK(median_ratio(idle.path, attr) <= 1.3);
}

SPAWNX_TEST("a large parent: other ids cost no more than a spawn", "[root]")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setuid(attr, 1000)) == 0);
	REQUIRE(CALL(spawnxattr_setgid(attr, 1000)) == 0);
	REQUIRE(CALL(spawnxattr_setgroups(attr, 0, nullptr)) == 0);
	measure(attr);
}

SPAWNX_TEST(
	"a large parent: the ids it has, set again, cost no more than a spawn", "[user]")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setuid(attr, getuid())) == 0);
	REQUIRE(CALL(spawnxattr_setgid(attr, getgid())) == 0);
	measure(attr);
}
