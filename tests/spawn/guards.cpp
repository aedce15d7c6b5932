/* SPDX-License-Identifier: MIT */
/*
 * guards [THREADS CHILDREN [SEED]]: autokill children, by the kernel or by guards, ending in
 * every way; then nothing of them is left. And how long a kill takes, and what a guard has
 * of memory. Speaks TAP. What the other test programs are given (--reporter NAME) is ignored.
 */
#include <spawnx.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <mutex>
#include <poll.h>
#include <random>
#include <string>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using clock_type = std::chrono::steady_clock;

namespace
{

std::string idle;
spawnxattr_t attr;
std::atomic<bool> by_guard;
std::atomic<long> wrong;
std::mutex mutex; /* of the next two */
std::string guard_program;
std::vector<pid_t> guards;

int cases, failures;

void result(bool good, const std::string &text)
{
	failures += !good;
	std::printf("%sok %d - %s\n", good ? "" : "not ", ++cases, text.c_str());
}

/* What is not as it should be is told a few times; that it was, once. */
void bad(const char *what, long value)
{
	if (wrong++ < 10)
		std::printf("# %s: %ld\n", what, value);
}

std::string first_line(const std::string &path)
{
	std::string line;
	std::getline(std::ifstream(path), line);
	return line;
}

std::string of_process(pid_t pid, const char *name)
{
	return "/proc/" + std::to_string(pid) + "/" + name;
}

std::string program_of(pid_t pid)
{
	char path[4096];
	const ssize_t n = readlink(of_process(pid, "exe").c_str(), path, sizeof(path));
	return {path, n > 0 ? static_cast<std::size_t>(n) : 0};
}

/* A number in a file of "Name: number unit" lines; -1: not there. */
long number_in(const std::string &path, const std::string &name)
{
	std::ifstream in(path);
	for (std::string line; std::getline(in, line);)
		if (line.rfind(name + ":", 0) == 0)
			return std::atol(line.c_str() + name.size() + 1);
	return -1;
}

std::vector<std::string> descriptors()
{
	std::vector<std::string> found;
	DIR *dir = opendir("/proc/self/fd");
	while (const dirent *entry = dir ? readdir(dir) : nullptr)
		found.push_back(entry->d_name);
	if (dir)
		closedir(dir);
	std::sort(found.begin(), found.end());
	return found;
}

spawnx_child start(const char *path, const char *word, int expected = 0)
{
	char name[] = "idle", words[32] = {};
	std::strncpy(words, word, sizeof(words) - 1);
	char *argv[] = {name, *words ? words : nullptr, nullptr}, *envp[] = {nullptr};
	spawnx_child child = {};
	child.size = sizeof(child);
	child.pidfd = -1;
	const int error =
		spawnx_start(&child, nullptr, 0, path, nullptr, &attr, argv, envp);
	if (error != expected)
		bad("spawn", error);
	if (child.emulated >> SPAWNX_FEATURE_AUTOKILL & 1)
		by_guard = true;
	return child;
}

void note_guard_of(pid_t child)
{
	const long guard = number_in(of_process(child, "status"), "PPid");
	if (guard <= 1 || guard == getpid())
		return;
	const std::lock_guard<std::mutex> lock(mutex);
	guards.push_back(static_cast<pid_t>(guard));
	if (guard_program.empty() &&
		first_line(of_process(guards.back(), "comm")) == "spawnx-guard")
		guard_program = program_of(guards.back());
}

bool ends(int pidfd)
{
	pollfd p = {pidfd, POLLIN, 0};
	return poll(&p, 1, 30000) == 1;
}

void one(unsigned way, unsigned random)
{
	if (way == 0) {
		(void)start("/nonexistent/x", "", ENOENT);
		return;
	}
	const std::string word = way == 1 ? "exit:0"
		: way == 2		  ? "ms:" + std::to_string(random % 8)
					  : "";
	const spawnx_child child = start(idle.c_str(), word.c_str());
	if (child.pidfd < 0)
		return;
	const int own = static_cast<int>(syscall(SYS_pidfd_open, child.pid, 0));
	const int gone = own < 0 ? errno : 0;
	note_guard_of(child.pid);
	if (way == 1) { /* by itself */
		if (!ends(child.pidfd))
			bad("does not exit", child.pid);
	} else if (way == 3) {
		if (const int error = spawnx_signal(child.pidfd, SIGKILL))
			bad("kill", error);
		if (!ends(child.pidfd))
			bad("not killed", child.pid);
	} else if (own >= 0) {
		pollfd p = {own, POLLIN, 0};
		if (poll(&p, 1, static_cast<int>(random % 3)) == 1 && way == 4)
			bad("died before the close", child.pid);
	}
	close(child.pidfd);
	/* Its pid may be another's once it is gone, not so what we have opened. */
	if (own >= 0 && !ends(own))
		bad("outlives its pidfd", child.pid);
	if (gone && (gone != ESRCH || way > 2)) /* it has exited, and is reaped */
		bad("pidfd_open", gone);
	close(own);
}

void run(unsigned seed, long children)
{
	std::minstd_rand random(seed);
	for (long i = 0; i < children; i++) {
		const unsigned way = static_cast<unsigned>(random() >> 8) % 5;
		one(way, static_cast<unsigned>(random() >> 8));
	}
}

/* The guards that live, and the zombies that init has not yet reaped. */
std::size_t guards_left()
{
	std::size_t left = 0;
	for (const pid_t pid : guards)
		left += first_line(of_process(pid, "comm")) == "spawnx-guard";
	if (guard_program.empty())
		return left;
	/* Those whose pid nobody knows: of failed spawns. */
	DIR *dir = opendir("/proc");
	while (const dirent *entry = dir ? readdir(dir) : nullptr) {
		const int pid = std::atoi(entry->d_name);
		if (pid > 0 && std::count(guards.begin(), guards.end(), pid) == 0)
			left += program_of(pid) == guard_program;
	}
	if (dir)
		closedir(dir);
	return left;
}

void check_nothing_left(const std::vector<std::string> &open_before)
{
	const auto end = clock_type::now() + std::chrono::seconds(20);
	std::sort(guards.begin(), guards.end());
	guards.erase(std::unique(guards.begin(), guards.end()), guards.end());
	std::size_t left;
	while ((left = guards_left()) && clock_type::now() < end)
		std::this_thread::sleep_for(std::chrono::milliseconds(50));
	result(left == 0,
		std::to_string(left) + " guards left, " + std::to_string(guards.size()) +
			" seen");
	result(by_guard == !guards.empty(), by_guard ? "by guards" : "by the kernel");
	int r;
	do /* the kernel's own are children until they are gone */
		r = waitpid(-1, nullptr, WNOHANG | __WALL);
	while (r == 0 && clock_type::now() < end);
	result(r == -1 && errno == ECHILD, "no child left");
	result(descriptors() == open_before, "no descriptor left");
}

void tell_memory()
{
	const spawnx_child child = start(idle.c_str(), "");
	const pid_t guard =
		static_cast<pid_t>(number_in(of_process(child.pid, "status"), "PPid"));
	std::this_thread::sleep_for(std::chrono::milliseconds(50));
	const std::string status = of_process(guard, "status");
	std::printf(
		"# memory of one guard: VmRSS %ld kB, of it anonymous %ld kB, Pss %ld kB, "
		"page tables %ld kB\n",
		number_in(status, "VmRSS"), number_in(status, "RssAnon"),
		number_in(of_process(guard, "smaps_rollup"), "Pss"),
		number_in(status, "VmPTE"));
	close(child.pidfd);
}

void tell_latency(int samples)
{
	std::vector<long> us, spawn;
	for (int i = 0; i < samples; i++) {
		const auto spawned = clock_type::now();
		const spawnx_child child = start(idle.c_str(), "");
		const int own = static_cast<int>(syscall(SYS_pidfd_open, child.pid, 0));
		const auto began = clock_type::now();
		const auto count = [](auto d) {
			return static_cast<long>(
				std::chrono::duration_cast<std::chrono::microseconds>(d)
					.count());
		};
		spawn.push_back(count(began - spawned));
		/* It sleeps, as most do that are killed. */
		std::this_thread::sleep_for(std::chrono::milliseconds(3));
		const auto closed = clock_type::now();
		close(child.pidfd);
		if (!ends(own))
			bad("outlives its pidfd", child.pid);
		us.push_back(count(clock_type::now() - closed));
		close(own);
	}
	std::sort(us.begin(), us.end());
	std::sort(spawn.begin(), spawn.end());
	const std::size_t middle = us.size() / 2, late = us.size() * 95 / 100;
	std::printf(
		"# latency from close to death %s: median %ld us, 95 %% %ld us; a spawn: "
		"median %ld us\n",
		by_guard ? "by the guard" : "by the kernel", us[middle], us[late],
		spawn[middle]);
}

} // namespace

int main(int argc, char *argv[])
{
	const bool given = argc > 2 && argv[1][0] != '-';
	const unsigned threads = given ? static_cast<unsigned>(std::atoi(argv[1])) : 4;
	const long children = given ? std::atol(argv[2]) : 200;
	const unsigned seed = given && argc > 3
		? static_cast<unsigned>(std::strtoul(argv[3], nullptr, 0))
		: std::random_device()();
	const char *helpers = std::getenv("SPAWNX_TEST_HELPERS");
	if (threads == 0 || children <= 0 || !helpers) {
		std::fprintf(stderr,
			"usage: SPAWNX_TEST_HELPERS=DIR guards "
			"[THREADS CHILDREN [SEED]]\n");
		return 2;
	}
	std::setvbuf(stdout, nullptr, _IOLBF, 0);
	if (spawnx_feature(SPAWNX_FEATURE_AUTOKILL) == SPAWNX_ABSENT) {
		std::printf("1..0 # SKIP neither autokill nor clone3\n");
		return 0;
	}
	idle = std::string(helpers) + "/idle";
	if (spawnxattr_init(&attr) || spawnxattr_setautokill(&attr, 1) ||
		spawnxattr_setnonewprivs(&attr, 1) ||
		spawnxattr_setfallback(&attr, SPAWNX_FALLBACK_WEAKER))
		return 2;
	std::printf("# seed %u\n", seed);
	const auto open_before = descriptors();
	std::vector<std::thread> running;
	for (unsigned i = 0; i < threads; i++)
		running.emplace_back(run, seed + i, children / threads);
	for (std::thread &t : running)
		t.join();
	tell_latency(given ? 200 : 30);
	if (by_guard)
		tell_memory();
	result(wrong == 0,
		std::to_string(children) + " children, " + std::to_string(wrong.load()) +
			" things wrong");
	check_nothing_left(open_before);
	spawnxattr_destroy(&attr);
	std::printf("1..%d\n", cases);
	return failures != 0;
}
