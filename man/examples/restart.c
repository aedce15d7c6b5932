/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <signal.h>
#include <spawnx.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

extern char **environ;

static struct worker {
	char *name, *command; /* $0 is which start this is */
	int pidfd, starts, error;
	struct spawnx_exit end;
} workers[] = {
	{.name = "once", .command = "exit 0"},
	{.name = "flaky", .command = "test $0 -eq 3"},
	{.name = "broken", .command = "kill -KILL $$"},
};

enum { count = sizeof(workers) / sizeof(workers[0]), max_starts = 5 };

static bool start(struct worker *w, const spawnxattr_t *attr, int epoll)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = w};
	struct spawnx_child child = {.size = sizeof(child)};
	struct spawnx_failure failure = {.size = sizeof(failure)};
	char number[12], text[512];
	char *argv[] = {"sh", "-c", w->command, number, NULL};

	snprintf(number, sizeof(number), "%d", ++w->starts);
	w->error =
		spawnx_start(&child, &failure, 0, "/bin/sh", NULL, attr, argv, environ);
	if (w->error != 0) {
		spawnx_strfailure(&failure, text, sizeof(text));
		fprintf(stderr, "%s: %s\n", w->name, text);
		return false;
	}
	w->pidfd = child.pidfd;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, w->pidfd, &event) == 0)
		return true;
	w->error = errno; /* nobody would see its end */
	spawnx_stop(w->pidfd, &(struct timespec){1, 0}, NULL);
	close(w->pidfd);
	return false;
}

/* Whether it has to be started again. */
static bool ended(struct worker *w, int epoll)
{
	w->end = (struct spawnx_exit){.size = sizeof(w->end)};
	w->error = spawnx_wait(w->pidfd, &w->end, NULL);
	/* close() alone is not enough while a child being started has a copy. */
	epoll_ctl(epoll, EPOLL_CTL_DEL, w->pidfd, NULL);
	close(w->pidfd);
	if (w->error == 0 && w->end.code == CLD_EXITED && w->end.status == 0)
		return false;
	return w->starts < max_starts;
}

int main(void)
{
	bool autokill = spawnx_feature(SPAWNX_FEATURE_AUTOKILL) >= SPAWNX_EXACT;
	int epoll = epoll_create1(EPOLL_CLOEXEC), running = 0;
	struct epoll_event event;
	struct worker *w;
	spawnxattr_t attr;

	if (!autokill)
		fputs("before Linux 7.1: workers outlive a supervisor that is killed\n",
			stderr);
	/* autokill is also autoreap; without it spawnx_wait reaps. */
	if (epoll < 0 || spawnxattr_init(&attr) != 0 ||
		spawnxattr_setautokill(&attr, autokill) != 0 ||
		spawnxattr_setnonewprivs(&attr, 1) != 0) {
		perror("restart");
		return 1;
	}
	for (w = workers; w < workers + count; w++)
		running += start(w, &attr, epoll);
	while (running > 0) {
		if (epoll_wait(epoll, &event, 1, -1) < 0) {
			if (errno == EINTR)
				continue;
			perror("epoll_wait");
			return 1;
		}
		w = event.data.ptr;
		if (!ended(w, epoll) || !start(w, &attr, epoll))
			running--;
	}
	spawnxattr_destroy(&attr);
	close(epoll);

	for (w = workers; w < workers + count; w++) {
		if (w->error != 0)
			printf("%s: %s", w->name, strerror(w->error));
		else if (w->end.code == CLD_EXITED)
			printf("%s: exit status %d", w->name, w->end.status);
		else
			printf("%s: killed by signal %d", w->name, w->end.status);
		printf(" at start %d\n", w->starts);
	}
	return 0;
}
