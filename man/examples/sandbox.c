/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <signal.h>
#include <spawnx.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a helper gets; -1 and errno. */
static int confine(spawnxattr_t *attr, spawnx_file_actions_t *actions, bool strict)
{
	/* Before Linux 7.1 there is a choice to make: no helper, because spawnx_start
	   then fails with ENOTSUP, or one that lives on if we are killed. */
	bool autokill = strict || spawnx_feature(SPAWNX_FEATURE_AUTOKILL) >= SPAWNX_EXACT;
	short flags = SPAWNX_SETSIGDEF | SPAWNX_SETSIGMASK | SPAWNX_SETSID |
		SPAWNX_CLOEXEC_DEFAULT;
	sigset_t all, none;

	if (!autokill)
		fputs("before Linux 7.1: the helper lives on if we are killed\n", stderr);
	sigfillset(&all);
	sigemptyset(&none);
	if (spawnxattr_init(attr) != 0 || spawnxattr_setautokill(attr, autokill) != 0 ||
		spawnxattr_setnonewprivs(attr, 1) != 0 ||
		spawnxattr_setsigdefault(attr, &all) != 0 ||
		spawnxattr_setsigmask(attr, &none) != 0 ||
		spawnxattr_setflags(attr, flags) != 0 ||
		spawnx_file_actions_init(actions) != 0 ||
		spawnx_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0) != 0 ||
		spawnx_file_actions_adddup2(actions, 1, 1) != 0 ||
		spawnx_file_actions_adddup2(actions, 2, 2) != 0)
		return -1;
	return 0;
}

/* What a daemon may have by the time it starts a helper. */
static void like_a_daemon(void)
{
	sigset_t term;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	signal(SIGPIPE, SIG_IGN);
	dup2(2, 9); /* not close-on-exec */
}

int main(int argc, char **argv)
{
	bool strict = argc == 2 && strcmp(argv[1], "--strict") == 0;
	/* The helper looks at itself. */
	char *args[] = {"sh", "-c",
		"ls /proc/$$/fd; while read -r line; do case $line in"
		" SigBlk*|SigIgn*|NoNewPrivs*) echo $line;; esac; done </proc/$$/status;"
		"read -r pid name state parent group session rest </proc/$$/stat;"
		"test $session -eq $$ && echo in a session of its own",
		NULL};
	char *envp[] = {"PATH=/usr/bin:/bin", NULL};
	struct spawnx_child child = {.size = sizeof(child)};
	struct spawnx_failure failure = {.size = sizeof(failure)};
	struct spawnx_exit end = {.size = sizeof(end)};
	spawnx_file_actions_t actions = NULL;
	spawnxattr_t attr = NULL;
	char text[512];
	int err;

	like_a_daemon();
	if (confine(&attr, &actions, strict) != 0)
		return perror("sandbox"), 1;
	err = spawnx_start(&child, &failure, 0, "/bin/sh", &actions, &attr, args, envp);
	spawnx_file_actions_destroy(&actions);
	spawnxattr_destroy(&attr);
	if (err != 0) {
		spawnx_strfailure(&failure, text, sizeof(text));
		return fprintf(stderr, "%s\n", text), 1;
	}
	/* With autokill it lives no longer than this descriptor is open. */
	if (spawnx_wait(child.pidfd, &end, NULL) != 0)
		return perror("spawnx_wait"), 1;
	close(child.pidfd);
	return end.code != CLD_EXITED || end.status != 0;
}
