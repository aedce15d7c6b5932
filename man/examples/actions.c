#define _GNU_SOURCE
#include <fcntl.h>
#include <spawnx.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	char *argv[] = {"sh", "-c", "pwd; echo unseen >&2", NULL};
	char *envp[] = {"PATH=/usr/bin:/bin", NULL};
	spawnx_file_actions_t actions;
	char buf[256];
	ssize_t n;
	pid_t pid;
	int err, fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0 || spawnx_file_actions_init(&actions) != 0) {
		perror("capture");
		return 1;
	}
	/* Done in the child, in this order; each returns an error number. */
	err = spawnx_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (err == 0)
		err = spawnx_file_actions_adddup2(&actions, fds[1], 1);
	if (err == 0)
		err = spawnx_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	if (err == 0)
		err = spawnx_file_actions_addchdir(&actions, "/proc/sys");
	if (err == 0)
		err = spawnx(&pid, "/bin/sh", &actions, NULL, argv, envp);
	spawnx_file_actions_destroy(&actions);
	if (err != 0) {
		perror("spawnx");
		return 1;
	}
	close(fds[1]);
	while ((n = read(fds[0], buf, sizeof(buf))) > 0)
		printf("captured: %.*s", (int)n, buf);
	close(fds[0]);
	waitpid(pid, NULL, 0);
	return 0;
}
