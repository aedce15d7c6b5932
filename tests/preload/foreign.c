/* SPDX-License-Identifier: MIT */
/*
 * foreign REPORT FILE: objects of two definitions in one program. libc's functions are
 * fetched from libc itself, past whatever is preloaded. Prints what came of it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *file;

static void print_line(const char *key)
{
	char line[4096];
	FILE *in = fopen(file, "r");

	while (in && fgets(line, sizeof(line), in))
		if (strncmp(line, key, strlen(key)) == 0)
			fputs(line, stdout);
	if (in)
		fclose(in);
}

static void run(const char *what, const char *report,
	const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attr)
{
	char *argv[] = {"report", file, NULL};
	char *envp[] = {NULL};
	pid_t pid = -1;
	int status = -1;
	int error = posix_spawn(&pid, report, actions, attr, argv, envp);

	printf("%s: %d\n", what, error);
	if (error) {
		printf("errno %d\n", errno);
		return;
	}
	waitpid(pid, &status, 0);
	printf("status %d\n", status);
	print_line("NoNewPrivs=");
	print_line("fd.4=");
	print_line("fd.40=");
	print_line("fd.5=");
	print_line("fd.0=");
	print_line("fd.2=");
	print_line("fd.3=");
}

static void pidfd(const char *name, void *libc, const char *program)
{
	int (*spawn)(int *, const char *, const posix_spawn_file_actions_t *,
		const posix_spawnattr_t *, char *const[], char *const[]);
	char *argv[] = {"report", file, NULL};
	int fd = -1, error;

	*(void **)&spawn = dlsym(RTLD_DEFAULT, name);
	error = spawn(&fd, program, NULL, NULL, argv, argv + 2);
	printf("%s %s: %d\n", name, strchr(program, '/') ? "path" : "name", error);
	printf("libc has it: %d\n", dlsym(libc, name) != NULL);
	if (!error) {
		waitpid(-1, NULL, 0);
		close(fd);
	}
}

int main(int argc, char *argv[])
{
	struct mallinfo2 before = {0}, after;
	char directory[4096];
	const char *base;
	short flags = -1;
	int ours;
	pid_t pid;

	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	int (*attr_init)(posix_spawnattr_t *);
	int (*actions_init)(posix_spawn_file_actions_t *);
	int (*addopen)(posix_spawn_file_actions_t *, int, const char *, int, mode_t);
	posix_spawnattr_t foreign_attr, attr;
	posix_spawn_file_actions_t foreign, actions;

	if (argc != 3 || !libc)
		return 2;
	file = argv[2];
	*(void **)&attr_init = dlsym(libc, "posix_spawnattr_init");
	*(void **)&actions_init = dlsym(libc, "posix_spawn_file_actions_init");
	*(void **)&addopen = dlsym(libc, "posix_spawn_file_actions_addopen");
	attr_init(&foreign_attr);
	actions_init(&foreign);
	addopen(&foreign, 5, "/dev/null", 0, 0);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_init(&actions);
	ours = *(unsigned char *)&attr != 0;
	printf("objects are %s\n", ours ? "the preload's" : "libc's");
	posix_spawn_file_actions_addopen(&actions, 5, "/dev/zero", 0, 0);

	dup2(0, 3);
	printf("setflags %d\n", posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP));
	printf("setflags 0x4000 %d\n", posix_spawnattr_setflags(&attr, 0x4000));
	posix_spawnattr_getflags(&attr, &flags);
	printf("flags %d\n", flags);
	run("none", argv[1], NULL, NULL);
	run("own", argv[1], &actions, &attr);
	run("foreign", argv[1], &foreign, &foreign_attr);
	/* Foreign objects go through every function, not only the spawn. */
	printf("setflags %d\n", posix_spawnattr_setflags(&foreign_attr, POSIX_SPAWN_SETPGROUP));
	printf("adddup2 %d\n", posix_spawn_file_actions_adddup2(&foreign, 5, 4));
	run("foreign, added to", argv[1], &foreign, &foreign_attr);
	run("foreign actions, own attributes", argv[1], &foreign, &attr);
	run("own actions, foreign attributes", argv[1], &actions, &foreign_attr);
	fcntl(0, F_SETFD, FD_CLOEXEC);
	run("stdin close-on-exec", argv[1], NULL, NULL);
	close(0);
	run("stdin closed", argv[1], NULL, NULL);
	base = strrchr(argv[1], '/') + 1;
	snprintf(directory, sizeof(directory), "%.*s", (int)(base - argv[1]), argv[1]);
	setenv("PATH", directory, 1);
	pidfd("pidfd_spawn", libc, argv[1]);
	pidfd("pidfd_spawn", libc, base);
	pidfd("pidfd_spawnp", libc, base);
	for (int i = 0; i < 20; i++) {
		if (i == 10)
			before = mallinfo2(); /* malloc's caches are warm */
		posix_spawn(&pid, "/nonexistent", NULL, NULL, argv, argv + argc);
	}
	after = mallinfo2();
	printf("leaked: %d\n", after.uordblks > before.uordblks);
	posix_spawn_file_actions_destroy(&foreign);
	posix_spawnattr_destroy(&foreign_attr);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	if (!ours)
		return 0;
	/* Nobody's now: the next definition's. (libc would free its own twice.) */
	printf("again: %d\n", posix_spawn_file_actions_destroy(&actions));
	printf("again: %d\n", posix_spawnattr_destroy(&attr));
	return 0;
}
