#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <signal.h>
#include <spawnx.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	char *argv[] = {"sleep", "60", NULL};
	char *envp[] = {NULL};
	struct timespec tick = {0, 1000000};
	spawnxattr_t attr;
	struct spawnx_child child = {.size = sizeof(child)};
	struct spawnx_failure failure = {.size = sizeof(failure)};
	char text[512];
	int err;

	if (spawnxattr_init(&attr) != 0) {
		perror("spawnxattr_init");
		return 1;
	}
	spawnxattr_setautokill(&attr, 1);   /* dies with the pidfd, leaves no zombie */
	spawnxattr_setnonewprivs(&attr, 1); /* what the kernel asks of a plain user */
	err = spawnx_start(
		&child, &failure, SPAWNX_SEARCH_PATH, "sleep", NULL, &attr, argv, envp);
	spawnxattr_destroy(&attr);
	if (err != 0) { /* before Linux 7.1: ENOTSUP */
		spawnx_strfailure(&failure, text, sizeof(text));
		printf("not started: %s\n", text);
		return 0;
	}
	printf("running: %s\n", kill(child.pid, 0) == 0 ? "yes" : "no");
	close(child.pidfd);
	while (kill(child.pid, 0) == 0) /* good for a demonstration: pids are reused */
		nanosleep(&tick, NULL);
	printf("running: no, to wait for: %s\n",
		waitpid(-1, NULL, 0) == -1 && errno == ECHILD ? "nothing" : "something");
	return 0;
}
