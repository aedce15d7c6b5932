/* SPDX-License-Identifier: MIT */
/* repeat PROGRAM N: starts it so often, by spawnx; for tests/bench/instructions. */
#include <spawnx.h>

#include <stdlib.h>
#include <sys/wait.h>

int main(int argc, char **argv)
{
	char *words[] = {"mortal", "exit:0", NULL}, *environment[] = {NULL};
	pid_t pid;

	if (argc != 3)
		return 2;
	for (int n = atoi(argv[2]); n > 0; n--)
		if (spawnx(&pid, argv[1], NULL, NULL, words, environment) != 0 ||
			waitpid(pid, NULL, 0) != pid)
			return 1;
	return 0;
}
