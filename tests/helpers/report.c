/* SPDX-License-Identifier: MIT */
/*
 * report FILE [ARGUMENTS]: the truth about a child comes from the child. Writes what it
 * finds itself to be to FILE as key=value lines, and exits with 0, or with the number
 * after "exit:" in its last argument. FILE "-" is descriptor 1.
 *
 * Nothing is opened before the descriptors are listed. Strings are escaped (\n, \\).
 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static FILE *out;
static char descriptors[65536];

static void put(const char *key, const char *value)
{
	fprintf(out, "%s=", key);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", out);
		else if (*value == '\\')
			fputs("\\\\", out);
		else
			putc(*value, out);
	}
	putc('\n', out);
}

static void put_number(const char *key, long value)
{
	fprintf(out, "%s=%ld\n", key, value);
}

static void list_descriptors(void)
{
	size_t used = 0;
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char target[256];
		int fd = atoi(entry->d_name);
		ssize_t n;

		if (entry->d_name[0] == '.' || fd == dirfd(dir))
			continue;
		n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		used += (size_t)snprintf(descriptors + used, sizeof(descriptors) - used,
			"fd.%d=%s\nfdflags.%d=%d,%d\n", fd, target, fd,
			fcntl(fd, F_GETFD), fcntl(fd, F_GETFL));
		if (used >= sizeof(descriptors) - 400)
			break;
	}
	if (dir)
		closedir(dir);
}

/* Names here are the kernel's own: SigBlk, NoNewPrivs, CapEff, … */
static void put_status(void)
{
	static const char *const wanted[] = {"Name", "Uid", "Gid", "Groups", "SigPnd",
		"SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd",
		"CapAmb", "NoNewPrivs", "Seccomp", "Cpus_allowed"};
	char line[4096];
	FILE *status = fopen("/proc/self/status", "r");
	size_t i;

	while (status && fgets(line, sizeof(line), status)) {
		char *colon = strchr(line, ':');
		if (!colon)
			continue;
		*colon++ = '\0';
		colon += strspn(colon, " \t");
		colon[strcspn(colon, "\n")] = '\0';
		for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (strcmp(line, wanted[i]) == 0)
				put(line, colon);
	}
	if (status)
		fclose(status);
}

static void put_cgroup(void)
{
	char line[4096];
	FILE *f = fopen("/proc/self/cgroup", "r");

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::", 3) == 0)
			put("cgroup", line + 3);
	}
	if (f)
		fclose(f);
}

int main(int argc, char *argv[])
{
	char cwd[4096];
	char key[32];
	struct sched_param param = {0};
	struct rlimit limit;
	int i, tty, sig = 0;
	int policy = sched_getscheduler(0);

	if (argc < 2)
		return 2;
	list_descriptors();
	out = strcmp(argv[1], "-") == 0 ? stdout : fopen(argv[1], "we");
	if (!out)
		return 3;

	fputs(descriptors, out);
	put_number("pid", getpid());
	put_number("ppid", getppid());
	put_number("pgid", getpgid(0));
	put_number("sid", getsid(0));
	put_status();
	put_cgroup();
	put("cwd", getcwd(cwd, sizeof(cwd)) ? cwd : "?");
	put_number("umask", umask(022));
	put_number("nice", getpriority(PRIO_PROCESS, 0));
	put_number("sched", policy);
	sched_getparam(0, &param);
	put_number("sched_priority", param.sched_priority);
	prctl(PR_GET_PDEATHSIG, &sig);
	put_number("pdeathsig", sig);
	getrlimit(RLIMIT_NOFILE, &limit);
	put_number("nofile", (long)limit.rlim_cur);
	tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	put_number("tty", tty >= 0);
	put_number("foreground", tty >= 0 && tcgetpgrp(tty) == getpgid(0));
	put_number("argc", argc);
	for (i = 0; i < argc; i++) {
		snprintf(key, sizeof(key), "argv.%d", i);
		put(key, argv[i]);
	}
	for (i = 0; environ[i]; i++) {
		snprintf(key, sizeof(key), "env.%d", i);
		put(key, environ[i]);
	}
	put_number("complete", 1);
	if (fflush(out) != 0 || (out != stdout && fclose(out) != 0))
		return 4;
	if (strncmp(argv[argc - 1], "exit:", 5) == 0)
		return atoi(argv[argc - 1] + 5);
	return 0;
}
