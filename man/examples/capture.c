/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawnx.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* The pidfd of the program, which writes to the file; -1: told why. */
static int start(char **argv, int file)
{
	struct spawnx_child child = {.size = sizeof(child), .pidfd = -1};
	struct spawnx_failure failure = {.size = sizeof(failure)};
	spawnx_file_actions_t actions = NULL;
	char text[512];

	if (file < 0 || spawnx_file_actions_init(&actions) != 0 ||
		spawnx_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) != 0 ||
		spawnx_file_actions_adddup2(&actions, file, 1) != 0)
		perror(argv[0]);
	else if (spawnx_start(&child, &failure, SPAWNX_SEARCH_PATH, argv[0], &actions,
			 NULL, argv, environ) != 0) {
		spawnx_strfailure(&failure, text, sizeof(text));
		fprintf(stderr, "%s\n", text);
	}
	spawnx_file_actions_destroy(&actions);
	return child.pidfd;
}

/* All that the file holds, to be freed; NULL and errno. */
static char *text_of(int file)
{
	struct stat info;
	char *text = NULL;

	if (fstat(file, &info) == 0)
		text = calloc(1, info.st_size + 1);
	if (text != NULL && pread(file, text, info.st_size, 0) < 0) {
		free(text);
		text = NULL;
	}
	return text;
}

/* The output of a program that may take so long, to be freed; NULL: told why. */
static char *capture(char **argv, const struct timespec *limit, struct spawnx_exit *ret)
{
	/* No pipe, which could fill up: nothing has to be read until the end. */
	int file = memfd_create(argv[0], MFD_CLOEXEC), pidfd = start(argv, file), err;
	char *text = NULL;

	if (pidfd >= 0) {
		err = spawnx_wait(pidfd, ret, limit);
		if (err == ETIMEDOUT)
			err = spawnx_stop(pidfd, &(struct timespec){1, 0}, ret);
		if (err != 0 || (text = text_of(file)) == NULL)
			perror(argv[0]);
		close(pidfd);
	}
	close(file);
	return text;
}

int main(void)
{
	char *quick[] = {"echo", "all of it", NULL};
	char *slow[] = {"sh", "-c", "echo the beginning; exec sleep 60", NULL};
	char **programs[] = {quick, slow};
	struct spawnx_exit end = {.size = sizeof(end)};

	for (int i = 0; i < 2; i++) {
		char *text = capture(programs[i], &(struct timespec){1, 0}, &end);

		if (text == NULL)
			return 1;
		printf("%s%s %d\n", text,
			end.code == CLD_EXITED ? "exit status" : "killed by signal",
			end.status);
		free(text);
	}
	return 0;
}
