/* SPDX-License-Identifier: MIT */
/*
 * A worker that cannot outlive its supervisor.
 *	supervisor BUSYBOX    the demonstration; exit status 0: every step was as it should
 *	supervisor --check    exit status 0: this kernel has autoreap and autokill
 * Three processes: this one, which only watches; the supervisor, which is this program
 * once more; the worker, busybox's HTTP server, which the supervisor starts with autokill.
 * SIGKILL to the supervisor leaves it no time to clean up: the kernel closes its pidfd,
 * and that ends the worker.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawnx.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static bool all_right = true;

/* One line for one step: what was observed, and whether that is right. */
static bool step(bool right, const char *name, const char *format, ...)
{
	va_list args;

	printf("%-4s %-14s ", right ? "ok" : "BAD", name);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	all_right = all_right && right;
	return right;
}

/* The supervisor: starts the worker, says so on descriptor 1, and waits for its end. */
static int supervise(char *busybox, char *address, char *dir)
{
	char *argv[] = {busybox, "httpd", "-f", "-p", address, "-h", dir, NULL};
	struct spawnx_child worker = {.size = sizeof(worker)};
	struct spawnx_failure failure = {.size = sizeof(failure)};
	spawnx_file_actions_t actions;
	spawnxattr_t attr;
	char text[400];

	if (spawnxattr_init(&attr) != 0 || spawnx_file_actions_init(&actions) != 0)
		return 1;
	spawnxattr_setautokill(&attr, 1);
	spawnxattr_setnonewprivs(&attr, 1);
	spawnx_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	spawnx_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);

	if (spawnx_start(&worker, &failure, 0, busybox, &actions, &attr, argv, environ)) {
		spawnx_strfailure(&failure, text, sizeof(text));
		dprintf(1, "%s", text);
		return 1;
	}
	dprintf(1, "started %d %d", (int)worker.pid, worker.pidfd);
	for (;;)
		pause();
}

/* The value of "Key:" in /proc/PID/status; empty when there is none. */
static const char *status_of(pid_t pid, const char *key, char *value, size_t size)
{
	char path[64], line[256], *text;
	FILE *file;

	value[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if ((text = strtok(line, ":")) != NULL && strcmp(text, key) == 0)
			snprintf(value, size, "%s", strtok(NULL, "\t\n"));
	if (file != NULL)
		fclose(file);
	return value;
}

static int count_zombies(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char state[64];
	int pid, n = 0;

	if (proc == NULL)
		return -1;
	while ((entry = readdir(proc)) != NULL)
		if ((pid = atoi(entry->d_name)) > 0)
			n += status_of(pid, "State", state, sizeof(state))[0] == 'Z';
	closedir(proc);
	return n;
}

/* GET / on the port: the answer's first line and 0, or the error. */
static int request(const struct sockaddr_in *addr, char *line, size_t size)
{
	const char get[] = "GET / HTTP/1.0\r\n\r\n";
	const struct timeval limit = {10, 0};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = -1, err;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 &&
		send(fd, get, sizeof(get) - 1, MSG_NOSIGNAL) > 0)
		n = recv(fd, line, size - 1, MSG_WAITALL);
	err = n < 0 ? errno : 0;
	line[n < 0 ? snprintf(line, size, "%s", strerror(err)) : n] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	close(fd);
	return err;
}

/* A port of the loopback address that is free now; 0: none. */
static int free_port(struct sockaddr_in *addr)
{
	socklen_t size = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*addr = (struct sockaddr_in){AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
	bind(fd, (struct sockaddr *)addr, size);
	getsockname(fd, (struct sockaddr *)addr, &size);
	close(fd);
	return ntohs(addr->sin_port);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* The steps; stops where going on makes no sense. */
static bool demonstrate(char *busybox, char *dir, int *supervisor, int *watch)
{
	const struct timespec limit = {10, 0}, tick = {0, 20000000};
	struct spawnx_exit end = {.size = sizeof(end)}, worker = end;
	struct spawnx_failure failure = {.size = sizeof(failure)};
	struct spawnx_child child = {.size = sizeof(child)};
	char self[] = "/proc/self/exe", text[512], address[32], parent[9], state[32];
	char nnp[9], *argv[] = {"supervisor", "--supervise", busybox, address, dir, NULL};
	int pid = 0, pidfd = -1, fds[2], zombies = count_zombies(), n, err;
	spawnx_file_actions_t actions;
	struct sockaddr_in addr;
	double start;

	snprintf(address, sizeof(address), "127.0.0.1:%d", free_port(&addr));
	if (pipe2(fds, O_CLOEXEC) != 0 || spawnx_file_actions_init(&actions) != 0)
		return step(false, "preparation", "%s", strerror(errno));
	spawnx_file_actions_adddup2(&actions, fds[1], 1);
	err = spawnx_start(&child, &failure, 0, self, &actions, NULL, argv, environ);
	spawnx_file_actions_destroy(&actions);
	close(fds[1]);
	if (err != 0) {
		spawnx_strfailure(&failure, text, sizeof(text));
		return step(false, "supervisor", "not started: %s", text);
	}
	*supervisor = child.pidfd;
	step(true, "supervisor", "pid %d, pidfd %d here", (int)child.pid, child.pidfd);
	n = read(fds[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	if (sscanf(text, "started %d %d", &pid, &pidfd) != 2)
		return step(false, "worker", "%s", n > 0 ? text : "no word of it");
	/* Our own pidfd only watches: it neither holds the worker nor ends it. The parent
	   shows that it is the worker's, not of a later owner of its pid. */
	*watch = syscall(SYS_pidfd_open, pid, 0);
	if (atoi(status_of(pid, "PPid", parent, sizeof(parent))) != child.pid)
		*watch = -1;
	status_of(pid, "State", state, sizeof(state));
	status_of(pid, "NoNewPrivs", nnp, sizeof(nnp));
	n = *watch >= 0 && state[0] != 'Z' && atoi(nnp) == 1;
	step(n, "worker", "pid %d, its pidfd %d, parent pid %s, state %s, NoNewPrivs %s",
		pid, pidfd, parent, state, nnp);

	start = now_ms(); /* the server may need a moment until it listens */
	while (request(&addr, text, sizeof(text)) != 0 && now_ms() - start < 10000)
		nanosleep(&tick, NULL);
	step(strstr(text, " 200 ") != NULL, "request", "%s: %s", address, text);

	start = now_ms();
	spawnx_signal(child.pidfd, SIGKILL);
	err = spawnx_wait(*watch, &worker, &limit);
	start = now_ms() - start;
	n = spawnx_wait(child.pidfd, &end, &limit);
	step(n == 0 && end.code == CLD_KILLED, "kill -9", "supervisor %d: %s, %s",
		(int)child.pid, n == 0 ? "ended" : strerror(n),
		end.code == CLD_KILLED ? strsignal(end.status) : "not killed");
	step(err == 0 && spawnx_signal(*watch, 0) == ESRCH, "worker",
		"%.1f ms later: %s, %s; kill(%d, 0): %s", start,
		err == 0 ? "ended" : strerror(err),
		worker.code == CLD_KILLED ? strsignal(worker.status) : "not killed", pid,
		kill(pid, 0) == 0 ? "it is there" : strerror(errno));
	err = request(&addr, text, sizeof(text));
	step(err == ECONNREFUSED, "request", "%s: %s", address, text);
	for (n = 0; n < 50 && (err = count_zombies()) > zombies; n++)
		nanosleep(&tick, NULL);
	n = zombies >= 0 && err <= zombies;
	return step(n, "zombies", "%d in /proc, %d before the start", err, zombies);
}

int main(int argc, char **argv)
{
	static const char *const grade[] = {"absent", "weak", "exact", "native"};
	const uint64_t both = 1 << SPAWNX_FEATURE_AUTOREAP | 1 << SPAWNX_FEATURE_AUTOKILL;
	char dir[] = "/tmp/supervisor-XXXXXX", page[sizeof(dir) + 16];
	int supervisor = -1, watch = -1;
	struct utsname host;
	FILE *file;

	if (argc == 2 && strcmp(argv[1], "--check") == 0)
		return (spawnx_features() & both) != both;
	if (argc == 5 && strcmp(argv[1], "--supervise") == 0)
		return supervise(argv[2], argv[3], argv[4]);
	if (argc != 2 || argv[1][0] == '-')
		return fputs("usage: supervisor BUSYBOX | --check\n", stderr), 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	uname(&host);
	step(true, "kernel", "Linux %s, libspawnx %s", host.release, spawnx_version());
	for (unsigned id = SPAWNX_FEATURE_AUTOREAP; id <= SPAWNX_FEATURE_NONEWPRIVS; id++)
		step(spawnx_feature(id) >= SPAWNX_EXACT, spawnx_feature_name(id), "%s",
			grade[spawnx_feature(id)]);

	if (mkdtemp(dir) == NULL)
		return !step(false, "directory", "%s: %s", dir, strerror(errno));
	snprintf(page, sizeof(page), "%s/index.html", dir);
	file = fopen(page, "we");
	if (file == NULL || fputs("of the worker\n", file) < 0 || fclose(file) != 0)
		return !step(false, "page", "%s: %s", page, strerror(errno));
	demonstrate(argv[1], dir, &supervisor, &watch);

	/* After a step that went wrong something may still run; else this is nothing. */
	spawnx_signal(supervisor, SIGKILL);
	spawnx_signal(watch, SIGKILL);
	unlink(page);
	rmdir(dir);
	return !all_right;
}
