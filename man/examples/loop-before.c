/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static struct job {
	char *argv[3];
	pid_t pid; /* 0: does not run */
} jobs[] = {{{"false", NULL}, 0}, {{"sleep", "60", NULL}, 0}};

enum { count = sizeof(jobs) / sizeof(jobs[0]) };

static void start(struct job *job, const posix_spawnattr_t *attr)
{
	int err = posix_spawnp(&job->pid, job->argv[0], NULL, attr, job->argv, environ);

	if (err != 0) {
		printf("%s: %s\n", job->argv[0], strerror(err));
		job->pid = 0;
	}
}

static void ended(struct job *job, int status)
{
	if (WIFEXITED(status))
		printf("%s: exit status %d\n", job->argv[0], WEXITSTATUS(status));
	else
		printf("%s: killed by signal %d\n", job->argv[0], WTERMSIG(status));
	job->pid = 0;
}

int main(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct signalfd_siginfo info;
	posix_spawnattr_t attr;
	sigset_t chld, old;
	int signals, status;
	pid_t pid;

	/* SIGCHLD becomes a descriptor; the children must not have it blocked. */
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, &old);
	signals = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, signals, &event) != 0 ||
		posix_spawnattr_init(&attr) != 0) {
		perror("loop");
		return 1;
	}
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &old);
	for (int i = 0; i < count; i++)
		start(&jobs[i], &attr);
	posix_spawnattr_destroy(&attr);

	while (jobs[0].pid != 0 || jobs[1].pid != 0) {
		if (jobs[0].pid == 0)
			kill(jobs[1].pid, SIGTERM);
		if (epoll_wait(epoll, &event, 1, -1) != 1)
			continue;
		/* One signal may stand for several children: ask until there is none. */
		while (read(signals, &info, sizeof(info)) > 0)
			;
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			for (int i = 0; i < count; i++)
				if (jobs[i].pid == pid)
					ended(&jobs[i], status);
	}
	return 0;
}
