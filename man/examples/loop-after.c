/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <spawnx.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

extern char **environ;

static struct job {
	char *argv[3];
	int pidfd; /* -1: does not run */
} jobs[] = {{{"false", NULL}, -1}, {{"sleep", "60", NULL}, -1}};

enum { count = sizeof(jobs) / sizeof(jobs[0]) };

static void start(struct job *job, const spawnxattr_t *attr, int epoll)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = job};
	int err = pidfd_spawnxp(&job->pidfd, job->argv[0], NULL, attr, job->argv, environ);

	if (err != 0)
		printf("%s: %s\n", job->argv[0], strerror(err));
	else
		epoll_ctl(epoll, EPOLL_CTL_ADD, job->pidfd, &event);
}

static void ended(struct job *job, int epoll)
{
	struct spawnx_exit end = {.size = sizeof(end)};
	int err = spawnx_wait(job->pidfd, &end, NULL);

	if (err != 0) /* ENODATA: somebody else has waited for it */
		printf("%s: %s\n", job->argv[0], strerror(err));
	else if (end.code == CLD_EXITED)
		printf("%s: exit status %d\n", job->argv[0], end.status);
	else
		printf("%s: killed by signal %d\n", job->argv[0], end.status);
	epoll_ctl(epoll, EPOLL_CTL_DEL, job->pidfd, NULL);
	close(job->pidfd);
	job->pidfd = -1;
}

int main(void)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event;
	spawnxattr_t attr;

	if (epoll < 0 || spawnxattr_init(&attr) != 0) {
		perror("loop");
		return 1;
	}
	/* Without it they are ordinary children, which spawnx_wait reaps. */
	if (spawnx_feature(SPAWNX_FEATURE_AUTOREAP) >= SPAWNX_EXACT)
		spawnxattr_setautoreap(&attr, 1);
	for (int i = 0; i < count; i++)
		start(&jobs[i], &attr, epoll);
	spawnxattr_destroy(&attr);

	while (jobs[0].pidfd >= 0 || jobs[1].pidfd >= 0) {
		if (jobs[0].pidfd < 0)
			spawnx_signal(jobs[1].pidfd, SIGTERM);
		if (epoll_wait(epoll, &event, 1, -1) != 1)
			continue;
		ended(event.data.ptr, epoll);
	}
	return 0;
}
