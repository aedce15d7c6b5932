/* SPDX-License-Identifier: MIT */
/* The probes that make a child in our memory: nothing of ours runs in it. */
#include <catch2/catch_test_macros.hpp>
#include <snapshot.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "features.hpp"
#include "relayed.hpp"

static long self;
static std::atomic<int> handled_here, handled_elsewhere;

static void on_signal(int)
{
	(syscall(SYS_getpid) == self ? handled_here : handled_elsewhere)++;
}

/* How often a handler ran in another process than this, which is signalled as a group. */
template <typename F> static int handled_in_a_child(F probe)
{
	const pid_t pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		self = syscall(SYS_getpid);
		struct sigaction action = {};
		action.sa_handler = on_signal;
		action.sa_flags = SA_RESTART;
		sigaction(SIGUSR1, &action, nullptr);
		std::atomic<bool> done{false};
		std::thread sender([&done] {
			sigset_t every;
			sigfillset(&every);
			pthread_sigmask(SIG_SETMASK, &every, nullptr);
			while (!done)
				kill(0, SIGUSR1);
		});
		const auto until =
			std::chrono::steady_clock::now() + std::chrono::milliseconds(700);
		while (std::chrono::steady_clock::now() < until)
			probe();
		done = true;
		sender.join();
		_exit(handled_here == 0 ? 99 : handled_elsewhere != 0);
	}
	int status = -1;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE("probes: no handler runs in the child of one", "[thread]")
{
	using namespace spawnx_core;
	CHECK(handled_in_a_child([] {
		(void)feature::native_after(EPERM, feature::bit(feature::EXIT_INFO), 0);
	}) == 0);
	CHECK(handled_in_a_child([] { (void)sees_what_a_child_writes(); }) == 0);
}

TEST_CASE("probes: asked again, what is there is there for all threads meanwhile",
	"[thread]")
{
	using namespace spawnx_core;
	constexpr std::uint64_t both =
		feature::bit(feature::PIDFD) | feature::bit(feature::CLOSE_RANGE);
	const std::uint64_t had = feature::native(both);
	std::atomic<bool> done{false};
	std::thread other([&] {
		while (!done)
			(void)feature::native_after(EPERM, both, had);
	});
	long absent = 0;
	const auto until =
		std::chrono::steady_clock::now() + std::chrono::milliseconds(700);
	while (std::chrono::steady_clock::now() < until)
		for (int i = 0; i < 1000; i++)
			absent += feature::native(both) != had;
	done = true;
	other.join();
	CHECK(absent == 0);
}

/* Linux 5.3 to 5.6: 64 bytes, or E2BIG; the descriptor of a cgroup is behind them. */
TEST_CASE("probes: where clone3 takes 64 bytes alone, it takes no cgroup", "[has:clone3]")
{
	using namespace spawnx_core;
	const pid_t pid = fork();
	if (pid == 0) {
		sock_filter code[] = {
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 3),
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
				offsetof(seccomp_data, args[1])),
			BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 64, 0, 1),
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | E2BIG),
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		};
		const sock_fprog program = {6, code};
		constexpr std::uint64_t both = feature::bit(feature::CLONE3) |
			feature::bit(feature::INTO_CGROUP);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
			prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
			_exit(2);
		const std::uint64_t now = feature::native_after(EPERM, both, both);
		_exit(now == feature::bit(feature::CLONE3) ? 0 : 3);
	}
	int status = -1;
	waitpid(pid, &status, 0);
	CHECK(status == 0);
}
