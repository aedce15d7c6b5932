/* SPDX-License-Identifier: MIT */
/*
 * Weaker autoreap and autokill on Linux before 7.1: who reaps a child that nobody is the
 * parent of, and when.
 */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;

static const strings envp({});

/*
 * As init the caller is what it gives the child back to: the child is an ordinary one then.
 * And a guard, which has ended with its child.
 */
SPAWNX_TEST("relay: a caller that is init has an ordinary child",
	"[root][lacks:autokill][has:clone3][has:close_range]")
{
	for (const bool autokill : {false, true}) {
		INFO("autokill " << autokill);
		const pid_t outside = fork();
		if (outside == 0) {
			if (unshare(CLONE_NEWPID) != 0)
				_exit(2);
			const pid_t init = fork();
			if (init > 0)
				_exit(WEXITSTATUS(wait_pid(init)));
			const strings argv({"idle", "exit:7"});
			attributes attr;
			spawnx_child child = {};
			child.size = sizeof(child);
			if (getpid() != 1 ||
				spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER) ||
				spawnxattr_setnonewprivs(attr, 1) ||
				(autokill ? spawnxattr_setautokill(attr, 1)
					  : spawnxattr_setautoreap(attr, 1)) ||
				spawnx_start(&child, nullptr, 0, helper("idle").c_str(),
					nullptr, attr, argv, envp))
				_exit(3);
			int status = -1;
			const pid_t ended = wait(&status);
			if (autokill ? ended == child.pid || status != 0
				     : ended != child.pid || status != 7 << 8)
				_exit(4);
			_exit(wait(&status) == -1 ? 0 : 5);
		}
		CHECK(wait_pid(outside) == 0);
	}
}

/*
 * Exit status of code(), which is run where orphans are reaped, but not before so many
 * milliseconds have passed: by hand, as init takes what time it likes, in some containers.
 */
template <typename F> static int under_a_reaper(unsigned delay_ms, F code)
{
	const pid_t reaper = fork();
	if (reaper != 0)
		return wait_pid(reaper);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	const pid_t pid = fork();
	if (pid == 0)
		_exit(code());
	usleep(1000 * delay_ms);
	int of_pid = -1, status;
	for (pid_t ended; (ended = wait(&status)) > 0;)
		of_pid = ended == pid ? status : of_pid;
	_exit(WIFEXITED(of_pid) ? WEXITSTATUS(of_pid) : 99);
}

static int start_weaker(bool autokill, const char *word)
{
	const strings argv({"idle", word});
	attributes attr;
	int pidfd = -1;
	if (spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER) ||
		spawnxattr_setnonewprivs(attr, 1) ||
		(autokill ? spawnxattr_setautokill(attr, 1)
			  : spawnxattr_setautoreap(attr, 1)) ||
		pidfd_spawnx(&pidfd, helper("idle").c_str(), nullptr, attr, argv, envp))
		return -1;
	pollfd p = {pidfd, POLLIN, 0};
	poll(&p, 1, 30000);
	return pidfd;
}

SPAWNX_TEST("relay: after poll has told, a wait with no time left has the status",
	"[lacks:autokill][has:clone3][has:close_range][has:exit_info]")
{
	for (const bool autokill : {false, true}) {
		INFO("autokill " << autokill);
		CHECK(under_a_reaper(0, [autokill] {
			constexpr timespec at_once = {0, 0};
			int late = 0;
			for (int i = 0; i < 50; i++) {
				const int pidfd = start_weaker(autokill, "exit:3");
				spawnx_exit e = {};
				e.size = sizeof(e);
				late += spawnx_wait(pidfd, &e, &at_once) != 0 ||
					e.status != 3;
				close(pidfd);
			}
			return late >
				5; /* every third, if nobody waited for the reaper */
		}) == 0);
	}
}

SPAWNX_TEST("relay: stop waits for the status of a child whose reaper is slow",
	"[lacks:autokill][has:clone3][has:exit_info]")
{
	CHECK(under_a_reaper(300, [] {
		constexpr timespec grace = {10, 0};
		const int pidfd = start_weaker(false, "exit:7");
		spawnx_exit e = {};
		e.size = sizeof(e);
		return spawnx_stop(pidfd, &grace, &e) ? 3 : e.status == 7 ? 0 : 4;
	}) == 0);
}
