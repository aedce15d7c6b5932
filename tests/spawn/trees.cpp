/* SPDX-License-Identifier: MIT */
/*
 * autokill kills one process. The first one of a pid namespace takes the others with it:
 * that is how a whole tree dies with its supervisor.
 */
#include "namespacing.hpp"

#include <poll.h>

using namespace namespacing;

namespace
{

/* A child with three children and two grandchildren, all holding the end of a pipe. */
struct tree {
	static constexpr int processes = 6;
	spawnx_child child = {};
	int alive = -1;

	explicit tree(spawnxattr_t *attr)
	{
		int pipe[2];
		REQUIRE(pipe2(pipe, O_CLOEXEC) == 0);
		alive = pipe[0];
		file_actions actions;
		REQUIRE(CALL(spawnx_file_actions_adddup2(actions, pipe[1], 1)) == 0);
		/* fork:1 makes two processes, fork:2 three of each: so many say it. */
		const strings argv({"idle", "fork:1", "fork:2", "say:1:x"}), envp({});
		child.size = sizeof(child);
		const int error = CALL(spawnx_start(&child, nullptr, 0,
			helper("idle").c_str(), actions, attr, argv, envp));
		close(pipe[1]);
		REQUIRE(error == 0);
		for (int i = 0; i < processes; i++) {
			char byte = 0;
			REQUIRE(read(alive, &byte, 1) == 1);
			CHECK(byte == 'x');
		}
	}
	~tree()
	{
		close(alive);
	}
	tree(const tree &) = delete;
	tree &operator=(const tree &) = delete;

	/* When nobody holds the pipe's other end any more. */
	bool all_gone(int milliseconds) const
	{
		pollfd p = {alive, 0, 0};
		return poll(&p, 1, milliseconds) == 1 && (p.revents & POLLHUP);
	}
};

/* Not the kernel's: in a process group, so that the test can clean up. */
void in_a_group(spawnxattr_t *attr)
{
	REQUIRE(CALL(spawnxattr_setpgroup(attr, 0)) == 0);
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETPGROUP)) == 0);
}

void check_dies_whole(spawnxattr_t *attr)
{
	const sigchld_counter sigchld;
	const tree t(attr);
	CHECK_FALSE(t.all_gone(100));
	close(t.child.pidfd);
	CHECK(t.all_gone(10000));
	CHECK(becomes(0, t.child.pid, std::chrono::milliseconds(10000)));
	CHECK(sigchld.count() == 0);
}

} // namespace

SPAWNX_TEST("tree: autokill alone leaves the children of the child", "[has:autokill]")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setautokill(attr, 1)) == 0);
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
	in_a_group(attr);
	const tree t(attr);
	close(t.child.pidfd);
	CHECK(becomes(0, t.child.pid, std::chrono::milliseconds(10000)));
	CHECK_FALSE(t.all_gone(100));
	kill(-t.child.pid, SIGKILL);
	CHECK(t.all_gone(10000));
}

SPAWNX_TEST(
	"tree: autokill and CLONE_NEWPID kill it whole, for root", "[root][has:autokill]")
{
	for (const int no_new_privs : {0, 1}) {
		inside attr(CLONE_NEWPID);
		REQUIRE(CALL(spawnxattr_setautokill(attr, 1)) == 0);
		REQUIRE(CALL(spawnxattr_setnonewprivs(attr, no_new_privs)) == 0);
		check_dies_whole(attr);
	}
}

SPAWNX_TEST("tree: autokill, CLONE_NEWPID, CLONE_NEWUSER kill it whole, for anybody",
	"[has:autokill]")
{
	inside attr(CLONE_NEWPID | CLONE_NEWUSER);
	attr.mapped();
	REQUIRE(CALL(spawnxattr_setautokill(attr, 1)) == 0);
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
	with_user_namespace(attr, [&] { check_dies_whole(attr); });
}

SPAWNX_TEST("tree: CLONE_NEWPID without autokill dies whole by a signal, on any kernel")
{
	inside attr(CLONE_NEWPID | CLONE_NEWUSER);
	attr.mapped();
	with_user_namespace(attr, [&] {
		const tree t(attr);
		close(t.child.pidfd);
		CHECK_FALSE(t.all_gone(100));
		kill(t.child.pid, SIGKILL);
		CHECK(wait_pid(t.child.pid) == SIGKILL);
		CHECK(t.all_gone(10000));
	});
}

/* The right is wanted in the caller's namespace, not in the one it makes. */
SPAWNX_TEST("tree: CLONE_NEWUSER is no right to autokill without no-new-privs",
	"[user][has:autokill]")
{
	inside attr(CLONE_NEWPID | CLONE_NEWUSER);
	attr.mapped();
	REQUIRE(CALL(spawnxattr_setautokill(attr, 1)) == 0);
	const spawnx_failure f = refused(attr, EPERM, SPAWNX_STAGE_CLONE);
	CHECK(f.index == SPAWNX_FEATURE_AUTOKILL);
	CHECK(in_words(f) ==
		"clone3: autokill" + need.substr(need.find(" needs")) +
			"Operation not permitted");
}

SPAWNX_TEST("tree: a caller with the right in its own user namespace needs no "
	    "no-new-privs for autokill",
	"[user][has:autokill]")
{
	const user_namespaces here;
	inside attr(CLONE_NEWPID);
	REQUIRE(CALL(spawnxattr_setautokill(attr, 1)) == 0);
	if (!here.work()) {
		refused(attr, EPERM, SPAWNX_STAGE_CLONE);
		return;
	}
	const strings argv({"idle"}), envp({});
	const std::string program = helper("idle");
	CHECK(elsewhere([&] {
		int pidfd = -1;
		if (unshare(CLONE_NEWUSER) != 0)
			return 255;
		const int error =
			pidfd_spawnx(&pidfd, program.c_str(), nullptr, attr, argv, envp);
		pollfd p = {pidfd, POLLIN, 0};
		if (!error && poll(&p, 1, 100) != 0)
			return 254;
		return error;
	}) == 0);
}
