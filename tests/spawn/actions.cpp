/* SPDX-License-Identifier: MIT */
/* File actions: the semantics are glibc's, so glibc's are run beside ours. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;

SPAWNX_TEST("open puts a file on a descriptor, which is closed first")
{
	const scratch to;
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addopen(
			actions, 1, to.path.c_str(), O_WRONLY | O_APPEND, 0)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addopen(actions, 9, "/dev/null", O_RDONLY, 0)) ==
		0);
	REQUIRE(CALL(spawnx_file_actions_addopen(
			actions, 8, "/dev/null", O_RDONLY | O_CLOEXEC, 0)) == 0);
	const report r = spawn_report(actions);
	CHECK(r.at("fd.1") == to.path);
	CHECK(r.at("fd.9") == "/dev/null");
	CHECK(r.count("fd.8") == 0); /* O_CLOEXEC is honoured */
	CHECK(r.count("fd.3") == 0); /* and nothing of the way there is left */
}

SPAWNX_TEST("open with every standard descriptor closed, on 0 itself")
{
	file_actions actions;
	for (const int fd : {0, 1, 2})
		REQUIRE(CALL(spawnx_file_actions_addclose(actions, fd)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0)) ==
		0);
	REQUIRE(CALL(spawnx_file_actions_addopen(
			actions, 2, "/dev/null", O_RDONLY | O_CLOEXEC, 0)) == 0);
	const report r = spawn_report(actions);
	CHECK(r.at("fd.0") == "/dev/null");
	CHECK(r.count("fd.1") == 0);
	CHECK(r.count("fd.2") == 0);
}

SPAWNX_TEST("a created file has the mode asked for, less the umask")
{
	const scratch base;
	const std::string path = base.path + ".created";
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addopen(actions, 5, path.c_str(),
			O_WRONLY | O_CREAT | O_EXCL, 0666)) == 0);
	const mode_t mask = umask(027);
	spawn_report(actions);
	umask(mask);
	struct stat st;
	REQUIRE(stat(path.c_str(), &st) == 0);
	CHECK((st.st_mode & 07777) == 0640);
	unlink(path.c_str());
}

SPAWNX_TEST("paths are copied when added")
{
	char path[] = "/dev/null";
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addopen(actions, 7, path, O_RDONLY, 0)) == 0);
	memset(path, 'x', sizeof(path) - 1);
	CHECK(spawn_report(actions).at("fd.7") == "/dev/null");
}

SPAWNX_TEST("dup2 shares a descriptor; onto itself it clears close-on-exec")
{
	const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int itself = fcntl(fd, F_DUPFD_CLOEXEC, 20);
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_adddup2(actions, fd, 30)) == 0);
	REQUIRE(CALL(spawnx_file_actions_adddup2(actions, itself, itself)) == 0);
	const report r = spawn_report(actions);
	CHECK(r.at("fd.30") == "/dev/null");
	CHECK(r.at("fd." + std::to_string(itself)) == "/dev/null");
	CHECK(r.count("fd." + std::to_string(fd)) == 0);
	CHECK(fcntl(itself, F_GETFD) == FD_CLOEXEC); /* ours keeps it */
	close(fd);
	close(itself);
}

SPAWNX_TEST("close of a descriptor that is not open is fine; actions run in order")
{
	const scratch to;
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addclose(actions, 99)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addopen(actions, 9, "/dev/null", O_RDONLY, 0)) ==
		0);
	REQUIRE(CALL(spawnx_file_actions_adddup2(actions, 9, 10)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addclose(actions, 9)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addopen(actions, 9, "/dev/zero", O_RDONLY, 0)) ==
		0);
	const report r = spawn_report(actions);
	CHECK(r.at("fd.9") == "/dev/zero");
	CHECK(r.at("fd.10") == "/dev/null");
}

SPAWNX_TEST("chdir and fchdir move the child, and what comes after is relative to there")
{
	const int root = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (const bool by_descriptor : {false, true}) {
		file_actions actions;
		if (by_descriptor)
			REQUIRE(CALL(spawnx_file_actions_addfchdir_np(actions, root)) ==
				0);
		else
			REQUIRE(CALL(spawnx_file_actions_addchdir_np(actions, "/proc")) ==
				0);
		REQUIRE(CALL(spawnx_file_actions_addopen(
				actions, 6, "version", O_RDONLY, 0)) == 0);
		const report r = spawn_report(actions);
		CHECK(r.at("cwd") == "/proc");
		CHECK(r.at("fd.6") == "/proc/version");
	}
	close(root);
}

SPAWNX_TEST("a relative program is looked for where a chdir went")
{
	const std::string idle = helper("idle");
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addchdir(
			actions, idle.substr(0, idle.rfind('/')).c_str())) == 0);
	const strings argv({"idle", "exit:0"}), envp({});
	pid_t pid;
	REQUIRE(CALL(spawnx(&pid, "./idle", actions, nullptr, argv, envp)) == 0);
	CHECK(wait_pid(pid) == 0);
}

SPAWNX_TEST("open reuses its own slot when the table is full, as POSIX has it")
{
	rlimit before;
	REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
	const scratch to;
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addopen(
			actions, 0, to.path.c_str(), O_RDONLY, 0)) == 0);
	rlimit tight = before;
	tight.rlim_cur = 3; /* 0, 1 and 2, all of them open */
	const strings argv({"idle", "exit:0"}), envp({});
	const std::string idle = helper("idle");
	pid_t pid = -1;
	setrlimit(RLIMIT_NOFILE, &tight);
	const int error = spawnx(&pid, idle.c_str(), actions, nullptr, argv, envp);
	setrlimit(RLIMIT_NOFILE, &before);
	REQUIRE(error == 0);
	CHECK(wait_pid(pid) == 0);
}

/* ---- failures: which action, which descriptor, which path, which number ---- */

struct failing {
	const char *what;
	int (*add)(spawnx_file_actions_t *);
	int error, fd;
	const char *text;
	const char *words; /* after "file action 1: " */
};

static const failing failures[] = {
	{"open of nothing",
		[](spawnx_file_actions_t *a) {
			return spawnx_file_actions_addopen(
				a, 1, "/nonexistent/x", O_RDONLY, 0);
		},
		ENOENT, 1, "/nonexistent/x",
		"open \"/nonexistent/x\" for fd 1: No such file or directory"},
	{"open of a directory for writing",
		[](spawnx_file_actions_t *a) {
			return spawnx_file_actions_addopen(a, 77, "/", O_WRONLY, 0);
		},
		EISDIR, 77, "/", "open \"/\" for fd 77: Is a directory"},
	{"dup2 of a closed descriptor",
		[](spawnx_file_actions_t *a) {
			return spawnx_file_actions_adddup2(a, 88, 1);
		},
		EBADF, 88, "", "dup2 of fd 88: Bad file descriptor"},
	{"dup2 of a closed descriptor onto itself",
		[](spawnx_file_actions_t *a) {
			return spawnx_file_actions_adddup2(a, 88, 88);
		},
		EBADF, 88, "", "dup2 of fd 88: Bad file descriptor"},
	{"chdir to nothing",
		[](spawnx_file_actions_t *a) {
			return spawnx_file_actions_addchdir(a, "/nonexistent");
		},
		ENOENT, -1, "/nonexistent",
		"chdir to \"/nonexistent\": No such file or directory"},
	{"fchdir to a closed descriptor",
		[](spawnx_file_actions_t *a) {
			return spawnx_file_actions_addfchdir(a, 88);
		},
		EBADF, 88, "", "fchdir to fd 88: Bad file descriptor"},
	{"fchdir to a negative descriptor",
		[](spawnx_file_actions_t *a) {
			return spawnx_file_actions_addfchdir(a, -5);
		},
		EBADF, -5, "", "fchdir to fd -5: Bad file descriptor"},
	{"fchdir to a file",
		[](spawnx_file_actions_t *a) {
			const int error = spawnx_file_actions_addopen(
				a, 9, "/dev/null", O_RDONLY, 0);
			return error ? error : spawnx_file_actions_addfchdir(a, 9);
		},
		ENOTDIR, 9, "", "fchdir to fd 9: Not a directory"},
};

SPAWNX_TEST("a failing file action says which, on what and why; nothing is left")
{
	const sigchld_counter sigchld;
	const strings argv({"idle", "exit:0"}), envp({});
	for (const failing &f : failures) {
		INFO(f.what);
		file_actions actions;
		REQUIRE(CALL(spawnx_file_actions_addclose(actions, 98)) == 0);
		REQUIRE(CALL(f.add(actions)) == 0);
		REQUIRE(CALL(spawnx_file_actions_addopen(
				actions, 1, "/dev/null", 0, 0)) == 0);
		const int index = std::string(f.what) == "fchdir to a file" ? 2 : 1;
		pid_t pid = -7;
		CHECK(CALL(spawnx(&pid, helper("idle").c_str(), actions, nullptr, argv,
			      envp)) == f.error);
		CHECK(pid == -7);
		const spawnx_failure last = last_failure();
		CHECK(last.error == f.error);
		CHECK(last.stage == SPAWNX_STAGE_ACTION);
		CHECK(last.index == index);
		CHECK(last.fd == f.fd);
		CHECK(std::string(last.text) == f.text);
		CHECK(in_words(last) ==
			"file action " + std::to_string(index) + ": " + f.words);
		CHECK(snapshot::take().children.empty());
	}
	CHECK(sigchld.stray() == 0);
}

SPAWNX_TEST("glibc's posix_spawn gives the same numbers for the same actions", "[glibc]")
{
	const strings argv({"idle", "exit:0"}), envp({});
	const std::string idle = helper("idle");
	const auto both = [&](auto ours, auto theirs) {
		file_actions actions;
		posix_spawn_file_actions_t posix;
		posix_spawn_file_actions_init(&posix);
		const int added = ours(&actions.handle);
		CHECK(added == theirs(&posix));
		pid_t pid = -1, posix_pid = -1;
		const int mine = spawnx(&pid, idle.c_str(), actions, nullptr, argv, envp);
		const int its = posix_spawn(
			&posix_pid, idle.c_str(), &posix, nullptr, argv, envp);
		CHECK(mine == its);
		if (!mine)
			CHECK(wait_pid(pid) == 0);
		if (!its)
			CHECK(wait_pid(posix_pid) == 0);
		posix_spawn_file_actions_destroy(&posix);
	};
	for (const int fd : {-1, 0, 5, 88, 1 << 30}) {
		INFO(fd);
		both([&](auto *a) { return spawnx_file_actions_addclose(a, fd); },
			[&](auto *a) {
				return posix_spawn_file_actions_addclose(a, fd);
			});
		both([&](auto *a) { return spawnx_file_actions_adddup2(a, fd, 9); },
			[&](auto *a) {
				return posix_spawn_file_actions_adddup2(a, fd, 9);
			});
		both([&](auto *a) { return spawnx_file_actions_adddup2(a, 9, fd); },
			[&](auto *a) {
				return posix_spawn_file_actions_adddup2(a, 9, fd);
			});
		both(
			[&](auto *a) {
				return spawnx_file_actions_addopen(
					a, fd, "/dev/null", O_RDONLY, 0);
			},
			[&](auto *a) {
				return posix_spawn_file_actions_addopen(
					a, fd, "/dev/null", O_RDONLY, 0);
			});
		both([&](auto *a) { return spawnx_file_actions_addfchdir_np(a, fd); },
			[&](auto *a) {
				return posix_spawn_file_actions_addfchdir_np(a, fd);
			});
	}
	for (const char *path : {"/", "/nonexistent", "/dev/null", ""})
		both([&](auto *a) { return spawnx_file_actions_addchdir_np(a, path); },
			[&](auto *a) {
				return posix_spawn_file_actions_addchdir_np(a, path);
			});
}
