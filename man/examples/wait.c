#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <signal.h>
#include <spawnx.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	char *argv[] = {"sleep", "60", NULL};
	char *envp[] = {NULL};
	struct spawnx_exit end = {.size = sizeof(end)};
	struct timespec tenth = {0, 100000000};
	int err, pidfd;

	if (pidfd_spawnxp(&pidfd, "sleep", NULL, NULL, argv, envp) != 0) {
		perror("pidfd_spawnxp");
		return 1;
	}
	err = spawnx_wait(pidfd, &end, &tenth);
	if (err == ETIMEDOUT) {
		printf("still running\n");
		spawnx_signal(pidfd, SIGTERM);
		err = spawnx_wait(pidfd, &end, NULL);
	}
	close(pidfd);
	if (err == ENODATA)
		printf("gone, status unknown\n");
	else if (err != 0)
		printf("spawnx_wait: %s\n", strerror(err));
	else if (end.code == CLD_EXITED)
		printf("exit status %d\n", end.status);
	else
		printf("killed by signal %d\n", end.status);
	return err != 0;
}
