#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <spawnx.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	char *argv[] = {"sh", "-c", "exit 7", NULL};
	char *envp[] = {"PATH=/usr/bin:/bin", NULL};
	struct spawnx_child child = {.size = sizeof(child)};
	struct spawnx_failure failure = {.size = sizeof(failure)};
	struct spawnx_exit end = {.size = sizeof(end)};
	char text[512];

	if (spawnx_start(&child, &failure, SPAWNX_SEARCH_PATH, "sh", NULL, NULL, argv,
		    envp) != 0) {
		spawnx_strfailure(&failure, text, sizeof(text));
		fprintf(stderr, "%s\n", text);
		return 1;
	}
	if (spawnx_wait(child.pidfd, &end, NULL) != 0) {
		perror("spawnx_wait");
		return 1;
	}
	close(child.pidfd);
	printf("exited: %s, status: %d\n", end.code == CLD_EXITED ? "yes" : "no",
		end.status);
	return 0;
}
