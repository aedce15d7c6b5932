/* SPDX-License-Identifier: MIT */
/* addsetctty: a controlling terminal, and the session that goes with it. */
#include "refusal.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

using namespace support;

namespace
{

/* A terminal that is nobody's yet: we have it open, as number 40, and do not control it. */
struct terminal {
	terminal()
	{
		master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
		REQUIRE(master >= 0);
		REQUIRE(grantpt(master) == 0);
		REQUIRE(unlockpt(master) == 0);
		char buffer[64];
		REQUIRE(ptsname_r(master, buffer, sizeof(buffer)) == 0);
		name = buffer;
		const int got = open(buffer, O_RDWR | O_NOCTTY | O_CLOEXEC);
		REQUIRE(got >= 0);
		REQUIRE(dup3(got, slave, O_CLOEXEC) == slave);
		close(got);
	}
	~terminal()
	{
		close(slave);
		close(master);
	}
	terminal(const terminal &) = delete;
	terminal &operator=(const terminal &) = delete;

	int master;
	const int slave = 40;
	std::string name;
};

void check_leads(const report &r)
{
	CHECK(r.at("sid") == r.at("pid"));
	CHECK(r.at("pgid") == r.at("pid"));
	CHECK(r.at("tty") == "1");
	CHECK(r.at("foreground") == "1");
}

} // namespace

SPAWNX_TEST("addsetctty: the child leads a session that has the terminal; we have none")
{
	const pid_t session = getsid(0);
	for (const short flags : {0, SPAWNX_SETSID, SPAWNX_CLOEXEC_DEFAULT}) {
		INFO(flags);
		const terminal t;
		attributes attr;
		REQUIRE(CALL(spawnxattr_setflags(attr, flags)) == 0);
		file_actions actions;
		REQUIRE(CALL(spawnx_file_actions_addsetctty(actions, t.slave)) == 0);
		const report r = spawn_report(actions, attr);
		check_leads(r);
		/* It has a terminal, not the descriptor. */
		CHECK(r.count("fd.40") == 0);
		CHECK(getsid(0) == session);
		pid_t of_terminal = 0;
		CHECK(ioctl(t.master, TIOCGSID, &of_terminal) == -1); /* free again */
	}
}

SPAWNX_TEST("addsetctty takes a terminal that an action before it has opened")
{
	const terminal t;
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addopen(
			actions, 0, t.name.c_str(), O_RDWR | O_NOCTTY, 0)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addsetctty(actions, 0)) == 0);
	/* Once more is fine: it is ours. And what a shell does next. */
	REQUIRE(CALL(spawnx_file_actions_addsetctty(actions, 0)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addtcsetpgrp_np(actions, 0)) == 0);
	const report r = spawn_report(actions);
	check_leads(r);
	CHECK(r.at("fd.0") == t.name);
	CHECK(r.at("SigBlk") == "0000000000000000"); /* as ours */
	CHECK(r.at("SigIgn") == spawn_report().at("SigIgn"));
}

SPAWNX_TEST("without addsetctty a new session has no terminal, open as it may be")
{
	const terminal t;
	attributes attr;
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETSID)) == 0);
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_adddup2(actions, t.slave, 0)) == 0);
	CHECK(spawn_report(actions, attr).at("tty") == "0");
}

SPAWNX_TEST("addsetctty: the leader of a session cannot change its process group")
{
	const terminal t;
	attributes attr;
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETPGROUP)) == 0);
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addsetctty(actions, t.slave)) == 0);
	const spawnx_failure f = must_fail(EPERM, SPAWNX_STAGE_PGROUP, actions, attr);
	CHECK(f.index == -1);
	CHECK(in_words(f) == "setpgid: Operation not permitted");
}

SPAWNX_TEST("addsetctty: what is no terminal, or not open, is refused by number")
{
	const struct {
		int fd, error;
		const char *words;
	} cases[] = {{5, ENOTTY, "Inappropriate ioctl for device"},
		{99, EBADF, "Bad file descriptor"}};
	for (const auto &c : cases) {
		file_actions actions;
		REQUIRE(CALL(spawnx_file_actions_addopen(
				actions, 5, "/dev/null", O_RDWR, 0)) == 0);
		REQUIRE(CALL(spawnx_file_actions_addsetctty(actions, c.fd)) == 0);
		const spawnx_failure f = must_fail(c.error, SPAWNX_STAGE_ACTION, actions);
		CHECK(f.index == 1);
		CHECK(f.fd == c.fd);
		CHECK(std::string(f.text).empty());
		CHECK(in_words(f) ==
			"file action 1: fd " + std::to_string(c.fd) +
				" as controlling terminal: " + c.words);
	}
	file_actions actions;
	spawnx_file_actions_t none = nullptr;
	CHECK(CALL(spawnx_file_actions_addsetctty(actions, -1)) == EBADF);
	CHECK(CALL(spawnx_file_actions_addsetctty(actions, 1 << 30)) == EBADF);
	CHECK(CALL(spawnx_file_actions_addsetctty(nullptr, 0)) == EINVAL);
	CHECK(CALL(spawnx_file_actions_addsetctty(&none, 0)) == EINVAL);
}

SPAWNX_TEST("addsetctty: a terminal that another session has is not taken from it")
{
	const terminal t;
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addsetctty(actions, t.slave)) == 0);
	const strings argv({"idle"}), envp({});
	pid_t owner = -1;
	REQUIRE(CALL(spawnx(&owner, helper("idle").c_str(), actions, nullptr, argv,
			envp)) == 0);
	pid_t pid = -7;
	const int error =
		CALL(spawnx(&pid, helper("idle").c_str(), actions, nullptr, argv, envp));
	pid_t session = 0;
	CHECK(ioctl(t.master, TIOCGSID, &session) == 0);
	CHECK(session == owner);
	CHECK(error == EPERM);
	CHECK(pid == -7);
	const spawnx_failure f = last_failure();
	CHECK(f.stage == SPAWNX_STAGE_ACTION);
	CHECK(f.index == 0);
	CHECK(f.fd == t.slave);
	CHECK(in_words(f) ==
		"file action 0: fd 40 as controlling terminal: Operation not permitted");
	kill(owner, SIGKILL);
	CHECK(wait_pid(owner) == SIGKILL);
}
