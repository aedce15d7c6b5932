/* SPDX-License-Identifier: MIT */
/*
 * terminal ACTION REPORT FILE: a shell's situation. Must lead a session; makes a terminal
 * its controlling one and starts REPORT in a process group of its own, which the spawn
 * makes the foreground group (ACTION tcsetpgrp) or not (none). The child is in the
 * background while it does so: SIGTTOU would stop it, and us with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spawnx.h>

int main(int argc, char *argv[])
{
	spawnxattr_t attr;
	spawnx_file_actions_t actions;
	char *words[] = {"report", NULL, NULL}, *envp[] = {NULL};
	int unlock = 0, number = -1, master, slave, status = -1;
	char name[64];
	pid_t pid;

	if (argc != 4)
		return 2;
	words[1] = argv[3];
	master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) != 0 ||
		ioctl(master, TIOCGPTN, &number) != 0)
		return 3;
	snprintf(name, sizeof(name), "/dev/pts/%d", number);
	slave = open(name, O_RDWR | O_CLOEXEC); /* a leader without one gets it */
	if (slave < 0 || tcgetpgrp(slave) != getpgrp())
		return 4;
	if (spawnxattr_init(&attr) || spawnx_file_actions_init(&actions) ||
		spawnxattr_setflags(&attr, SPAWNX_SETPGROUP))
		return 5;
	if (strcmp(argv[1], "tcsetpgrp") == 0 &&
		spawnx_file_actions_addtcsetpgrp_np(&actions, slave))
		return 6;
	if (spawnx(&pid, argv[2], &actions, &attr, words, envp) != 0)
		return 7;
	if (waitpid(pid, &status, 0) != pid || status != 0)
		return 8;
	spawnxattr_destroy(&attr);
	spawnx_file_actions_destroy(&actions);
	return 0;
}
