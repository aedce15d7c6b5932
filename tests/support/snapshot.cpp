/* SPDX-License-Identifier: MIT */
#include "snapshot.hpp"

#include "machine.hpp"
#include "spawning.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <dirent.h>
#include <fstream>
#include <malloc.h>
#include <sstream>
#include <system_error>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace support
{

static std::vector<std::string> open_descriptors()
{
	std::vector<std::string> found;
	DIR *dir = opendir("/proc/self/fd");
	while (dirent *entry = dir ? readdir(dir) : nullptr) {
		if (entry->d_name[0] == '.' || std::atoi(entry->d_name) == dirfd(dir))
			continue;
		char target[512];
		const ssize_t n =
			readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		found.push_back(std::string(entry->d_name) + " -> " +
			std::string(target, n > 0 ? static_cast<std::size_t>(n) : 0));
	}
	if (dir)
		closedir(dir);
	std::sort(found.begin(), found.end());
	return found;
}

/* Every task's children file has clone children, too, which no ordinary wait sees. */
std::vector<std::string> listed_children()
{
	std::vector<std::string> found;
	DIR *dir = opendir("/proc/self/task");
	while (dirent *entry = dir ? readdir(dir) : nullptr) {
		std::ifstream in(
			std::string("/proc/self/task/") + entry->d_name + "/children");
		for (std::string pid; in >> pid;)
			found.push_back(pid);
	}
	if (dir)
		closedir(dir);
	return found;
}

/*
 * Without those in state X, which the kernel has reaped and is taking out of its tables:
 * a child of SIGCHLD ignored or autoreap may be that when its status is there already.
 */
static std::vector<std::string> all_children()
{
	std::vector<std::string> found;
	for (const std::string &pid : listed_children()) {
		const char state = state_of(std::stoi(pid));
		if (state != 'X' && state != 0)
			found.push_back(pid);
	}
	siginfo_t info = {};
	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 &&
		info.si_pid)
		found.push_back("zombie " + std::to_string(info.si_pid));
	return found;
}

static std::size_t count_mappings()
{
	std::ifstream in("/proc/self/maps");
	std::size_t n = 0;
	for (std::string line; std::getline(in, line);)
		n++;
	return n;
}

snapshot snapshot::take()
{
	const int saved = errno;
	snapshot s;
	s.descriptors = open_descriptors();
	s.children = all_children();
	syscall(SYS_rt_sigprocmask, 0, nullptr, &s.mask, sizeof(s.mask));
	s.dumpable = prctl(PR_GET_DUMPABLE);
	/* An emulator's own memory is among ours. */
	s.mappings = has_own_mappings() ? count_mappings() : 0;
	errno = saved;
	return s;
}

/*
 * What the tests use themselves must not come as mappings: one heap, never given back, the
 * stack of a first thread, which libc keeps for the next, its random numbers.
 */
static bool settle_allocator()
{
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_ARENA_MAX, 1);
	/* From 2.41 on glibc's first use of randomness maps the vDSO's state for it. */
	char seed;
	(void)!getrandom(&seed, 1, 0);
	try {
		std::thread([] {}).join();
	} catch (const std::system_error &) {
		/* clone is blocked for this test: there will be no threads. */
	}
	return true;
}

undisturbed::undisturbed()
{
	static const bool settled = settle_allocator();
	(void)settled;
	before_case = snapshot::take();
}

undisturbed::~undisturbed()
{
	const snapshot after = snapshot::take();
	CHECK(after.descriptors == before_case.descriptors);
	CHECK(after.children == before_case.children);
	CHECK(after.mask == before_case.mask);
	CHECK(after.dumpable == before_case.dumpable);
	CHECK(after.mappings == before_case.mappings);
}

} // namespace support
