/* SPDX-License-Identifier: MIT */
/*
 * deny CALL=ERRNO[,CALL=ERRNO...] PROGRAM [ARGUMENTS]: runs PROGRAM under a seccomp
 * filter that refuses these system calls, by numbers or the names below. This is how
 * containers and service managers block clone3, and how tests walk error exits.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct name {
	const char *name;
	int value;
};

static const struct name calls[] = {{"clone3", 435}, {"clone", SYS_clone},
	{"close_range", 436}, {"pipe2", SYS_pipe2}, {"waitid", SYS_waitid},
	{"ioctl", SYS_ioctl}, {"execve", SYS_execve}, {"pidfd_send_signal", 424},
	{"ppoll", SYS_ppoll}, {"setpgid", SYS_setpgid}, {"prctl", SYS_prctl}, {NULL, 0}};
static const struct name errors[] = {{"ENOSYS", ENOSYS}, {"EPERM", EPERM},
	{"EAGAIN", EAGAIN}, {"ENOMEM", ENOMEM}, {"EMFILE", EMFILE}, {"ENFILE", ENFILE},
	{"EINVAL", EINVAL}, {NULL, 0}};

static int value_of(const struct name *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table->value;
	fprintf(stderr, "deny: %s?\n", name);
	exit(2);
}

int main(int argc, char *argv[])
{
	struct sock_filter code[64] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	unsigned short n = 1;
	struct sock_fprog filter = {.filter = code};

	if (argc < 3)
		return 2;
	for (char *rule = strtok(argv[1], ","); rule && n < 60; rule = strtok(NULL, ",")) {
		char *equals = strchr(rule, '=');
		if (!equals)
			return 2;
		*equals = '\0';
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			(unsigned)value_of(calls, rule), 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
			SECCOMP_RET_ERRNO | (unsigned)value_of(errors, equals + 1));
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	filter.len = n;
	/* root needs no no-new-privs, and the tests look at that bit. */
	if (geteuid() != 0)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
		perror("deny: seccomp");
		return 77;
	}
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
