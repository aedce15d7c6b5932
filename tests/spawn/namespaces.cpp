/* SPDX-License-Identifier: MIT */
/* New namespaces at birth; their id maps are in idmap.cpp. */
#include "namespacing.hpp"

using namespace namespacing;

static const std::string they_need =
	"clone3 with new namespaces: they need CAP_SYS_ADMIN, or CLONE_NEWUSER with them: "
	"Operation not permitted";

SPAWNX_TEST("namespaces: none asked for, all are the parent's")
{
	attributes attr;
	check_links(report_of(attr), 0);
	REQUIRE(CALL(spawnxattr_setnamespaces(attr, 0)) == 0);
	check_links(report_of(attr), 0);
}

SPAWNX_TEST("namespaces: each of them alone, for root", "[root]")
{
	for (const kind &k : kinds) {
		INFO(k.name);
		inside attr(k.flag);
		if (can_have(k.flag))
			check_links(report_of(attr), k.flag);
	}
	const std::uint64_t most = all_we_can_have() & ~std::uint64_t(CLONE_NEWUSER);
	inside attr(most);
	check_links(report_of(attr), most);
}

SPAWNX_TEST("namespaces: each of them with CLONE_NEWUSER, for anybody")
{
	for (const kind &k : kinds) {
		INFO(k.name);
		const std::uint64_t flags = k.flag | CLONE_NEWUSER;
		inside attr(flags);
		attr.mapped();
		if (can_have(flags))
			with_user_namespace(
				attr, [&] { check_links(report_of(attr), flags); });
	}
	inside attr(all_we_can_have());
	attr.mapped();
	with_user_namespace(
		attr, [&] { check_links(report_of(attr), all_we_can_have()); });
}

SPAWNX_TEST("namespaces: all but CLONE_NEWUSER are EPERM for a user, who is told why",
	"[user]")
{
	for (const kind &k : kinds) {
		if (k.flag == CLONE_NEWUSER || !can_have(k.flag))
			continue;
		INFO(k.name);
		inside attr(k.flag);
		const spawnx_failure f = refused(attr, EPERM, SPAWNX_STAGE_CLONE);
		CHECK(f.index == -1);
		CHECK(f.fd == -1);
		CHECK(f.text[0] == '\0');
		CHECK(in_words(f) == they_need);
	}
}

/* clone(2) has the exit signal where the bit would be: nothing must be sent instead. */
SPAWNX_TEST("namespaces: CLONE_NEWTIME without clone3 is ENOTSUP", "[lacks:clone3]")
{
	inside attr(newtime | CLONE_NEWUSER);
	const spawnx_failure f = refused(attr, ENOTSUP, SPAWNX_STAGE_FEATURE);
	CHECK(std::string(f.text) == "clone3");
	CHECK(f.index == SPAWNX_FEATURE_CLONE3);
}

SPAWNX_TEST("namespaces: what is none is EINVAL when set")
{
	attributes attr;
	std::uint64_t got = 7;
	CHECK(CALL(spawnxattr_getnamespaces(attr, &got)) == ENOENT);
	for (int bit = 0; bit < 64; bit++) {
		INFO(bit);
		const std::uint64_t flag = std::uint64_t(1) << bit;
		const bool known = (flag & all_kinds()) != 0;
		CHECK(CALL(spawnxattr_setnamespaces(attr, flag)) == (known ? 0 : EINVAL));
		CHECK(CALL(spawnxattr_setnamespaces(attr, flag | CLONE_NEWNET)) ==
			(known ? 0 : EINVAL));
	}
	REQUIRE(CALL(spawnxattr_setnamespaces(attr, all_kinds())) == 0);
	CHECK(CALL(spawnxattr_setnamespaces(attr, CLONE_VM)) == EINVAL);
	CHECK(CALL(spawnxattr_getnamespaces(attr, &got)) == 0);
	CHECK(got == all_kinds());
	CHECK(CALL(spawnxattr_getnamespaces(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_setnamespaces(nullptr, 0)) == EINVAL);
}

SPAWNX_TEST("namespaces: the first process of a pid namespace is 1, and found by its pid")
{
	inside attr(CLONE_NEWPID | CLONE_NEWUSER);
	attr.mapped();
	with_user_namespace(attr, [&] {
		for (const bool from_pidfd : {false, true}) {
			/* report_of has waited for the pid, or the pidfd, it was given. */
			report r = report_of(attr, {}, {}, from_pidfd);
			CHECK(r["pid"] == "1");
			CHECK(r["ppid"] == "0");
			CHECK(std::stoi(r["parent's pid"]) > 1);
		}
		const strings argv({"idle"}), envp({});
		spawnx_child child = {};
		child.size = sizeof(child);
		REQUIRE(CALL(spawnx_start(&child, nullptr, 0, helper("idle").c_str(),
				nullptr, attr, argv, envp)) == 0);
		CHECK(pid_of(child.pidfd) == child.pid);
		CHECK(spawnx_signal(child.pidfd, SIGKILL) == 0);
		CHECK(wait_pid(child.pid) == SIGKILL);
		close(child.pidfd);
	});
}

SPAWNX_TEST("namespaces: LISTEN_PID is the pid inside")
{
	inside attr(CLONE_NEWPID | CLONE_NEWUSER);
	attr.mapped();
	REQUIRE(CALL(spawnxattr_setlistenfds(attr, 1)) == 0);
	/* Descriptor 3 has to be open; and may be somebody else's. */
	const bool ours = fcntl(3, F_GETFD) < 0;
	if (ours)
		REQUIRE(fcntl(0, F_DUPFD_CLOEXEC, 3) == 3);
	with_user_namespace(attr, [&] {
		report r = report_of(attr, {}, {"A=1", "LISTEN_PID=4711"});
		CHECK(r["pid"] == "1");
		CHECK(r["env.0"] == "A=1");
		CHECK(r["env.1"] == "LISTEN_PID=1");
		CHECK(r["env.2"] == "LISTEN_FDS=1");
	});
	if (ours)
		close(3);
}

SPAWNX_TEST("namespaces: a spawn that fails in them leaves nothing")
{
	inside attr(all_we_can_have());
	attr.mapped();
	with_user_namespace(attr, [&] {
		const spawnx_failure f =
			refused(attr, ENOENT, SPAWNX_STAGE_EXEC, "/nonexistent");
		CHECK(in_words(f) ==
			"exec \"/nonexistent\": no such program: "
			"No such file or directory");
	});
}

/* The limits are per user namespace: in one of our own they may be lowered. */
SPAWNX_TEST("namespaces: more than allowed is clone's ENOSPC")
{
	const user_namespaces here;
	if (!here.work()) {
		inside attr(CLONE_NEWUSER);
		attr.mapped();
		return with_user_namespace(attr, [] {});
	}
	inside attr(CLONE_NEWUTS);
	const strings argv({"idle", "exit:0"}), envp({});
	const std::string program = helper("idle");
	spawnx_failure f = {};
	f.size = sizeof(f);
	int report[2];
	REQUIRE(pipe2(report, O_CLOEXEC) == 0);
	const int result = elsewhere([&] {
		if (unshare(CLONE_NEWUSER) != 0 ||
			write_text("/proc/sys/user/max_uts_namespaces", "0") != 0)
			return 255;
		const int error = spawnx_start(
			nullptr, &f, 0, program.c_str(), nullptr, attr, argv, envp);
		return write(report[1], &f, sizeof(f)) == sizeof(f) ? error : 254;
	});
	CHECK(result == ENOSPC);
	CHECK(read(report[0], &f, sizeof(f)) == sizeof(f));
	close(report[0]);
	close(report[1]);
	CHECK(f.stage == SPAWNX_STAGE_CLONE);
	CHECK(in_words(f) == "clone3 with new namespaces: No space left on device");
}
