/* SPDX-License-Identifier: MIT */
/*
 * libspawnx: posix_spawn for Linux with what daemons need.
 *
 * Every posix_spawn name has a twin: posix_spawn becomes spawnx, POSIX_SPAWN
 * becomes SPAWNX, pidfd_spawn becomes pidfd_spawnx; same arguments, same values.
 *
 * Unless a line says otherwise a function returns 0 or a positive error number.
 * On failure errno holds that number too; on success errno is left alone. A NULL
 * pointer, or a handle that is NULL because it was never made or is destroyed, is
 * EINVAL. The manual pages are normative: spawnx(7) is the place to start.
 */
#ifndef SPAWNX_H
#define SPAWNX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <spawn.h> /* sigset_t, struct sched_param, struct timespec */
#include <spawnx/version.h>

#ifdef __cplusplus
#define SPAWNX_NOTHROW noexcept
extern "C" {
#else
#define SPAWNX_NOTHROW __attribute__((__nothrow__))
#endif
#pragma GCC visibility push(default)

/*
 * Handles: pointers to incomplete types. init allocates, destroy frees and sets the
 * handle to NULL. Spawning only reads them, so that one object may serve many threads.
 */
#ifndef SPAWNX_POSIX_FIRST /* <spawnx/posix.h>: <spawn.h> has just made these types */
typedef struct spawnx_attr *spawnxattr_t;
typedef struct spawnx_actions *spawnx_file_actions_t;
#endif

/* Flags of spawnxattr_setflags(3): the values are glibc's. Others: EINVAL. */
#define SPAWNX_RESETIDS      0x01  /* effective ids become the real ones */
#define SPAWNX_SETPGROUP     0x02  /* use spawnxattr_setpgroup(3) */
#define SPAWNX_SETSIGDEF     0x04  /* use spawnxattr_setsigdefault(3) */
#define SPAWNX_SETSIGMASK    0x08  /* use spawnxattr_setsigmask(3) */
#define SPAWNX_SETSCHEDPARAM 0x10  /* use spawnxattr_setschedparam(3) */
#define SPAWNX_SETSCHEDULER  0x20  /* ... and spawnxattr_setschedpolicy(3) */
#define SPAWNX_USEVFORK      0x40  /* no effect: it is always so */
#define SPAWNX_SETSID        0x80  /* a new session */
#define SPAWNX_SETCGROUP     0x100 /* use spawnxattr_setcgroup_np(3) */
#define SPAWNX_CLOEXEC_DEFAULT 0x4000 /* only what a file action makes stays open */

/* "how" of spawnx_start(3). Others: EINVAL. */
#define SPAWNX_SEARCH_PATH 1u /* look for a name without a slash in the caller's PATH */
#define SPAWNX_SEARCH_ENVP 2u /* ... in the PATH of envp */

/*
 * Features: ids. spawnx_features(3) and the masks "native" and "emulated" have bit
 * 1 << id. spawnx_feature(3) answers one of the four grades.
 */
#define SPAWNX_FEATURE_AUTOREAP      0u /* CLONE_AUTOREAP, Linux 7.1 */
#define SPAWNX_FEATURE_AUTOKILL      1u /* CLONE_PIDFD_AUTOKILL, Linux 7.1 */
#define SPAWNX_FEATURE_NONEWPRIVS    2u /* CLONE_NNP, Linux 7.1; before: prctl(2) */
#define SPAWNX_FEATURE_CLONE3        3u /* clone3(2), Linux 5.3; blocked: clone(2) */
#define SPAWNX_FEATURE_CLEAR_SIGHAND 4u /* CLONE_CLEAR_SIGHAND, Linux 5.5; before: a loop */
#define SPAWNX_FEATURE_INTO_CGROUP   5u /* CLONE_INTO_CGROUP, Linux 5.7 */
#define SPAWNX_FEATURE_PIDFD         6u /* pidfds that can be waited for, Linux 5.4 */
#define SPAWNX_FEATURE_EXIT_INFO     7u /* PIDFD_INFO_EXIT, Linux 6.15 */
#define SPAWNX_FEATURE_CLOSE_RANGE   8u /* close_range(2), Linux 5.9 */

#define SPAWNX_ABSENT 0 /* not to be had on this kernel: ENOTSUP */
#define SPAWNX_WEAK   1 /* emulated with a weaker promise, if asked for */
#define SPAWNX_EXACT  2 /* emulated, no difference to be seen */
#define SPAWNX_NATIVE 3 /* done by the kernel */

/* Where a spawn failed: spawnx_failure.stage. The values never change. */
#define SPAWNX_STAGE_ARGUMENT  1  /* an argument was refused; nothing was tried */
#define SPAWNX_STAGE_FEATURE   2  /* this kernel lacks a feature asked for */
#define SPAWNX_STAGE_CLONE     3  /* clone3(2), or what the parent needs for it */
#define SPAWNX_STAGE_SIGNALS   4  /* the rest: the child's steps, see spawnx(7) */
#define SPAWNX_STAGE_SCHED     5
#define SPAWNX_STAGE_LIMITS    6
#define SPAWNX_STAGE_SESSION   7
#define SPAWNX_STAGE_PGROUP    8
#define SPAWNX_STAGE_IDS       9
#define SPAWNX_STAGE_ACTION    10 /* a file action; index tells which */
#define SPAWNX_STAGE_UMASK     11
#define SPAWNX_STAGE_CAPS      12
#define SPAWNX_STAGE_PDEATHSIG 13
#define SPAWNX_STAGE_LANDLOCK  14
#define SPAWNX_STAGE_SECCOMP   15
#define SPAWNX_STAGE_IDMAP     16
#define SPAWNX_STAGE_GUARD     17
#define SPAWNX_STAGE_EXEC      18 /* execve(2); ECANCELED: killed before it */

/*
 * Output structs. The caller sets size to sizeof; 0 is EINVAL. A shorter one gets
 * what fits, the tail of a longer one is zero-filled.
 */
struct spawnx_child { /* spawnx_start(3) */
	uint32_t size;
	pid_t pid;
	int pidfd; /* close-on-exec; the caller closes it */
	uint32_t reserved;
	uint64_t native;   /* features the kernel did, of those this spawn used */
	uint64_t emulated; /* features the library did */
};

struct spawnx_failure { /* spawnx_lastfailure(3), spawnx_strfailure(3) */
	uint32_t size;
	int error;      /* a positive error number */
	int stage;      /* SPAWNX_STAGE_ */
	int index;      /* which file action, from 0; a feature's id; else -1 */
	int fd;         /* the descriptor the kernel refused; else -1 */
	int reserved;   /* for spawnx_strfailure(3) alone */
	char text[232]; /* the path; a feature's name; else empty. Cut if too long */
};

struct spawnx_exit { /* spawnx_wait(3) */
	uint32_t size;
	int code;   /* CLD_EXITED, CLD_KILLED or CLD_DUMPED */
	int status; /* the exit code or the signal, as in siginfo_t */
	int reserved;
};

/*
 * Starting: spawnx(3). "p" forms search the caller's PATH. pid may be NULL, pidfd may
 * not. The pidfd forms return a close-on-exec pidfd, which the caller closes. (Declared
 * without nothrow, as their twins are: <spawnx/posix.h> may show both declarations.)
 */
int spawnx(pid_t *ret_pid, const char *path, const spawnx_file_actions_t *actions,
	const spawnxattr_t *attr, char *const argv[], char *const envp[]);
int spawnxp(pid_t *ret_pid, const char *file, const spawnx_file_actions_t *actions,
	const spawnxattr_t *attr, char *const argv[], char *const envp[]);
int pidfd_spawnx(int *ret_pidfd, const char *path, const spawnx_file_actions_t *actions,
	const spawnxattr_t *attr, char *const argv[], char *const envp[]);
int pidfd_spawnxp(int *ret_pidfd, const char *file, const spawnx_file_actions_t *actions,
	const spawnxattr_t *attr, char *const argv[], char *const envp[]);
/* The full call: ret_child is written on success only, reterr_failure on failure only. */
int spawnx_start(struct spawnx_child *ret_child, struct spawnx_failure *reterr_failure,
	unsigned int how, const char *path, const spawnx_file_actions_t *actions,
	const spawnxattr_t *attr, char *const argv[], char *const envp[]);

/* Attributes: spawnxattr_init(3). init: ENOMEM. */
int spawnxattr_init(spawnxattr_t *attr) SPAWNX_NOTHROW;
int spawnxattr_destroy(spawnxattr_t *attr) SPAWNX_NOTHROW;
int spawnxattr_setflags(spawnxattr_t *attr, short flags) SPAWNX_NOTHROW;
int spawnxattr_getflags(const spawnxattr_t *attr, short *ret_flags) SPAWNX_NOTHROW;
int spawnxattr_setpgroup(spawnxattr_t *attr, pid_t pgroup) SPAWNX_NOTHROW;
int spawnxattr_getpgroup(const spawnxattr_t *attr, pid_t *ret_pgroup) SPAWNX_NOTHROW;
int spawnxattr_setsigdefault(spawnxattr_t *attr, const sigset_t *set) SPAWNX_NOTHROW;
int spawnxattr_getsigdefault(const spawnxattr_t *attr, sigset_t *ret_set) SPAWNX_NOTHROW;
int spawnxattr_setsigmask(spawnxattr_t *attr, const sigset_t *mask) SPAWNX_NOTHROW;
int spawnxattr_getsigmask(const spawnxattr_t *attr, sigset_t *ret_mask) SPAWNX_NOTHROW;
int spawnxattr_setschedpolicy(spawnxattr_t *attr, int policy) SPAWNX_NOTHROW;
int spawnxattr_getschedpolicy(const spawnxattr_t *attr, int *ret_policy) SPAWNX_NOTHROW;
int spawnxattr_setschedparam(
	spawnxattr_t *attr, const struct sched_param *param) SPAWNX_NOTHROW;
int spawnxattr_getschedparam(
	const spawnxattr_t *attr, struct sched_param *ret_param) SPAWNX_NOTHROW;
int spawnxattr_setcgroup_np(spawnxattr_t *attr, int cgroup) SPAWNX_NOTHROW;
int spawnxattr_getcgroup_np(const spawnxattr_t *attr, int *ret_cgroup) SPAWNX_NOTHROW;
/* Those below apply once set; no flag is needed. */
int spawnxattr_setautoreap(spawnxattr_t *attr, int on) SPAWNX_NOTHROW;
int spawnxattr_getautoreap(const spawnxattr_t *attr, int *ret_on) SPAWNX_NOTHROW;
int spawnxattr_setautokill(spawnxattr_t *attr, int on) SPAWNX_NOTHROW; /* and autoreap */
int spawnxattr_getautokill(const spawnxattr_t *attr, int *ret_on) SPAWNX_NOTHROW;
int spawnxattr_setnonewprivs(spawnxattr_t *attr, int on) SPAWNX_NOTHROW;
int spawnxattr_getnonewprivs(const spawnxattr_t *attr, int *ret_on) SPAWNX_NOTHROW;
/* The program is the file fd has open after the file actions; "path" may be NULL. EBADF. */
int spawnxattr_setexecfd(spawnxattr_t *attr, int fd) SPAWNX_NOTHROW;
int spawnxattr_getexecfd(const spawnxattr_t *attr, int *ret_fd) SPAWNX_NOTHROW; /* ENOENT */
/* Descriptors 3 to 3 + n - 1 are announced by LISTEN_FDS and LISTEN_PID. */
int spawnxattr_setlistenfds(spawnxattr_t *attr, int n) SPAWNX_NOTHROW;
int spawnxattr_getlistenfds(const spawnxattr_t *attr, int *ret_n) SPAWNX_NOTHROW; /* ENOENT */

/*
 * File actions: spawnx_file_actions_init(3). Done strictly in order; paths are copied.
 * A descriptor below 0 or not below the soft RLIMIT_NOFILE: EBADF. ENOMEM.
 */
int spawnx_file_actions_init(spawnx_file_actions_t *actions) SPAWNX_NOTHROW;
int spawnx_file_actions_destroy(spawnx_file_actions_t *actions) SPAWNX_NOTHROW;
int spawnx_file_actions_addopen(spawnx_file_actions_t *actions, int fd, const char *path,
	int oflag, mode_t mode) SPAWNX_NOTHROW;
int spawnx_file_actions_addclose(spawnx_file_actions_t *actions, int fd) SPAWNX_NOTHROW;
int spawnx_file_actions_adddup2(
	spawnx_file_actions_t *actions, int fd, int newfd) SPAWNX_NOTHROW;
int spawnx_file_actions_addchdir(
	spawnx_file_actions_t *actions, const char *path) SPAWNX_NOTHROW;
int spawnx_file_actions_addchdir_np(
	spawnx_file_actions_t *actions, const char *path) SPAWNX_NOTHROW;
int spawnx_file_actions_addfchdir(spawnx_file_actions_t *actions, int fd) SPAWNX_NOTHROW;
int spawnx_file_actions_addfchdir_np(
	spawnx_file_actions_t *actions, int fd) SPAWNX_NOTHROW;
int spawnx_file_actions_addclosefrom_np(
	spawnx_file_actions_t *actions, int from) SPAWNX_NOTHROW;
int spawnx_file_actions_addtcsetpgrp_np(
	spawnx_file_actions_t *actions, int tcfd) SPAWNX_NOTHROW;

/*
 * Afterwards: spawnx_wait(3). timeout is relative, NULL means none. ret_exit may be NULL.
 * ETIMEDOUT; ENODATA: it is gone and nobody can know its status; EBADF; EINVAL.
 */
int spawnx_wait(int pidfd, struct spawnx_exit *ret_exit,
	const struct timespec *timeout) SPAWNX_NOTHROW;
int spawnx_signal(int pidfd, int sig) SPAWNX_NOTHROW;
/*
 * SIGTERM; SIGKILL if that did not end it within grace (relative, NULL: never); then as
 * spawnx_wait(3). Success if it had ended before. ENODATA only if ret_exit is not NULL.
 */
int spawnx_stop(int pidfd, const struct timespec *grace,
	struct spawnx_exit *ret_exit) SPAWNX_NOTHROW;

/* Failures: spawnx_lastfailure(3). The calling thread's last failed spawn; ENOENT. */
int spawnx_lastfailure(struct spawnx_failure *ret_failure) SPAWNX_NOTHROW;
/* len: bytes of buf with the terminating null; ERANGE if cut, still terminated. */
int spawnx_strfailure(
	const struct spawnx_failure *failure, char *buf, size_t len) SPAWNX_NOTHROW;

/* What this kernel can: spawnx_feature(3). These return the answer itself. */
int spawnx_feature(unsigned int id) SPAWNX_NOTHROW;
uint64_t spawnx_features(void) SPAWNX_NOTHROW;
const char *spawnx_feature_name(unsigned int id) SPAWNX_NOTHROW; /* NULL past the last */
const char *spawnx_version(void) SPAWNX_NOTHROW;

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
