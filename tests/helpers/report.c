/* SPDX-License-Identifier: MIT */
/*
 * report FILE [ARGUMENTS]: the truth about a child comes from the child. Writes what it
 * finds itself to be to FILE as key=value lines, and exits with 0, or with the number
 * after "exit:" in its last argument. FILE "-" is descriptor 1. An argument read:PATH
 * opens a file for reading, call:NUMBER does a system call with all arguments 0; the
 * argument itself is the key, the value its error number, or 0.
 *
 * Nothing is opened before the descriptors are listed. Strings are escaped (\n, \\).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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
		"ShdPnd", "SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd",
		"CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters", "Cpus_allowed",
		"Cpus_allowed_list"};
	static char line[65536]; /* Groups may be thousands */
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

static void put_limits(void)
{
	struct rlimit limit;
	int i;

	for (i = 0; i < (int)RLIM_NLIMITS; i++)
		if (getrlimit(i, &limit) == 0)
			fprintf(out, "limit.%d=%llu,%llu\n", i,
				(unsigned long long)limit.rlim_cur,
				(unsigned long long)limit.rlim_max);
}

static void put_oom_score_adj(void)
{
	char line[32];
	FILE *f = fopen("/proc/self/oom_score_adj", "r");

	if (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		put("oom_score_adj", line);
	}
	if (f)
		fclose(f);
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

static void put_namespaces(void)
{
	static const char *const names[] = {
		"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
	char path[64], target[64];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ssize_t n;
		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		snprintf(path, sizeof(path), "ns.%s", names[i]);
		put(path, target);
	}
}

/* uid_map, gid_map, setgroups: one blank between numbers. */
static void put_words_of(const char *name)
{
	char path[64], text[4096] = "", word[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	f = fopen(path, "r");
	while (f && fscanf(f, "%63s", word) == 1 && strlen(text) < sizeof(text) - 70) {
		strcat(text, *text ? " " : "");
		strcat(text, word);
	}
	if (f)
		fclose(f);
	put(name, text);
}

static void try_argument(const char *word)
{
	if (strncmp(word, "read:", 5) == 0) {
		int fd = open(word + 5, O_RDONLY | O_CLOEXEC);
		put_number(word, fd < 0 ? errno : 0);
		if (fd >= 0)
			close(fd);
	} else if (strncmp(word, "call:", 5) == 0) {
		put_number(word, syscall(atol(word + 5), 0, 0, 0, 0, 0, 0) < 0 ? errno : 0);
	}
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
	put_limits();
	put_oom_score_adj();
	put_cgroup();
	put_namespaces();
	put_words_of("uid_map");
	put_words_of("gid_map");
	put_words_of("setgroups");
	put("cwd", getcwd(cwd, sizeof(cwd)) ? cwd : "?");
	put_number("umask", umask(022));
	put_number("nice", getpriority(PRIO_PROCESS, 0));
	put_number("sched", policy);
	sched_getparam(0, &param);
	put_number("sched_priority", param.sched_priority);
	prctl(PR_GET_PDEATHSIG, &sig);
	put_number("pdeathsig", sig);
	put_number("securebits", prctl(PR_GET_SECUREBITS));
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
	for (i = 2; i < argc; i++)
		try_argument(argv[i]);
	put_number("complete", 1);
	if (fflush(out) != 0 || (out != stdout && fclose(out) != 0))
		return 4;
	if (strncmp(argv[argc - 1], "exit:", 5) == 0)
		return atoi(argv[argc - 1] + 5);
	return 0;
}
