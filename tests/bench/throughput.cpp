/* SPDX-License-Identifier: MIT */
/* Fire and forget: nobody wants the status, but nobody wants zombies either. */
#include "ways.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <sched.h>
#include <spawn.h>
#include <spawnx.h>
#include <sys/wait.h>

namespace bench
{

namespace
{

constexpr int children = 100; /* a batch */

volatile sig_atomic_t reaped;

void on_sigchld(int)
{
	const int saved = errno;
	while (waitpid(-1, nullptr, WNOHANG) > 0)
		reaped = reaped + 1;
	errno = saved;
}

int with_handler()
{
	struct sigaction handler = {}, before;
	sigset_t child, mask;
	handler.sa_handler = on_sigchld;
	handler.sa_flags = SA_RESTART;
	sigaction(SIGCHLD, &handler, &before);
	reaped = 0;
	int error = 0;
	for (int i = 0; i < children && !error; i++)
		error = posix_spawn(
			nullptr, program, nullptr, nullptr, program_argv, program_envp);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &mask);
	while (!error && reaped < children)
		sigsuspend(&mask);
	sigaction(SIGCHLD, &before, nullptr);
	sigprocmask(SIG_SETMASK, &mask, nullptr);
	return error;
}

int autoreaped()
{
	pid_t pids[children];
	spawnxattr_t attr;
	int error = spawnxattr_init(&attr);
	spawnxattr_setautoreap(&attr, 1);
	for (pid_t &pid : pids)
		if (!error)
			error = spawnx(&pid, program, nullptr, &attr, program_argv,
				program_envp);
	spawnxattr_destroy(&attr);
	for (const pid_t pid : pids)
		while (!error && kill(pid, 0) == 0)
			sched_yield();
	return error;
}

} // namespace

std::vector<throughput> fire_and_forget(int rounds)
{
	struct {
		const char *name;
		int (*batch)();
		int error;
		std::vector<double> us;
	} all[] = {
		{"posix_spawn, SIGCHLD handler, waitpid", with_handler, 0, {}},
		{"spawnx, autoreap", autoreaped, 0, {}},
	};
	for (int round = 0; round < rounds; round++)
		for (auto &one : all) {
			if (one.error)
				continue;
			const double begin = now_us();
			one.error = one.batch();
			one.us.push_back((now_us() - begin) / children);
		}
	std::vector<throughput> result;
	for (auto &one : all)
		result.push_back({one.name, one.error ? 0 : median(one.us),
			one.error ? strerror(one.error) : ""});
	return result;
}

} // namespace bench
