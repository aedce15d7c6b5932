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

/* spawnxattr_setfallback(3): what to do where the kernel lacks something. */
#define SPAWNX_FALLBACK_EXACT  0 /* the library does it if nobody can tell; else ENOTSUP */
#define SPAWNX_FALLBACK_WEAKER 1 /* also where the promise is weaker: spawnx_feature(3) */

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
	int index;      /* a file action, from 0; a feature, resource, capability; else -1 */
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
/* The child gets sig when the thread that started it ends; 0: none. EINVAL. */
int spawnxattr_setpdeathsig(spawnxattr_t *attr, int sig) SPAWNX_NOTHROW;
int spawnxattr_getpdeathsig(const spawnxattr_t *attr, int *ret_sig) SPAWNX_NOTHROW;
/* Whether emulations with a weaker promise will do: SPAWNX_FALLBACK_. EINVAL. */
int spawnxattr_setfallback(spawnxattr_t *attr, int fallback) SPAWNX_NOTHROW;
int spawnxattr_getfallback(const spawnxattr_t *attr, int *ret_fallback) SPAWNX_NOTHROW;
/* The program is the file fd has open after the file actions; "path" may be NULL. EBADF. */
int spawnxattr_setexecfd(spawnxattr_t *attr, int fd) SPAWNX_NOTHROW;
int spawnxattr_getexecfd(const spawnxattr_t *attr, int *ret_fd) SPAWNX_NOTHROW; /* ENOENT */
/* Descriptors 3 to 3 + n - 1 are announced by LISTEN_FDS and LISTEN_PID. */
int spawnxattr_setlistenfds(spawnxattr_t *attr, int n) SPAWNX_NOTHROW;
int spawnxattr_getlistenfds(const spawnxattr_t *attr, int *ret_n) SPAWNX_NOTHROW; /* ENOENT */

/*
 * Who the child is: spawnxattr_setuid(3). An id of -1 is EINVAL; ENOMEM. The getters say
 * ENOENT until the value is set; arrays and texts that they hand out are the object's, as
 * long as it lives and is not set again. libcap's objects: <spawnx/libcap.h>.
 */
int spawnxattr_setuid(spawnxattr_t *attr, uid_t uid) SPAWNX_NOTHROW;
int spawnxattr_getuid(const spawnxattr_t *attr, uid_t *ret_uid) SPAWNX_NOTHROW;
int spawnxattr_setgid(spawnxattr_t *attr, gid_t gid) SPAWNX_NOTHROW;
int spawnxattr_getgid(const spawnxattr_t *attr, gid_t *ret_gid) SPAWNX_NOTHROW;
int spawnxattr_setgroups(
	spawnxattr_t *attr, size_t n, const gid_t *groups) SPAWNX_NOTHROW;
int spawnxattr_getgroups(const spawnxattr_t *attr, size_t *ret_n,
	const gid_t **ret_groups) SPAWNX_NOTHROW;
int spawnxattr_setcap_iab_text(spawnxattr_t *attr, const char *text) SPAWNX_NOTHROW;
int spawnxattr_getcap_iab_text(
	const spawnxattr_t *attr, const char **ret_text) SPAWNX_NOTHROW;
int spawnxattr_setsecurebits(spawnxattr_t *attr, unsigned int bits) SPAWNX_NOTHROW;
int spawnxattr_getsecurebits(
	const spawnxattr_t *attr, unsigned int *ret_bits) SPAWNX_NOTHROW;

/*
 * What it cannot do: spawnxattr_setseccomp(3). A program of no or more than BPF_MAXINSNS
 * instructions, bits that are no CLONE_NEW, and a map that is none are EINVAL.
 */
struct sock_fprog; /* <linux/filter.h> */
int spawnxattr_setseccomp(
	spawnxattr_t *attr, const struct sock_fprog *program) SPAWNX_NOTHROW;
int spawnxattr_getseccomp(
	const spawnxattr_t *attr, struct sock_fprog *ret_program) SPAWNX_NOTHROW;
int spawnxattr_setlandlock(spawnxattr_t *attr, int ruleset_fd) SPAWNX_NOTHROW; /* EBADF */
int spawnxattr_getlandlock(
	const spawnxattr_t *attr, int *ret_ruleset_fd) SPAWNX_NOTHROW;
int spawnxattr_setnamespaces(spawnxattr_t *attr, uint64_t clone_flags) SPAWNX_NOTHROW;
int spawnxattr_getnamespaces(
	const spawnxattr_t *attr, uint64_t *ret_clone_flags) SPAWNX_NOTHROW;
/* Either may be NULL, and is then not written. Wants CLONE_NEWUSER. */
int spawnxattr_setidmap(
	spawnxattr_t *attr, const char *uid_map, const char *gid_map) SPAWNX_NOTHROW;
int spawnxattr_getidmap(const spawnxattr_t *attr, const char **ret_uid_map,
	const char **ret_gid_map) SPAWNX_NOTHROW;

/*
 * What it may use: spawnxattr_setrlimit(3). EINVAL: a resource or a value that no kernel
 * knows, a soft limit above the hard one, a set without a CPU. Sizes are in bytes.
 */
struct rlimit; /* <sys/resource.h> */
int spawnxattr_setrlimit(
	spawnxattr_t *attr, int resource, const struct rlimit *limit) SPAWNX_NOTHROW;
int spawnxattr_getrlimit(
	const spawnxattr_t *attr, int resource, struct rlimit *ret_limit) SPAWNX_NOTHROW;
int spawnxattr_setumask(spawnxattr_t *attr, mode_t mask) SPAWNX_NOTHROW;
int spawnxattr_getumask(const spawnxattr_t *attr, mode_t *ret_mask) SPAWNX_NOTHROW;
int spawnxattr_setnice(spawnxattr_t *attr, int nice) SPAWNX_NOTHROW;
int spawnxattr_getnice(const spawnxattr_t *attr, int *ret_nice) SPAWNX_NOTHROW;
int spawnxattr_setaffinity(
	spawnxattr_t *attr, size_t size, const cpu_set_t *set) SPAWNX_NOTHROW;
int spawnxattr_getaffinity(
	const spawnxattr_t *attr, size_t size, cpu_set_t *ret_set) SPAWNX_NOTHROW;
int spawnxattr_setoomscoreadj(spawnxattr_t *attr, int value) SPAWNX_NOTHROW;
int spawnxattr_getoomscoreadj(const spawnxattr_t *attr, int *ret_value) SPAWNX_NOTHROW;
int spawnxattr_setsigignore(spawnxattr_t *attr, const sigset_t *set) SPAWNX_NOTHROW;
int spawnxattr_getsigignore(const spawnxattr_t *attr, sigset_t *ret_set) SPAWNX_NOTHROW;

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

/* Those below have no twin. Stays open; EBADF at the spawn if it is not. */
int spawnx_file_actions_addinherit_np(
	spawnx_file_actions_t *actions, int fd) SPAWNX_NOTHROW;
/* dst[i] becomes what src[i] was before, swaps included. Twice the same dst: EINVAL. */
int spawnx_file_actions_addmapfds(spawnx_file_actions_t *actions, size_t n,
	const int src[], const int dst[]) SPAWNX_NOTHROW;
int spawnx_file_actions_addopenat(spawnx_file_actions_t *actions, int fd, int dirfd,
	const char *path, int oflag, mode_t mode) SPAWNX_NOTHROW;
/* The child's controlling terminal, in a session of its own. */
int spawnx_file_actions_addsetctty(spawnx_file_actions_t *actions, int fd) SPAWNX_NOTHROW;

/*
 * Afterwards: spawnx_wait(3). timeout is relative, NULL means none. ret_exit may be NULL.
 * ETIMEDOUT; ENODATA: it is gone, and its status cannot be known, or its parent, another
 * process, has not reaped it in time; EBADF; EINVAL.
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
