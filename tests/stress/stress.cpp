/* SPDX-License-Identifier: MIT */
/*
 * stress [THREADS CHILDREN [SEED]]: random children on several threads, while a timer
 * interrupts them; then everything must be as before. Speaks TAP. The seed is printed
 * first. What the other test programs are given (--reporter NAME) is ignored.
 */
#include "stress.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <dirent.h>
#include <fstream>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace stress;
using clock_type = std::chrono::steady_clock;

namespace
{

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
constexpr bool sanitized = true;
#elif defined __has_feature
constexpr bool sanitized =
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool sanitized = false;
#endif

volatile std::sig_atomic_t asked_to_end;
std::atomic<long> interruptions;

int cases, failures;

[[gnu::format(printf, 2, 3)]] void result(bool good, const char *format, ...)
{
	char text[400];
	va_list arguments;
	va_start(arguments, format);
	std::vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	failures += !good;
	say((good ? "ok " : "not ok ") + std::to_string(++cases) + " - " + text);
}

/* Of this process: "3 -> pipe:[4711]". */
std::vector<std::string> descriptors()
{
	std::vector<std::string> found;
	DIR *dir = opendir("/proc/self/fd");
	while (dirent *entry = dir ? readdir(dir) : nullptr) {
		if (entry->d_name[0] == '.' || std::atoi(entry->d_name) == dirfd(dir))
			continue;
		char target[256];
		const ssize_t n =
			readlinkat(dirfd(dir), entry->d_name, target, sizeof(target));
		found.push_back(std::string(entry->d_name) + " -> " +
			std::string(target, n > 0 ? static_cast<std::size_t>(n) : 0));
	}
	if (dir)
		closedir(dir);
	std::sort(found.begin(), found.end());
	return found;
}

struct memory {
	long resident_kb = 0;
	long long heap = 0; /* bytes that malloc has given out */

	static memory now()
	{
		memory m;
		long size = 0;
		std::ifstream("/proc/self/statm") >> size >> m.resident_kb;
		m.resident_kb *= sysconf(_SC_PAGESIZE) / 1024;
		m.heap = static_cast<long long>(mallinfo2().uordblks);
		return m;
	}
};

/*
 * Children of any sort, also those no ordinary wait sees. Dropped ones that the kernel
 * reaps may still be about to die. Zombies are counted, then reaped.
 */
void count_children()
{
	long zombies = 0, living = 0;
	const auto end = clock_type::now() + std::chrono::seconds(20);
	for (;;) {
		siginfo_t info = {};
		const int r = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | __WALL);
		if (r < 0 && errno == ECHILD)
			break;
		if (r == 0 && info.si_pid) {
			zombies++;
			continue;
		}
		if (clock_type::now() > end) {
			living = 1;
			break;
		}
		std::this_thread::sleep_for(std::chrono::milliseconds(1));
	}
	result(zombies == 0 && !living, "%ld zombies, %s", zombies,
		living ? "children that live" : "no child left");
}

/* Ours are not to be ended by what the caller had ignored or blocked. */
void set_up_signals()
{
	sigset_t every;
	sigfillset(&every);
	pthread_sigmask(SIG_UNBLOCK, &every, nullptr);
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		if (sig != SIGKILL && sig != SIGSTOP && (sig < 32 || sig >= SIGRTMIN))
			std::signal(sig, SIG_DFL);
	struct sigaction action = {};
	action.sa_handler = [](int) { asked_to_end = 1; };
	sigaction(SIGTERM, &action, nullptr);
	/* Without SA_RESTART: whatever can be interrupted is. */
	action.sa_handler = [](int) { interruptions++; };
	sigaction(SIGALRM, &action, nullptr);
}

void interrupt_every(int us)
{
	const itimerval timer = {{0, us}, {0, us}};
	setitimer(ITIMER_REAL, &timer, nullptr);
}

std::string beside_this_program(const char *name)
{
	char path[4096];
	const ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
	const std::string self(path, n > 0 ? static_cast<std::size_t>(n) : 0);
	return self.substr(0, self.rfind('/') + 1) + name;
}

/* The limit of the caller, Meson or a guest's init: SIGTERM. Then it tells where it is. */
void wait_for(std::deque<worker> &workers)
{
	const auto all_finished = [&workers] {
		return std::all_of(workers.begin(), workers.end(),
			[](const worker &w) { return w.finished.load(); });
	};
	while (!all_finished()) {
		if (asked_to_end) {
			for (const worker &w : workers)
				say("# at child " + std::to_string(w.begun.load()) +
					": " + w.doing.load());
			result(false, "not finished in time");
			std::_Exit(1);
		}
		std::this_thread::sleep_for(std::chrono::milliseconds(20));
	}
}

tally run(world &shared, unsigned threads, long children)
{
	std::deque<worker> workers;
	std::vector<std::thread> running;
	for (unsigned i = 0; i < threads; i++) {
		const bool one_more = static_cast<long>(i) < children % threads;
		workers.emplace_back(shared, i, children / threads + one_more);
	}
	for (worker &w : workers)
		running.emplace_back(&worker::run, &w);
	wait_for(workers);
	for (std::thread &t : running)
		t.join();
	while (shared.slot.child)
		workers[0].finish_slot();
	tally sum;
	for (const worker &w : workers)
		sum.add(w.counts);
	/* Where nothing hangs it is what the load of the machine explains. */
	const auto longest = std::max_element(workers.begin(), workers.end(),
		[](const worker &a, const worker &b) { return a.longest < b.longest; });
	say("# longest step " +
		std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(
			longest->longest)
				       .count()) +
		" ms");
	return sum;
}

template <typename Counts>
std::string table(const Counts &counts, const char *const *names)
{
	std::string text;
	for (std::size_t i = 0; i < counts.size(); i++)
		text += std::string(i ? ", " : "") + names[i] + " " +
			std::to_string(counts[i]);
	return text;
}

void tell(const world &shared, const tally &t, long children)
{
	long all = 0;
	bool drawn = true;
	for (unsigned k = 0; k < kinds; k++) {
		all += t.of_kind[k];
		drawn = drawn && (t.of_kind[k] || !shared.can(static_cast<kind>(k)));
	}
	result(all == children, "%ld children started", all);
	result(drawn || children < 100, "every kind that this kernel has: %s",
		table(t.of_kind, kind_names).c_str());
	say("# " + table(t.of_way, way_names));
	static constexpr const char *names[] = {"spawns failed as they should",
		"statuses right", "statuses that nobody can know are ENODATA",
		"dropped children were gone", "other answers right",
		"signal masks as before"};
	for (unsigned p = 0; p < properties; p++)
		result(t.bad[p] == 0, "%ld %s%s", t.good[p], names[p],
			t.bad[p] ? (", " + std::to_string(t.bad[p]) + " not").c_str()
				 : "");
}

} // namespace

/*
 * What is orphaned is reaped at once: not every init does, and the status of a weaker child
 * is not known before. The process that goes on gets -1, the other one its exit status.
 */
static int under_a_reaper()
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	const pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return -1;
	}
	int of_pid = 1 << 8, status;
	for (pid_t ended; (ended = ::wait(&status)) > 0 || errno == EINTR;)
		of_pid = ended == pid ? status : of_pid;
	return WIFEXITED(of_pid) ? WEXITSTATUS(of_pid) : 128 + WTERMSIG(of_pid);
}

int main(int argc, char *argv[])
{
	if (const int ended = under_a_reaper(); ended >= 0)
		return ended;
	const bool given = argc > 2 && argv[1][0] != '-';
	const unsigned threads = given ? static_cast<unsigned>(std::atoi(argv[1])) : 2;
	const long children = given ? std::atol(argv[2]) : 300;
	const unsigned seed = given && argc > 3
		? static_cast<unsigned>(std::strtoul(argv[3], nullptr, 0))
		: std::random_device()();
	if (threads == 0 || children <= 0) {
		std::fprintf(stderr, "usage: stress [THREADS CHILDREN [SEED]]\n");
		return 2;
	}
	utsname system = {};
	uname(&system);
	say("# seed " + std::to_string(seed) + ", Linux " + system.release);

	set_up_signals();
	const std::string helper = beside_this_program("mortal");
	setenv("PATH", helper.substr(0, helper.rfind('/')).c_str(), 1);
	const memory before = memory::now();
	{
		world shared(helper, seed);
		const auto open_before = descriptors();
		const auto began = clock_type::now();
		interrupt_every(2000);
		const tally t = run(shared, threads, children);
		interrupt_every(0);
		const std::chrono::duration<double> took = clock_type::now() - began;

		tell(shared, t, children);
		count_children();
		const auto open_after = descriptors();
		for (const std::string &fd : open_after)
			if (std::count(open_before.begin(), open_before.end(), fd) == 0)
				say("# left open: " + fd);
		result(open_after == open_before, "%zd extra descriptors, %zu before",
			static_cast<ssize_t>(open_after.size() - open_before.size()),
			open_before.size());
		say("# seed " + std::to_string(seed) + ": " +
			std::to_string(took.count()) + " s, interrupted " +
			std::to_string(interruptions.load()) + " times");
	}
	const memory after = memory::now();
	result(sanitized ||
			(after.resident_kb - before.resident_kb < 16384 &&
				after.heap - before.heap < 65536),
		"resident %ld kB, before %ld kB; heap in use %+lld bytes",
		after.resident_kb, before.resident_kb, after.heap - before.heap);
	say("1.." + std::to_string(cases));
	return failures != 0;
}
