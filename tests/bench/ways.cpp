/* SPDX-License-Identifier: MIT */
#include "ways.hpp"

#include <cerrno>
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <spawnx.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench
{

const char *program;
static char name[] = "mortal", word[] = "exit:0";
char *program_argv[] = {name, word, nullptr};
char *program_envp[] = {nullptr};

/* The floor: nothing less can start a program. */
static int start_vfork(job &j)
{
	const pid_t pid = vfork();
	if (pid == 0) {
		execve(program, program_argv, program_envp);
		_exit(127);
	}
	j.pid = pid;
	return pid < 0 ? errno : 0;
}

static const gid_t nogroup = 65534;
static const uid_t nobody = 65534;

/* What the kernel takes for other ids. No program may do it so: see dumpable.hpp. */
static int start_vfork_ids(job &j)
{
	const pid_t pid = vfork();
	if (pid == 0) {
		if (syscall(SYS_setgroups, 1, &nogroup) != 0 ||
			syscall(SYS_setresgid, nogroup, nogroup, nogroup) != 0 ||
			syscall(SYS_setresuid, nobody, nobody, nobody) != 0)
			_exit(126);
		execve(program, program_argv, program_envp);
		_exit(127);
	}
	prctl(PR_SET_DUMPABLE, 1);
	j.pid = pid;
	return pid < 0 ? errno : 0;
}

/* Until the exec, as the others: a close-on-exec pipe tells when that is. */
static int start_fork(job &j)
{
	int done[2];
	char byte;
	if (pipe2(done, O_CLOEXEC) != 0)
		return errno;
	j.pid = fork();
	if (j.pid == 0) {
		execve(program, program_argv, program_envp);
		_exit(127);
	}
	close(done[1]);
	(void)!read(done[0], &byte, 1);
	close(done[0]);
	return j.pid < 0 ? errno : 0;
}

static int start_posix(job &j)
{
	return posix_spawn(&j.pid, program, nullptr, nullptr, program_argv, program_envp);
}

static int start_posix_closefrom(job &j)
{
	static posix_spawn_file_actions_t actions;
	static const int ready = posix_spawn_file_actions_init(&actions) +
		posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	if (ready != 0)
		return ready;
	return posix_spawn(
		&j.pid, program, &actions, nullptr, program_argv, program_envp);
}

/* glibc 2.39; this program also runs with an older one. */
static int start_posix_pidfd(job &j)
{
	using function = int(int *, const char *, const posix_spawn_file_actions_t *,
		const posix_spawnattr_t *, char *const[], char *const[]);
	static function *const spawn =
		reinterpret_cast<function *>(dlsym(RTLD_DEFAULT, "pidfd_spawn"));
	if (!spawn)
		return ENOSYS;
	return spawn(&j.pidfd, program, nullptr, nullptr, program_argv, program_envp);
}

static int start_spawnx(job &j)
{
	return spawnx(&j.pid, program, nullptr, nullptr, program_argv, program_envp);
}

static int start_spawnx_pidfd(job &j)
{
	return pidfd_spawnx(
		&j.pidfd, program, nullptr, nullptr, program_argv, program_envp);
}

template <typename F> static spawnxattr_t attributes(F set)
{
	spawnxattr_t attr;
	if (spawnxattr_init(&attr) != 0 || set(&attr) != 0)
		return nullptr;
	return attr;
}

static int start_autoreap(job &j)
{
	static const spawnxattr_t attr =
		attributes([](spawnxattr_t *a) { return spawnxattr_setautoreap(a, 1); });
	return pidfd_spawnx(
		&j.pidfd, program, nullptr, &attr, program_argv, program_envp);
}

static int start_uid(job &j)
{
	static const spawnxattr_t attr =
		attributes([](spawnxattr_t *a) { return spawnxattr_setuid(a, nobody); });
	return spawnx(&j.pid, program, nullptr, &attr, program_argv, program_envp);
}

static int start_ids(job &j)
{
	static const spawnxattr_t attr = attributes([](spawnxattr_t *a) {
		return spawnxattr_setuid(a, nobody) + spawnxattr_setgid(a, nogroup) +
			spawnxattr_setgroups(a, 1, &nogroup);
	});
	return spawnx(&j.pid, program, nullptr, &attr, program_argv, program_envp);
}

static int start_cloexec(job &j)
{
	static const spawnxattr_t attr = attributes([](spawnxattr_t *a) {
		return spawnxattr_setflags(a, SPAWNX_CLOEXEC_DEFAULT);
	});
	return spawnx(&j.pid, program, nullptr, &attr, program_argv, program_envp);
}

static int start_closefrom(job &j)
{
	static spawnx_file_actions_t actions;
	static const int ready = spawnx_file_actions_init(&actions) +
		spawnx_file_actions_addclosefrom_np(&actions, 3);
	if (ready != 0)
		return ready;
	return spawnx(&j.pid, program, &actions, nullptr, program_argv, program_envp);
}

void reap(job &j)
{
	siginfo_t info;
	const bool by_pidfd = j.pidfd >= 0;
	while (waitid(by_pidfd ? P_PIDFD : P_PID,
		       static_cast<id_t>(by_pidfd ? j.pidfd : j.pid), &info,
		       WEXITED) != 0 &&
		errno == EINTR)
		;
	if (by_pidfd)
		close(j.pidfd);
}

static void see_hangup(job &j)
{
	pollfd p = {j.pidfd, 0, 0};
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	close(j.pidfd);
}

const std::vector<way> &ways()
{
	static const std::vector<way> all = {
		{floor_name, start_vfork, reap},
		{"spawnx", start_spawnx, reap},
		{"pidfd_spawnx", start_spawnx_pidfd, reap},
		{"pidfd_spawnx, autoreap", start_autoreap, see_hangup},
		{"spawnx, uid", start_uid, reap},
		{"spawnx, uid + gid + groups", start_ids, reap},
		{"vfork, uid + gid + groups, execve", start_vfork_ids, reap},
		{"spawnx, close-by-default", start_cloexec, reap},
		{"spawnx, closefrom", start_closefrom, reap},
		{"posix_spawn", start_posix, reap},
		{"posix_spawn, closefrom_np", start_posix_closefrom, reap},
		{"pidfd_spawn", start_posix_pidfd, reap},
		{"fork + execve", start_fork, reap},
#ifdef HAVE_LIBUV
		{"uv_spawn", start_libuv, finish_libuv},
#endif
#ifdef HAVE_GLIB
		{"g_spawn_async", start_glib, reap},
#endif
	};
	return all;
}

} // namespace bench
