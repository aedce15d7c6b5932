#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <spawnx.h>
#include <stdio.h>

int main(void)
{
	char *argv[] = {"true", NULL};
	char *envp[] = {NULL};
	struct spawnx_failure failure = {.size = sizeof(failure)};
	spawnx_file_actions_t actions;
	char text[512];

	if (spawnx_file_actions_init(&actions) != 0) {
		perror("spawnx_file_actions_init");
		return 1;
	}
	spawnx_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	spawnx_file_actions_addopen(&actions, 1, "/nonexistent/log", O_WRONLY, 0);

	if (spawnxp(NULL, "true", &actions, NULL, argv, envp) != 0) {
		spawnx_lastfailure(&failure);
		spawnx_strfailure(&failure, text, sizeof(text));
		printf("%s\n", text);
		if (failure.stage == SPAWNX_STAGE_ACTION && failure.error == ENOENT)
			printf("action %d, descriptor %d\n", failure.index, failure.fd);
	}
	spawnx_file_actions_destroy(&actions);
	return 0;
}
