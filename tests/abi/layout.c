/* SPDX-License-Identifier: MIT */
/*
 * What callers have compiled in for ever: layouts of the output structs, values of all
 * constants, types of all functions. C11 and C++11; headers.py compiles it.
 */
#include <spawnx.h>
#include <errno.h>
#include <stddef.h>

#ifdef __cplusplus
#define PIN(expression) static_assert(expression, #expression)
#else
#define PIN(expression) _Static_assert(expression, #expression)
#endif
#define MEMBER(type, member, at, size)                                                   \
	PIN(offsetof(struct type, member) == at);                                        \
	PIN(sizeof(((struct type *)0)->member) == size)

PIN(sizeof(spawnxattr_t) == sizeof(void *));
PIN(sizeof(spawnx_file_actions_t) == sizeof(void *));

PIN(sizeof(struct spawnx_child) == 32);
MEMBER(spawnx_child, size, 0, 4);
MEMBER(spawnx_child, pid, 4, 4);
MEMBER(spawnx_child, pidfd, 8, 4);
MEMBER(spawnx_child, reserved, 12, 4);
MEMBER(spawnx_child, native, 16, 8);
MEMBER(spawnx_child, emulated, 24, 8);

PIN(sizeof(struct spawnx_failure) == 256);
MEMBER(spawnx_failure, size, 0, 4);
MEMBER(spawnx_failure, error, 4, 4);
MEMBER(spawnx_failure, stage, 8, 4);
MEMBER(spawnx_failure, index, 12, 4);
MEMBER(spawnx_failure, fd, 16, 4);
MEMBER(spawnx_failure, reserved, 20, 4);
MEMBER(spawnx_failure, text, 24, 232);

PIN(sizeof(struct spawnx_exit) == 16);
MEMBER(spawnx_exit, size, 0, 4);
MEMBER(spawnx_exit, code, 4, 4);
MEMBER(spawnx_exit, status, 8, 4);
MEMBER(spawnx_exit, reserved, 12, 4);

/* glibc's values; where its header has the name, that is what is compared with. */
PIN(SPAWNX_RESETIDS == 0x01 && SPAWNX_RESETIDS == POSIX_SPAWN_RESETIDS);
PIN(SPAWNX_SETPGROUP == 0x02 && SPAWNX_SETPGROUP == POSIX_SPAWN_SETPGROUP);
PIN(SPAWNX_SETSIGDEF == 0x04 && SPAWNX_SETSIGDEF == POSIX_SPAWN_SETSIGDEF);
PIN(SPAWNX_SETSIGMASK == 0x08 && SPAWNX_SETSIGMASK == POSIX_SPAWN_SETSIGMASK);
PIN(SPAWNX_SETSCHEDPARAM == 0x10 && SPAWNX_SETSCHEDPARAM == POSIX_SPAWN_SETSCHEDPARAM);
PIN(SPAWNX_SETSCHEDULER == 0x20 && SPAWNX_SETSCHEDULER == POSIX_SPAWN_SETSCHEDULER);
PIN(SPAWNX_USEVFORK == 0x40);
PIN(SPAWNX_SETSID == 0x80);
PIN(SPAWNX_SETCGROUP == 0x100);
PIN(SPAWNX_CLOEXEC_DEFAULT == 0x4000);
#ifdef POSIX_SPAWN_USEVFORK
PIN(SPAWNX_USEVFORK == POSIX_SPAWN_USEVFORK);
#endif
#ifdef POSIX_SPAWN_SETSID
PIN(SPAWNX_SETSID == POSIX_SPAWN_SETSID);
#endif

PIN(SPAWNX_SEARCH_PATH == 1);
PIN(SPAWNX_SEARCH_ENVP == 2);

PIN(SPAWNX_FEATURE_AUTOREAP == 0);
PIN(SPAWNX_FEATURE_AUTOKILL == 1);
PIN(SPAWNX_FEATURE_NONEWPRIVS == 2);
PIN(SPAWNX_FEATURE_CLONE3 == 3);
PIN(SPAWNX_FEATURE_CLEAR_SIGHAND == 4);
PIN(SPAWNX_FEATURE_INTO_CGROUP == 5);
PIN(SPAWNX_FEATURE_PIDFD == 6);
PIN(SPAWNX_FEATURE_EXIT_INFO == 7);
PIN(SPAWNX_FEATURE_CLOSE_RANGE == 8);

PIN(SPAWNX_ABSENT == 0);
PIN(SPAWNX_WEAK == 1);
PIN(SPAWNX_EXACT == 2);
PIN(SPAWNX_NATIVE == 3);

PIN(SPAWNX_STAGE_ARGUMENT == 1);
PIN(SPAWNX_STAGE_FEATURE == 2);
PIN(SPAWNX_STAGE_CLONE == 3);
PIN(SPAWNX_STAGE_SIGNALS == 4);
PIN(SPAWNX_STAGE_SCHED == 5);
PIN(SPAWNX_STAGE_LIMITS == 6);
PIN(SPAWNX_STAGE_SESSION == 7);
PIN(SPAWNX_STAGE_PGROUP == 8);
PIN(SPAWNX_STAGE_IDS == 9);
PIN(SPAWNX_STAGE_ACTION == 10);
PIN(SPAWNX_STAGE_UMASK == 11);
PIN(SPAWNX_STAGE_CAPS == 12);
PIN(SPAWNX_STAGE_PDEATHSIG == 13);
PIN(SPAWNX_STAGE_LANDLOCK == 14);
PIN(SPAWNX_STAGE_SECCOMP == 15);
PIN(SPAWNX_STAGE_IDMAP == 16);
PIN(SPAWNX_STAGE_GUARD == 17);
PIN(SPAWNX_STAGE_EXEC == 18);

PIN(sizeof(SPAWNX_VERSION) > sizeof("0.0"));
PIN(SPAWNX_VERSION_MAJOR >= 0 && SPAWNX_VERSION_MINOR >= 0 && SPAWNX_VERSION_PATCH >= 0);

/* A pointer of the pinned type takes the function, or this does not compile. */
typedef int start(pid_t *, const char *, const spawnx_file_actions_t *,
	const spawnxattr_t *, char *const[], char *const[]);
typedef int start_full(struct spawnx_child *, struct spawnx_failure *, unsigned int,
	const char *, const spawnx_file_actions_t *, const spawnxattr_t *, char *const[],
	char *const[]);

extern void types(void);
void types(void)
{
	start *starts[] = {spawnx, spawnxp, pidfd_spawnx, pidfd_spawnxp};
	start_full *full = spawnx_start;
	int (*make[])(spawnxattr_t *) = {spawnxattr_init, spawnxattr_destroy};
	int (*set_flags)(spawnxattr_t *, short) = spawnxattr_setflags;
	int (*get_flags)(const spawnxattr_t *, short *) = spawnxattr_getflags;
	int (*set_pgroup)(spawnxattr_t *, pid_t) = spawnxattr_setpgroup;
	int (*get_pgroup)(const spawnxattr_t *, pid_t *) = spawnxattr_getpgroup;
	int (*set_signals[])(spawnxattr_t *, const sigset_t *) = {
		spawnxattr_setsigdefault, spawnxattr_setsigmask};
	int (*get_signals[])(const spawnxattr_t *, sigset_t *) = {
		spawnxattr_getsigdefault, spawnxattr_getsigmask};
	int (*set_param)(spawnxattr_t *, const struct sched_param *) =
		spawnxattr_setschedparam;
	int (*get_param)(const spawnxattr_t *, struct sched_param *) =
		spawnxattr_getschedparam;
	int (*set_on[])(spawnxattr_t *, int) = {spawnxattr_setautoreap,
		spawnxattr_setautokill, spawnxattr_setnonewprivs, spawnxattr_setschedpolicy,
		spawnxattr_setcgroup_np, spawnxattr_setexecfd, spawnxattr_setlistenfds};
	int (*get_on[])(const spawnxattr_t *, int *) = {spawnxattr_getautoreap,
		spawnxattr_getautokill, spawnxattr_getnonewprivs, spawnxattr_getschedpolicy,
		spawnxattr_getcgroup_np, spawnxattr_getexecfd, spawnxattr_getlistenfds};
	int (*make_actions[])(spawnx_file_actions_t *) = {
		spawnx_file_actions_init, spawnx_file_actions_destroy};
	int (*add_open)(spawnx_file_actions_t *, int, const char *, int, mode_t) =
		spawnx_file_actions_addopen;
	int (*add_fd[])(spawnx_file_actions_t *, int) = {spawnx_file_actions_addclose,
		spawnx_file_actions_addfchdir, spawnx_file_actions_addfchdir_np,
		spawnx_file_actions_addclosefrom_np, spawnx_file_actions_addtcsetpgrp_np};
	int (*add_dup2)(spawnx_file_actions_t *, int, int) = spawnx_file_actions_adddup2;
	int (*add_path[])(spawnx_file_actions_t *, const char *) = {
		spawnx_file_actions_addchdir, spawnx_file_actions_addchdir_np};
	int (*wait)(int, struct spawnx_exit *, const struct timespec *) = spawnx_wait;
	int (*send)(int, int) = spawnx_signal;
	int (*stop)(int, const struct timespec *, struct spawnx_exit *) = spawnx_stop;
	int (*last)(struct spawnx_failure *) = spawnx_lastfailure;
	int (*words)(const struct spawnx_failure *, char *, size_t) = spawnx_strfailure;
	int (*feature)(unsigned int) = spawnx_feature;
	uint64_t (*features)(void) = spawnx_features;
	const char *(*name)(unsigned int) = spawnx_feature_name;
	const char *(*version)(void) = spawnx_version;

	(void)starts, (void)full, (void)make, (void)set_flags, (void)get_flags;
	(void)set_pgroup, (void)get_pgroup, (void)set_signals, (void)get_signals;
	(void)set_param, (void)get_param, (void)set_on, (void)get_on, (void)make_actions, (void)add_open, (void)add_fd;
	(void)add_dup2, (void)add_path, (void)wait, (void)send, (void)stop, (void)last, (void)words;
	(void)feature, (void)features, (void)name, (void)version;
}
