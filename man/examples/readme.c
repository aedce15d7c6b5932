#include <spawnx.h>
#include <stdio.h>

int main(void)
{
	char *argv[] = {"echo", "the worker", NULL}, *envp[] = {NULL};
	struct spawnx_exit end = {.size = sizeof(end)};
	spawnxattr_t attr;
	int pidfd;

	spawnxattr_init(&attr);
	spawnxattr_setnonewprivs(&attr, 1);
	if (pidfd_spawnxp(&pidfd, "echo", NULL, &attr, argv, envp) != 0)
		return perror("echo"), 1;
	spawnx_wait(pidfd, &end, NULL);
	printf("exit status %d\n", end.status);
	return spawnxattr_destroy(&attr);
}
