#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <spawnx.h>
#include <stdio.h>
#include <sys/wait.h>

int main(void)
{
	char *argv[] = {"sh", "-c", "grep NoNewPrivs /proc/self/status; kill $$", NULL};
	char *envp[] = {"PATH=/usr/bin:/bin", NULL};
	spawnxattr_t attr;
	sigset_t none, term;
	pid_t pid;
	int err, status;

	sigemptyset(&none);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);

	err = spawnxattr_init(&attr);
	if (err != 0) {
		perror("spawnxattr_init");
		return 1;
	}
	/* No signal is blocked in the child, and SIGTERM is not ignored. */
	spawnxattr_setflags(&attr, SPAWNX_SETSIGMASK | SPAWNX_SETSIGDEF);
	spawnxattr_setsigmask(&attr, &none);
	spawnxattr_setsigdefault(&attr, &term);
	spawnxattr_setnonewprivs(&attr, 1);

	err = spawnx(&pid, "/bin/sh", NULL, &attr, argv, envp);
	spawnxattr_destroy(&attr);
	if (err != 0) {
		perror("spawnx"); /* errno is the number returned */
		return 1;
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("killed by signal %d\n", WTERMSIG(status));
	return 0;
}
