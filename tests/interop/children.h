/* SPDX-License-Identifier: MIT */
/*
 * What the event loops have in common: children of every kind this kernel can do, and what
 * each must turn out to be. The files that include this show the loop's side only.
 */
#ifndef CHILDREN_H
#define CHILDREN_H

#include <spawnx.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CHILDREN = 6 };

struct expected {
	const char *words[2]; /* of the helper program "idle" */
	int code, status;
	int autoreap;
};

static const struct expected expected[CHILDREN] = {
	{{"ms:200", "exit:3"}, CLD_EXITED, 3, 0},
	{{"exit:0", NULL}, CLD_EXITED, 0, 0},
	{{"ms:20", "exit:255"}, CLD_EXITED, 255, 0},
	{{"signal:9", NULL}, CLD_KILLED, 9, 0},
	{{"ms:50", "exit:7"}, CLD_EXITED, 7, 1},
	{{"signal:15", NULL}, CLD_KILLED, 15, 1},
};

static int pidfds[CHILDREN];
static int running;
static int wrong;
static struct timespec begin;

static void complain(int child, const char *what)
{
	fprintf(stderr, "child %d: %s\n", child, what);
	wrong = 1;
}

/* Without CLONE_AUTOREAP (Linux 7.1) all of them are ordinary children. */
static void start_children(const char *idle)
{
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < CHILDREN; i++) {
		const struct expected *e = &expected[i];
		char *argv[] = {
			(char *)"idle", (char *)e->words[0], (char *)e->words[1], NULL};
		spawnxattr_t attr;
		int error = spawnxattr_init(&attr);
		if (!error && spawnx_feature(SPAWNX_FEATURE_AUTOREAP) == SPAWNX_NATIVE)
			error = spawnxattr_setautoreap(&attr, e->autoreap);
		if (!error)
			error = pidfd_spawnx(&pidfds[i], idle, NULL, &attr, argv, NULL);
		if (error) {
			fprintf(stderr, "%s: %s\n", idle, strerror(error));
			exit(1);
		}
		spawnxattr_destroy(&attr);
		running++;
	}
}

/* The loop says that this pidfd is readable: then the status is there, at once. */
static void child_ended(int pidfd)
{
	const struct timespec at_once = {0, 0};
	struct spawnx_exit e = {.size = sizeof(e)};
	struct timespec now;
	int child = 0;

	while (child < CHILDREN && pidfds[child] != pidfd)
		child++;
	if (child == CHILDREN) {
		complain(child, "not one of ours");
		return;
	}
	if (spawnx_wait(pidfd, &e, &at_once) != 0)
		complain(child, "readable, but has not ended");
	else if (e.code != expected[child].code || e.status != expected[child].status)
		complain(child, "wrong status");
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (child == 0 &&
		(now.tv_sec - begin.tv_sec) * 1000 +
				(now.tv_nsec - begin.tv_nsec) / 1000000 <
			200)
		complain(child, "told before its end");
	close(pidfd);
	pidfds[child] = -1;
	running--;
}

/* The exit status of the test: all told, all right, and nobody left to wait for. */
static int finish(void)
{
	if (running)
		complain(running, "children have not been told");
	if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
		complain(-1, "a child is left to wait for");
	return wrong;
}

#endif
