/* SPDX-License-Identifier: MIT */
/*
 * A user's program, from the installed header and pkg-config alone. C99, C++11, C++20; no
 * feature macro. Starts itself with "child" and wants to see that come back as 42.
 */
#include <spawnx.h>

#include <stdio.h>
#include <string.h>

extern char **environ; /* where the dynamic linker finds us, on both sides */

static int failed(const char *what)
{
	struct spawnx_failure failure;
	char words[512];

	memset(&failure, 0, sizeof(failure));
	failure.size = sizeof(failure);
	if (spawnx_lastfailure(&failure) == 0 &&
		spawnx_strfailure(&failure, words, sizeof(words)) == 0)
		fprintf(stderr, "%s: %s\n", what, words);
	else
		fprintf(stderr, "%s\n", what);
	return 1;
}

int main(int argc, char *argv[])
{
	char child_word[] = "child";
	char *arguments[3];
	spawnxattr_t attr;
	spawnx_file_actions_t actions;
	struct spawnx_exit how;
	int pidfd = -1;

	if (argc > 1)
		return strcmp(argv[1], child_word) == 0 ? 42 : 1;
	arguments[0] = argv[0];
	arguments[1] = child_word;
	arguments[2] = NULL;
	memset(&how, 0, sizeof(how));
	how.size = sizeof(how);

	if (strcmp(spawnx_version(), SPAWNX_VERSION) != 0)
		return failed("the header is not the library's");
	if (spawnxattr_init(&attr) != 0 || spawnxattr_setnonewprivs(&attr, 1) != 0 ||
		spawnx_file_actions_init(&actions) != 0 ||
		spawnx_file_actions_addchdir(&actions, "/") != 0)
		return failed("attributes or file actions");
	if (pidfd_spawnx(&pidfd, argv[0], &actions, &attr, arguments, environ) != 0)
		return failed("pidfd_spawnx");
	if (spawnx_wait(pidfd, &how, NULL) != 0 || how.status != 42)
		return failed("spawnx_wait");
	if (spawnx(NULL, "/nonexistent/program", NULL, NULL, arguments, NULL) == 0)
		return failed("no failure");
	spawnx_file_actions_destroy(&actions);
	spawnxattr_destroy(&attr);
	printf("libspawnx %s\n", spawnx_version());
	return 0;
}
