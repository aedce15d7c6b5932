/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawnx.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static struct job {
	char *argv[4];
	char result[512];
} jobs[] = {
	{.argv = {"sleep", "0.3"}},
	{.argv = {"true"}},
	{.argv = {"sh", "-c", "exit 7"}},
	{.argv = {"no-such-program"}},
	{.argv = {"sh", "-c", "kill -KILL $$"}},
	{.argv = {"sleep", "0.1"}},
};

enum { count = sizeof(jobs) / sizeof(jobs[0]), workers = 3 };

/* The pidfd; -1: there is no child. */
static int start(struct job *job)
{
	struct spawnx_child child = {.size = sizeof(child)};
	struct spawnx_failure failure = {.size = sizeof(failure)};

	if (spawnx_start(&child, &failure, SPAWNX_SEARCH_PATH, job->argv[0], NULL, NULL,
		    job->argv, environ) == 0)
		return child.pidfd;
	spawnx_strfailure(&failure, job->result, sizeof(job->result));
	return -1;
}

static void ended(struct job *job, int pidfd)
{
	struct spawnx_exit end = {.size = sizeof(end)};
	int err = spawnx_wait(pidfd, &end, NULL);

	close(pidfd);
	if (err != 0) /* ENODATA: somebody else has waited for it */
		snprintf(job->result, sizeof(job->result), "%s", strerror(err));
	else
		snprintf(job->result, sizeof(job->result), "%s %d",
			end.code == CLD_EXITED ? "exit status" : "killed by signal",
			end.status);
}

int main(void)
{
	struct pollfd slot[workers];
	struct job *job_of[workers], *next = jobs;
	int i, running = 0;

	for (i = 0; i < workers; i++)
		slot[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	for (;;) {
		for (i = 0; i < workers; i++)
			while (slot[i].fd < 0 && next < jobs + count) {
				job_of[i] = next++;
				slot[i].fd = start(job_of[i]);
				running += slot[i].fd >= 0;
			}
		if (running == 0)
			break;
		/* It passes over a slot whose fd is -1. */
		if (poll(slot, workers, -1) < 0) {
			if (errno == EINTR)
				continue;
			perror("poll");
			return 1;
		}
		for (i = 0; i < workers; i++)
			if (slot[i].fd >= 0 && slot[i].revents != 0) {
				ended(job_of[i], slot[i].fd);
				slot[i].fd = -1;
				running--;
			}
	}
	for (i = 0; i < count; i++)
		printf("%s: %s\n", jobs[i].argv[0], jobs[i].result);
	return 0;
}
