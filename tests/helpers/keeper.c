/* SPDX-License-Identifier: MIT */
/*
 * keeper HOW PROGRAM: a supervisor for tests to do things to. Starts PROGRAM with
 * autokill and no-new-privs (weaker will do), writes its pid to descriptor 1 as a line, and then
 *   wait          waits to be killed;
 *   exec          executes PROGRAM itself: the pidfd is close-on-exec;
 *   exit          exits;
 *   thread        has started it in a thread, which has ended by now; waits;
 *   fork          leaves a copy of the pidfd with a forked child, and exits; the child
 *                 writes its own pid as a second line.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <spawnx.h>

static char *program[2];
static struct spawnx_child child = {.size = sizeof(child)};

static void *start(void *unused)
{
	spawnxattr_t attr;
	char *envp[] = {NULL};

	if (spawnxattr_init(&attr) != 0 || spawnxattr_setautokill(&attr, 1) != 0 ||
		spawnxattr_setnonewprivs(&attr, 1) != 0 ||
		spawnxattr_setfallback(&attr, SPAWNX_FALLBACK_WEAKER) != 0 ||
		spawnx_start(&child, NULL, 0, program[0], NULL, &attr, program, envp) != 0)
		_exit(7);
	spawnxattr_destroy(&attr);
	return unused;
}

int main(int argc, char *argv[])
{
	if (argc != 3)
		return 2;
	program[0] = argv[2];
	if (strcmp(argv[1], "thread") == 0) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, start, NULL) != 0)
			return 3;
		pthread_join(thread, NULL);
	} else {
		start(NULL);
	}
	if (strcmp(argv[1], "fork") == 0) {
		pid_t holder = fork();
		if (holder == 0)
			for (;;)
				pause();
		dprintf(1, "%d\n%d\n", (int)child.pid, (int)holder);
		return 0;
	}
	dprintf(1, "%d\n", (int)child.pid);
	if (strcmp(argv[1], "exec") == 0)
		execv(program[0], program);
	if (strcmp(argv[1], "exit") == 0)
		return 0;
	for (;;)
		pause();
}
