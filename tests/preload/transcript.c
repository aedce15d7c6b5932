/* SPDX-License-Identifier: MIT */
/*
 * A program that knows nothing but <spawn.h>. It is built four ways (glibc; the sed rule;
 * <spawnx/posix.h>; glibc's binary under the preload library), and must print the same.
 * transcript REPORT FILE: the helper, and where it may write.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spawn.h>

static const char *report, *file;
static int step;

/* Only this source's own feature macro makes this GNU's basename. */
static const char *base(const char *path)
{
	return basename(path);
}

static void show(const char *what, int value)
{
	printf("%02d %s: %d\n", step++, what, value);
}

/* Lines of the child's report that do not change from run to run. */
static void show_report(pid_t pid)
{
	static const char *const wanted[] = {"SigBlk=", "cwd=", "argv.", "env.", "fd.0=", "fd.5=",
		"fd.6=", "fd.7=", "fd.8=", "NoNewPrivs=", "sched=", "nice=", "umask="};
	char line[4096], own[32];
	FILE *in = fopen(file, "r");

	while (in && fgets(line, sizeof(line), in)) {
		snprintf(own, sizeof(own), "pgid=%d\n", (int)pid);
		if (strcmp(line, own) == 0)
			printf("   its own group\n");
		snprintf(own, sizeof(own), "sid=%d\n", (int)pid);
		if (strcmp(line, own) == 0)
			printf("   its own session\n");
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (strncmp(line, wanted[i], strlen(wanted[i])) == 0)
				printf("   %s", line);
	}
	if (in)
		fclose(in);
}

static void run(const char *what, int search, const char *program,
	const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attr)
{
	char *argv[] = {(char *)base(program), (char *)file, "exit:3", NULL};
	char *envp[] = {"LANG=C", "A=b", NULL};
	pid_t pid = -1;
	int status = -1;
	int error = search ? posix_spawnp(&pid, program, actions, attr, argv, envp)
			   : posix_spawn(&pid, program, actions, attr, argv, envp);

	show(what, error);
	if (error) {
		show("wait", waitpid(-1, &status, 0) < 0 ? errno : 0);
		return;
	}
	show("waited for it", waitpid(pid, &status, 0) == pid);
	show("status", status);
	show_report(pid);
}

int main(int argc, char *argv[])
{
	posix_spawnattr_t attr;
	posix_spawn_file_actions_t actions;
	sigset_t set;
	short flags = -1;
	pid_t group = -1;
	int policy = -1, null;
	char directory[4096];
	struct sched_param param = {0};

	if (argc != 3)
		return 2;
	report = argv[1];
	file = argv[2];

	run("plain", 0, report, NULL, NULL);
	run("missing", 0, "/nonexistent/program", NULL, NULL);
	run("missing in PATH", 1, "no-such-program", NULL, NULL);
	run("a directory", 0, "/", NULL, NULL);
	/* Both take a bare name; only one of them looks for it. */
	snprintf(directory, sizeof(directory), "%.*s", (int)(base(report) - report), report);
	setenv("PATH", directory, 1);
	run("searched", 1, base(report), NULL, NULL);
	run("not searched", 0, base(report), NULL, NULL);

	show("attr init", posix_spawnattr_init(&attr));
	show("getflags", posix_spawnattr_getflags(&attr, &flags));
	show("flags", flags);
	run("default attributes", 0, report, NULL, &attr);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	show("setsigmask", posix_spawnattr_setsigmask(&attr, &set));
	show("setsigdefault", posix_spawnattr_setsigdefault(&attr, &set));
	show("setpgroup", posix_spawnattr_setpgroup(&attr, 0));
	show("getpgroup", posix_spawnattr_getpgroup(&attr, &group));
	show("group", group);
	show("setflags", posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
		POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP));
	run("mask and group", 0, report, NULL, &attr);
	show("bad flags", posix_spawnattr_setflags(&attr, 0x1000));
	show("bad policy", posix_spawnattr_setschedpolicy(&attr, 99));
	show("getschedpolicy", posix_spawnattr_getschedpolicy(&attr, &policy));
	show("policy", policy);
	show("setschedparam", posix_spawnattr_setschedparam(&attr, &param));
	show("getschedparam", posix_spawnattr_getschedparam(&attr, &param));
	show("setflags", posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSCHEDULER |
		POSIX_SPAWN_SETSID));
	run("session and scheduler", 0, report, NULL, &attr);

	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	show("actions init", posix_spawn_file_actions_init(&actions));
	show("addopen", posix_spawn_file_actions_addopen(&actions, 5, "/dev/zero", O_RDONLY, 0));
	show("adddup2", posix_spawn_file_actions_adddup2(&actions, 5, 6));
	show("adddup2", posix_spawn_file_actions_adddup2(&actions, null, 7));
	show("addclose", posix_spawn_file_actions_addclose(&actions, 5));
	show("addclose", posix_spawn_file_actions_addclose(&actions, 99));
	show("addchdir_np", posix_spawn_file_actions_addchdir_np(&actions, "/proc"));
	show("addclose -1", posix_spawn_file_actions_addclose(&actions, -1));
	show("adddup2 -1", posix_spawn_file_actions_adddup2(&actions, 1, -1));
	show("addopen -1", posix_spawn_file_actions_addopen(&actions, -1, "/", 0, 0));
	run("actions", 0, report, &actions, NULL);
	run("actions and attributes", 0, report, &actions, &attr);
	show("addclosefrom_np", posix_spawn_file_actions_addclosefrom_np(&actions, 7));
	run("closefrom", 0, report, &actions, NULL);
	show("adddup2 of nothing", posix_spawn_file_actions_adddup2(&actions, 88, 8));
	run("a failing action", 0, report, &actions, NULL);
	show("destroy", posix_spawn_file_actions_destroy(&actions));
	show("destroy", posix_spawnattr_destroy(&attr));
	close(null);

	/* A second life in the same memory. */
	show("actions init", posix_spawn_file_actions_init(&actions));
	show("addfchdir_np", posix_spawn_file_actions_addfchdir_np(&actions, 77));
	run("a failing fchdir", 0, report, &actions, NULL);
	show("destroy", posix_spawn_file_actions_destroy(&actions));
	return 0;
}
