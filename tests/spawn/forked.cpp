/* SPDX-License-Identifier: MIT */
/*
 * A child of fork(2), made while another thread of its parent was at the dumpable flag,
 * can change ids as well. So that this is no matter of luck, the other thread is stopped
 * there: a filter of its own asks us before each of its PR_GET_DUMPABLE and
 * PR_SET_DUMPABLE, those of its child included.
 */
#include "others.hpp"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <thread>

using namespace others;

/* For the calling thread; the descriptor that says when it waits. */
static int ask_before_dumpable()
{
	static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
	sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_prctl, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_GET_DUMPABLE, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_DUMPABLE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const sock_fprog program = {7, code};
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}

/* The thread that waits goes on. */
static bool let_go(int listener, __u64 id)
{
	seccomp_notif_resp answer = {};
	answer.id = id;
	answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0;
}

/* In a child of fork: 0 if a spawn with other ids fails and succeeds as it should. */
static int spawn_in_fork(spawnxattr_t *attr, const std::string &path)
{
	static const strings argv({"idle", "exit:0"}), envp({});
	const pid_t forked = fork();
	if (forked == 0) {
		alarm(30); /* a deadlock ends */
		pid_t pid = -1;
		int bad =
			spawnx(&pid, "/nonexistent", nullptr, attr, argv, envp) != ENOENT;
		bad |= 2 * (prctl(PR_GET_DUMPABLE) != 1);
		bad |= 4 * (spawnx(&pid, path.c_str(), nullptr, attr, argv, envp) != 0);
		bad |= 8 * (wait_pid(pid) != 0);
		bad |= 16 * (prctl(PR_GET_DUMPABLE) != 1);
		_exit(bad);
	}
	return wait_pid(forked);
}

SPAWNX_TEST("a fork at any moment of another thread's change of ids does not lock up",
	"[thread]")
{
	REQUIRE(prctl(PR_SET_DUMPABLE, 1) == 0);
	const public_helper idle("idle");
	attributes attr;
	REQUIRE(CALL(spawnxattr_setuid(attr, geteuid() == 0 ? 1000 : getuid())) == 0);

	std::atomic<int> listener{-2};
	std::atomic<bool> done{false};
	int error = -1;
	std::thread spawner([&] {
		const strings argv({"idle"}), envp({});
		pid_t pid;
		listener = ask_before_dumpable();
		error = spawnx(&pid, "/nonexistent", nullptr, attr, argv, envp);
		done = true;
	});
	while (listener == -2)
		std::this_thread::yield();
	std::vector<int> results;
	while (listener >= 0 && !done) {
		pollfd ready = {listener, POLLIN, 0};
		seccomp_notif what = {};
		if (poll(&ready, 1, 10) != 1 || !(ready.revents & POLLIN) ||
			ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &what) != 0)
			continue;
		results.push_back(spawn_in_fork(attr, idle.path));
		if (!let_go(listener, what.id))
			break;
	}
	if (listener >= 0)
		close(listener); /* would free a thread that still waits */
	spawner.join();
	CHECK(listener >= 0);
	CHECK(error == ENOENT);
	/* Before it changes ids, memory open; in between, if they do change; and after. */
	CHECK(results == std::vector<int>(geteuid() == 0 ? 3 : 2, 0));
}

/*
 * Whatever other threads were doing when it was forked: their lock and their count are its
 * own now. No SPAWNX_TEST: libc keeps the stacks of so many threads mapped.
 */
TEST_CASE("a child of fork can change ids too, while its parent's threads do", "[thread]")
{
	const int before = prctl(PR_GET_DUMPABLE);
	REQUIRE(prctl(PR_SET_DUMPABLE, 1) == 0);
	const public_helper idle("idle");
	const strings argv({"idle", "exit:0"}), envp({});
	attributes common;
	REQUIRE(CALL(spawnxattr_setuid(common, geteuid() == 0 ? 1000 : getuid())) == 0);
	std::atomic<bool> done{false};
	std::atomic<int> wrong{0};
	std::vector<std::thread> spawners;
	for (int t = 0; t < 4; t++)
		spawners.emplace_back([&] {
			pid_t pid;
			while (!done)
				wrong += spawnx(&pid, "/nonexistent", nullptr, common,
						 argv, envp) != ENOENT;
		});
	int status = 0;
	const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(3);
	for (int i = 0;
		i < 200 && status == 0 && std::chrono::steady_clock::now() < until; i++) {
		const pid_t forked = fork();
		if (forked == 0) {
			alarm(60); /* a deadlock ends */
			/* Copied in the kernel's own window, see the unit test of dumpable. */
			const bool hidden = prctl(PR_GET_DUMPABLE) == 0;
			const bool fails = i % 8;
			pid_t pid = -1;
			int bad = spawnx(&pid, fails ? "/nonexistent" : idle.path.c_str(),
					  nullptr, common, argv,
					  envp) != (fails ? ENOENT : 0);
			if (!fails)
				bad |= 2 * (wait_pid(pid) != 0);
			bad |= 4 * (prctl(PR_GET_DUMPABLE) != 1 && !hidden);
			_exit(bad);
		}
		status = wait_pid(forked);
	}
	done = true;
	for (auto &t : spawners)
		t.join();
	const int after = prctl(PR_GET_DUMPABLE);
	REQUIRE(prctl(PR_SET_DUMPABLE, before) == 0);
	CHECK(status == 0);
	CHECK(wrong == 0);
	CHECK(after == 1);
	CHECK(snapshot::take().children.empty());
}
