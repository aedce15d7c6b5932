/* SPDX-License-Identifier: MIT */
/*
 * foreign REPORT FILE: objects of two definitions in one program. libc's functions are
 * fetched from libc itself, past whatever is preloaded. Prints what came of it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <spawn.h>
#include <stdio.h>
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
	if (error)
		return;
	waitpid(pid, &status, 0);
	printf("status %d\n", status);
	print_line("NoNewPrivs=");
	print_line("fd.4=");
	print_line("fd.40=");
	print_line("fd.5=");
	print_line("fd.0=");
}

int main(int argc, char *argv[])
{
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
	printf("objects are %s\n", *(unsigned char *)&attr ? "the preload's" : "libc's");
	posix_spawn_file_actions_addopen(&actions, 5, "/dev/zero", 0, 0);

	run("none", argv[1], NULL, NULL);
	run("own", argv[1], &actions, &attr);
	run("foreign", argv[1], &foreign, &foreign_attr);
	/* Foreign objects go through every function, not only the spawn. */
	printf("setflags %d\n", posix_spawnattr_setflags(&foreign_attr, POSIX_SPAWN_SETPGROUP));
	printf("adddup2 %d\n", posix_spawn_file_actions_adddup2(&foreign, 5, 4));
	run("foreign, added to", argv[1], &foreign, &foreign_attr);
	run("foreign actions, own attributes", argv[1], &foreign, &attr);
	run("own actions, foreign attributes", argv[1], &actions, &foreign_attr);
	posix_spawn_file_actions_destroy(&foreign);
	posix_spawnattr_destroy(&foreign_attr);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return 0;
}
