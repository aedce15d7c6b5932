/* SPDX-License-Identifier: MIT */
/* Bad input: the error number api promises, a failure that names it, nothing started. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <climits>
#include <csignal>
#include <sys/resource.h>
#include <unistd.h>

using namespace support;

static const strings argv({"true"});
static const strings envp({});

static void check_refused(const char *words)
{
	const spawnx_failure f = last_failure();
	CHECK(f.error == EINVAL);
	CHECK(f.stage == SPAWNX_STAGE_ARGUMENT);
	CHECK(f.index == -1);
	CHECK(f.fd == -1);
	CHECK(f.text[0] == '\0');
	CHECK(in_words(f) == std::string("argument: ") + words + ": Invalid argument");
}

SPAWNX_TEST("NULL where it is not allowed is EINVAL, and nothing is written")
{
	pid_t pid = -7;
	int pidfd = -7;
	CHECK(CALL(spawnx(&pid, nullptr, nullptr, nullptr, argv, envp)) == EINVAL);
	check_refused("path is NULL");
	CHECK(CALL(spawnxp(&pid, nullptr, nullptr, nullptr, argv, envp)) == EINVAL);
	check_refused("path is NULL");
	CHECK(CALL(spawnx(&pid, "/x", nullptr, nullptr, nullptr, envp)) == EINVAL);
	check_refused("argv is NULL");
	CHECK(CALL(pidfd_spawnx(nullptr, "/x", nullptr, nullptr, argv, envp)) == EINVAL);
	check_refused("the place for the pidfd is NULL");
	CHECK(CALL(pidfd_spawnxp(nullptr, "x", nullptr, nullptr, argv, envp)) == EINVAL);
	CHECK(CALL(pidfd_spawnx(&pidfd, nullptr, nullptr, nullptr, argv, envp)) ==
		EINVAL);
	CHECK(pid == -7);
	CHECK(pidfd == -7);
}

SPAWNX_TEST("destroyed handles are EINVAL everywhere")
{
	spawnxattr_t attr;
	REQUIRE(CALL(spawnxattr_init(&attr)) == 0);
	REQUIRE(CALL(spawnxattr_destroy(&attr)) == 0);
	CHECK(attr == nullptr);
	spawnx_file_actions_t actions;
	REQUIRE(CALL(spawnx_file_actions_init(&actions)) == 0);
	REQUIRE(CALL(spawnx_file_actions_destroy(&actions)) == 0);
	CHECK(actions == nullptr);

	pid_t pid = -7;
	CHECK(CALL(spawnx(&pid, "/x", &actions, nullptr, argv, envp)) == EINVAL);
	check_refused("the file actions object is not initialized");
	CHECK(CALL(spawnx(&pid, "/x", nullptr, &attr, argv, envp)) == EINVAL);
	check_refused("the attributes object is not initialized");
	CHECK(pid == -7);

	CHECK(CALL(spawnxattr_destroy(&attr)) == EINVAL);
	CHECK(CALL(spawnx_file_actions_destroy(&actions)) == EINVAL);
	short flags = 0;
	pid_t group = 0;
	int on = 0;
	sigset_t set;
	sigemptyset(&set);
	CHECK(CALL(spawnxattr_setflags(&attr, 0)) == EINVAL);
	CHECK(CALL(spawnxattr_getflags(&attr, &flags)) == EINVAL);
	CHECK(CALL(spawnxattr_setpgroup(&attr, 0)) == EINVAL);
	CHECK(CALL(spawnxattr_getpgroup(&attr, &group)) == EINVAL);
	CHECK(CALL(spawnxattr_setsigdefault(&attr, &set)) == EINVAL);
	CHECK(CALL(spawnxattr_getsigdefault(&attr, &set)) == EINVAL);
	CHECK(CALL(spawnxattr_setsigmask(&attr, &set)) == EINVAL);
	CHECK(CALL(spawnxattr_getsigmask(&attr, &set)) == EINVAL);
	CHECK(CALL(spawnxattr_setautoreap(&attr, 1)) == EINVAL);
	CHECK(CALL(spawnxattr_getautoreap(&attr, &on)) == EINVAL);
	CHECK(CALL(spawnxattr_setautokill(&attr, 1)) == EINVAL);
	CHECK(CALL(spawnxattr_getautokill(&attr, &on)) == EINVAL);
	CHECK(CALL(spawnxattr_setnonewprivs(&attr, 1)) == EINVAL);
	CHECK(CALL(spawnxattr_getnonewprivs(&attr, &on)) == EINVAL);
	CHECK(CALL(spawnx_file_actions_addopen(&actions, 1, "x", 0, 0)) == EINVAL);
	CHECK(CALL(spawnx_file_actions_addclose(&actions, 1)) == EINVAL);
	CHECK(CALL(spawnx_file_actions_adddup2(&actions, 1, 2)) == EINVAL);
	CHECK(CALL(spawnx_file_actions_addchdir(&actions, "/")) == EINVAL);
	CHECK(CALL(spawnx_file_actions_addfchdir(&actions, 1)) == EINVAL);
}

SPAWNX_TEST("NULL pointers to objects and values are EINVAL")
{
	attributes attr;
	file_actions actions;
	CHECK(CALL(spawnxattr_init(nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_destroy(nullptr)) == EINVAL);
	CHECK(CALL(spawnx_file_actions_init(nullptr)) == EINVAL);
	CHECK(CALL(spawnx_file_actions_destroy(nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_setflags(nullptr, 0)) == EINVAL);
	CHECK(CALL(spawnxattr_getflags(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_setsigmask(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_getsigmask(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_setsigdefault(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_getautoreap(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnx_file_actions_addopen(actions, 1, nullptr, 0, 0)) == EINVAL);
	CHECK(CALL(spawnx_file_actions_addchdir(actions, nullptr)) == EINVAL);
	CHECK(CALL(spawnx_lastfailure(nullptr)) == EINVAL);
	char words[8];
	CHECK(CALL(spawnx_strfailure(nullptr, words, sizeof(words))) == EINVAL);
	spawnx_failure f = {};
	CHECK(CALL(spawnx_lastfailure(&f)) == EINVAL);
	f.size = sizeof(f);
	CHECK(CALL(spawnx_strfailure(&f, nullptr, 8)) == EINVAL);
	CHECK(CALL(spawnx_strfailure(&f, words, 0)) == EINVAL);
}

SPAWNX_TEST("unknown flags and unknown how are EINVAL")
{
	attributes attr;
	short flags = -1;
	for (const short bad :
		{short(0x200), short(0x400), short(0x2000), short(-0x8000)})
		CHECK(CALL(spawnxattr_setflags(attr, bad)) == EINVAL);
	REQUIRE(CALL(spawnxattr_getflags(attr, &flags)) == 0);
	CHECK(flags == 0);
	for (const unsigned how : {3u, 4u, ~0u}) {
		spawnx_failure f = {};
		f.size = sizeof(f);
		CHECK(CALL(spawnx_start(nullptr, &f, how, "/x", nullptr, nullptr, argv,
			      envp)) == EINVAL);
		CHECK(f.stage == SPAWNX_STAGE_ARGUMENT);
		check_refused("unknown bits in how");
	}
}

SPAWNX_TEST("an output struct of size 0 is EINVAL")
{
	spawnx_child child = {};
	spawnx_failure f = {};
	f.size = sizeof(f);
	CHECK(CALL(spawnx_start(&child, &f, 0, "/x", nullptr, nullptr, argv, envp)) ==
		EINVAL);
	CHECK(f.stage == SPAWNX_STAGE_ARGUMENT);
	check_refused("the size of an output struct is 0");
	f.size = 0;
	CHECK(CALL(spawnx_start(nullptr, &f, 0, "/x", nullptr, nullptr, argv, envp)) ==
		EINVAL);
	check_refused("the size of an output struct is 0");
}

SPAWNX_TEST("autokill without a pidfd call is EINVAL, also on kernels without autokill")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setautokill(attr, 1)) == 0);
	pid_t pid = -7;
	CHECK(CALL(spawnx(&pid, "/x", nullptr, attr, argv, envp)) == EINVAL);
	check_refused("autokill needs a call that returns a pidfd");
	CHECK(CALL(spawnxp(&pid, "x", nullptr, attr, argv, envp)) == EINVAL);
	CHECK(CALL(spawnx_start(nullptr, nullptr, 0, "/x", nullptr, attr, argv, envp)) ==
		EINVAL);
	spawnx_child child = {};
	child.size = 8;
	CHECK(CALL(spawnx_start(&child, nullptr, 0, "/x", nullptr, attr, argv, envp)) ==
		EINVAL);
	CHECK(pid == -7);
}

SPAWNX_TEST("descriptors out of range are EBADF when added, and the object is unchanged")
{
	rlimit limit;
	REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	const int above = static_cast<int>(limit.rlim_cur);
	file_actions actions;
	for (const int bad : {-1, INT_MIN, above, INT_MAX}) {
		CHECK(CALL(spawnx_file_actions_addopen(actions, bad, "/x", 0, 0)) ==
			EBADF);
		CHECK(CALL(spawnx_file_actions_addclose(actions, bad)) == EBADF);
		CHECK(CALL(spawnx_file_actions_adddup2(actions, bad, 1)) == EBADF);
		CHECK(CALL(spawnx_file_actions_adddup2(actions, 1, bad)) == EBADF);
		/* addfchdir accepts everything when added, as glibc's. */
	}
	spawn_report(actions); /* does nothing but run */
	CHECK(CALL(spawnx_file_actions_addclose(actions, above - 1)) == 0);
	spawn_report(actions);
}

SPAWNX_TEST("attributes remember what was set")
{
	attributes attr;
	short flags = -1;
	pid_t group = -1;
	int on = -1;
	const short all = SPAWNX_RESETIDS | SPAWNX_SETPGROUP | SPAWNX_SETSIGDEF |
		SPAWNX_SETSIGMASK | SPAWNX_SETSCHEDPARAM | SPAWNX_SETSCHEDULER |
		SPAWNX_USEVFORK | SPAWNX_SETSID | SPAWNX_SETCGROUP |
		SPAWNX_CLOEXEC_DEFAULT;
	REQUIRE(CALL(spawnxattr_setflags(attr, all)) == 0);
	REQUIRE(CALL(spawnxattr_getflags(attr, &flags)) == 0);
	CHECK(flags == all);
	REQUIRE(CALL(spawnxattr_setpgroup(attr, 77)) == 0);
	REQUIRE(CALL(spawnxattr_getpgroup(attr, &group)) == 0);
	CHECK(group == 77);
	sigset_t set, got;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMAX);
	REQUIRE(CALL(spawnxattr_setsigmask(attr, &set)) == 0);
	REQUIRE(CALL(spawnxattr_getsigmask(attr, &got)) == 0);
	CHECK(sigismember(&got, SIGRTMAX) == 1);
	CHECK(sigismember(&got, SIGUSR2) == 0);
	REQUIRE(CALL(spawnxattr_getautoreap(attr, &on)) == 0);
	CHECK(on == 0);
	REQUIRE(CALL(spawnxattr_setautokill(attr, 5)) == 0);
	REQUIRE(CALL(spawnxattr_getautoreap(attr, &on)) == 0);
	CHECK(on == 1);
	REQUIRE(CALL(spawnxattr_setautokill(attr, 0)) == 0);
	REQUIRE(CALL(spawnxattr_getautoreap(attr, &on)) == 0);
	CHECK(on == 0);
}
