/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <signal.h>
#include <spawnx.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

extern char **environ;

/* What sd_listen_fds(3) does: how many descriptors, from 3 on, this process was given. */
static int listen_fds(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	int n = 0;

	if (pid != NULL && count != NULL && atol(pid) == (long)getpid())
		n = atoi(count);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	for (int fd = 3; fd < 3 + n; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return n;
}

/* The service: any program that systemd can start in this way. */
static int serve(void)
{
	int client, n = listen_fds();

	if (n != 1)
		return fprintf(stderr, "%d sockets instead of 1\n", n), 1;
	client = accept(3, NULL, NULL);
	if (client < 0 || dprintf(client, "served from descriptor 3\n") < 0)
		return perror("serve"), 1;
	return close(client);
}

static int start(int listener)
{
	char *argv[] = {"activate", "serve", NULL};
	struct spawnx_child child = {.size = sizeof(child), .pidfd = -1};
	struct spawnx_failure failure = {.size = sizeof(failure)};
	spawnx_file_actions_t actions = NULL;
	spawnxattr_t attr = NULL;
	char text[512];

	if (spawnxattr_init(&attr) != 0 || spawnxattr_setlistenfds(&attr, 1) != 0 ||
		spawnx_file_actions_init(&actions) != 0 ||
		spawnx_file_actions_adddup2(&actions, listener, 3) != 0)
		perror("activate");
	else if (spawnx_start(&child, &failure, 0, "/proc/self/exe", &actions, &attr,
			 argv, environ) != 0) {
		spawnx_strfailure(&failure, text, sizeof(text));
		fprintf(stderr, "%s\n", text);
	}
	spawnx_file_actions_destroy(&actions);
	spawnxattr_destroy(&attr);
	return child.pidfd;
}

/* The manager. A client is served that came before the service was there. */
static int manage(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	socklen_t unnamed = sizeof(addr.sun_family), size = sizeof(addr);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), pidfd;
	struct spawnx_exit end = {.size = sizeof(end)};
	char text[256];
	ssize_t n;

	/* Without a name to bind to, the kernel makes one up. */
	if (listener < 0 || client < 0 ||
		bind(listener, (struct sockaddr *)&addr, unnamed) != 0 ||
		listen(listener, 8) != 0 ||
		getsockname(listener, (struct sockaddr *)&addr, &size) != 0 ||
		connect(client, (struct sockaddr *)&addr, size) != 0)
		return perror("socket"), 1;
	pidfd = start(listener);
	if (pidfd < 0)
		return 1;
	close(listener); /* else the client would wait on after a service that failed */
	while ((n = read(client, text, sizeof(text))) > 0)
		fwrite(text, 1, n, stdout);
	close(client);
	if (spawnx_wait(pidfd, &end, NULL) != 0)
		return perror("spawnx_wait"), 1;
	close(pidfd);
	return end.code != CLD_EXITED || end.status != 0;
}

int main(int argc, char **argv)
{
	return argc == 2 && strcmp(argv[1], "serve") == 0 ? serve() : manage();
}
