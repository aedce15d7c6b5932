#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <spawnx.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* kill(2) is refused, everything else let through. (A filter for a program that is not
   trusted looks at the architecture first, and lets through what it knows.) */
static struct sock_filter no_kill[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static int drop(spawnxattr_t *attr, spawnx_file_actions_t *actions, int secret)
{
	const struct rlimit no_core = {0, 0}, few_files = {64, 64};
	const struct sock_fprog filter = {4, no_kill};
	/* These, and no others, under these numbers. */
	const int from[] = {secret, 1, 2}, to[] = {3, 1, 2};

	if (spawnxattr_init(attr) != 0 ||
		spawnxattr_setflags(attr, SPAWNX_CLOEXEC_DEFAULT) != 0 ||
		spawnxattr_setrlimit(attr, RLIMIT_CORE, &no_core) != 0 ||
		spawnxattr_setrlimit(attr, RLIMIT_NOFILE, &few_files) != 0 ||
		spawnxattr_setnice(attr, 19) != 0 ||
		spawnxattr_setumask(attr, 077) != 0 ||
		spawnxattr_setnonewprivs(attr, 1) != 0 || /* the filter needs it */
		spawnxattr_setseccomp(attr, &filter) != 0 ||
		spawnx_file_actions_init(actions) != 0 ||
		spawnx_file_actions_addmapfds(actions, 3, from, to) != 0)
		return -1;
	return 0;
}

int main(void)
{
	char *argv[] = {"sh", "-c",
		"read -r line <&3; echo $line; ulimit -c; ulimit -n; umask; nice;"
		"grep NoNewPrivs /proc/$$/status; kill -0 $$ 2>/dev/null || echo no kill",
		NULL};
	char *envp[] = {"PATH=/usr/bin:/bin", NULL};
	struct spawnx_failure failure = {.size = sizeof(failure)};
	struct spawnx_child child = {.size = sizeof(child)};
	spawnx_file_actions_t actions = NULL;
	spawnxattr_t attr = NULL;
	char text[512];
	int secret[2], err;

	if (pipe(secret) != 0 || write(secret[1], "the secret\n", 11) != 11 ||
		drop(&attr, &actions, secret[0]) != 0)
		return perror("drop"), 1;
	err = spawnx_start(&child, &failure, 0, "/bin/sh", &actions, &attr, argv, envp);
	spawnx_file_actions_destroy(&actions);
	spawnxattr_destroy(&attr);
	if (err != 0) {
		spawnx_strfailure(&failure, text, sizeof(text));
		return fprintf(stderr, "%s\n", text), 1;
	}
	close(child.pidfd);
	return waitpid(child.pid, NULL, 0) != child.pid;
}
