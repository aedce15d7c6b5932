/* SPDX-License-Identifier: MIT */
/* The id maps of a new user namespace, which the child writes itself. */
#include "namespacing.hpp"

#include <atomic>
#include <thread>

using namespace namespacing;

/* Inside, whatever is not mapped is "nobody". */
static std::string ids(unsigned id)
{
	const std::string one = std::to_string(id);
	return one + "\t" + one + "\t" + one + "\t" + one;
}
static constexpr unsigned nobody = 65534;

SPAWNX_TEST("idmap: written as given; the child is root inside, with all its rights")
{
	inside attr(CLONE_NEWUSER);
	attr.mapped();
	with_user_namespace(attr, [&] {
		report r = report_of(attr);
		CHECK(r["uid_map"] == own_map(0, geteuid()));
		CHECK(r["gid_map"] == own_map(0, getegid()));
		CHECK(r["setgroups"] == "deny");
		CHECK(r["Uid"] == ids(0));
		CHECK(r["Gid"] == ids(0));
		CHECK(r["CapEff"] == r["CapBnd"]);
		CHECK(std::stoull(r["CapEff"], nullptr, 16) != 0);
	});
}

SPAWNX_TEST("idmap: somebody else inside has no rights after exec")
{
	inside attr(CLONE_NEWUSER);
	attr.mapped(7, 8);
	with_user_namespace(attr, [&] {
		report r = report_of(attr);
		CHECK(r["uid_map"] == own_map(7, geteuid()));
		CHECK(r["gid_map"] == own_map(8, getegid()));
		CHECK(r["Uid"] == ids(7));
		CHECK(r["Gid"] == ids(8));
		CHECK(std::stoull(r["CapEff"], nullptr, 16) == 0);
	});
}

SPAWNX_TEST("idmap: one of the two, or none")
{
	const std::string uid = own_map(0, geteuid()), gid = own_map(0, getegid());
	inside attr(CLONE_NEWUSER);
	const user_namespaces here;
	if (!here.work())
		return with_user_namespace(attr.mapped(), [] {});

	report r = report_of(attr);
	CHECK(r["uid_map"] == "");
	CHECK(r["gid_map"] == "");
	CHECK(r["setgroups"] == "allow");
	CHECK(r["Uid"] == ids(nobody));

	REQUIRE(CALL(spawnxattr_setidmap(attr, uid.c_str(), nullptr)) == 0);
	r = report_of(attr);
	CHECK(r["uid_map"] == own_map(0, geteuid()));
	CHECK(r["gid_map"] == "");
	CHECK(r["setgroups"] == "allow");
	CHECK(r["Uid"] == ids(0));
	CHECK(r["Gid"] == ids(nobody));

	REQUIRE(CALL(spawnxattr_setidmap(attr, nullptr, gid.c_str())) == 0);
	r = report_of(attr);
	CHECK(r["uid_map"] == "");
	CHECK(r["gid_map"] == own_map(0, getegid()));
	CHECK(r["setgroups"] == "deny");
	CHECK(r["Uid"] == ids(nobody));
	CHECK(r["Gid"] == ids(0));
}

SPAWNX_TEST("idmap: what the kernel refuses is of stage IDMAP, with the file")
{
	const user_namespaces here;
	inside attr(CLONE_NEWUSER);
	if (!here.work())
		return with_user_namespace(attr.mapped(), [] {});
	const std::string uid = own_map(0, geteuid()), gid = own_map(0, getegid());
	std::string lines;
	for (int i = 0; i < 10000; i++)
		lines += own_map(static_cast<uid_t>(i), static_cast<uid_t>(i)) + "\n";
	/* One line and its own id is all a process may write for itself, root or not. */
	const struct {
		std::string uid, gid;
		int error;
		const char *file, *words;
	} cases[] = {
		{uid + "\n1 4322 1", gid, EPERM, "uid_map", "Operation not permitted"},
		{own_map(0, geteuid() + 1), gid, EPERM, "uid_map",
			"Operation not permitted"},
		{uid, own_map(0, getegid() + 1), EPERM, "gid_map",
			"Operation not permitted"},
		{uid, gid + "\n1 4322 1\n", EPERM, "gid_map", "Operation not permitted"},
		{lines, gid, EINVAL, "uid_map", "Invalid argument"},
		{uid, lines, EINVAL, "gid_map", "Invalid argument"},
	};
	for (const auto &c : cases) {
		INFO(c.uid.substr(0, 40) << " | " << c.gid.substr(0, 40));
		REQUIRE(CALL(spawnxattr_setidmap(attr, c.uid.c_str(), c.gid.c_str())) ==
			0);
		const spawnx_failure f = refused(attr, c.error, SPAWNX_STAGE_IDMAP);
		CHECK(f.index == -1);
		CHECK(f.fd == -1);
		const std::string file = std::string("/proc/self/") + c.file;
		CHECK(std::string(f.text) == file);
		CHECK(in_words(f) == "idmap \"" + file + "\": " + c.words);
	}
}

SPAWNX_TEST("idmap: needs CLONE_NEWUSER")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setidmap(attr, "0 0 1", nullptr)) == 0);
	const auto check = [&] {
		const spawnx_failure f = refused(attr, EINVAL, SPAWNX_STAGE_ARGUMENT);
		CHECK(f.index == -1);
		CHECK(f.fd == -1);
		CHECK(in_words(f) ==
			"argument: id maps need CLONE_NEWUSER among the namespaces: "
			"Invalid argument");
	};
	check();
	REQUIRE(CALL(spawnxattr_setnamespaces(
			attr, all_kinds() & ~std::uint64_t(CLONE_NEWUSER))) == 0);
	check();
}

SPAWNX_TEST("idmap: what is no map is EINVAL when set")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setidmap(attr, "1 2 3", "4 5 6")) == 0);
	for (const char *bad : {"", " ", "\n", "0", "0 0", "0 0 ", "0 0 0", "0 0 1 1",
		     "0 0 1 x", "0 0 1x", "x 0 1", "0 x 1", "0 0 x", "root 0 1", "-1 0 1",
		     "0 -1 1", "0 0 -1", "+0 0 1", "0,0,1", "0:0:1", "0x0 0 1", "0.0 0 1",
		     "4294967296 0 1", "0 4294967296 1", "0 0 4294967296",
		     "18446744073709551616 0 1", "4294967295 0 1", "0 4294967295 1",
		     "1 0 4294967295", "0 1 4294967295", "0 0 1\n\n", "\n0 0 1",
		     "0 0 1\n\n1 1 1", "0 0 1\n1 1", "0 0\n1", "0 0 1\nx", "0 0 1\r\n",
		     "0 0 1;1 1 1"}) {
		INFO(bad);
		CHECK(CALL(spawnxattr_setidmap(attr, bad, nullptr)) == EINVAL);
		CHECK(CALL(spawnxattr_setidmap(attr, nullptr, bad)) == EINVAL);
		CHECK(CALL(spawnxattr_setidmap(attr, "0 0 1", bad)) == EINVAL);
		CHECK(CALL(spawnxattr_setidmap(attr, bad, "0 0 1")) == EINVAL);
	}
	CHECK(CALL(spawnxattr_setidmap(attr, nullptr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_setidmap(nullptr, "0 0 1", nullptr)) == EINVAL);
	/* The maps of before are still there. */
	const char *uid = nullptr, *gid = nullptr;
	REQUIRE(CALL(spawnxattr_getidmap(attr, &uid, &gid)) == 0);
	CHECK(std::string(uid) == "1 2 3");
	CHECK(std::string(gid) == "4 5 6");
}

SPAWNX_TEST("idmap: the getter hands out copies of what was set")
{
	attributes attr;
	const char *uid = "?", *gid = "?";
	CHECK(CALL(spawnxattr_getidmap(attr, &uid, &gid)) == ENOENT);
	for (const char *good : {"0 0 1", "0 1000 1\n", "\t0   1000\t1  ", "007 08 09",
		     "0 0 4294967295", "4294967294 4294967294 1", "0 0 1\n1 1 1",
		     " 0 0 1 \n 1 1 1 \n"}) {
		INFO(good);
		std::string text = good;
		REQUIRE(CALL(spawnxattr_setidmap(attr, text.c_str(), nullptr)) == 0);
		text.assign(text.size(), 'x');
		REQUIRE(CALL(spawnxattr_getidmap(attr, &uid, &gid)) == 0);
		CHECK(std::string(uid) == good);
		CHECK(gid == nullptr);
		REQUIRE(CALL(spawnxattr_setidmap(attr, nullptr, good)) == 0);
		REQUIRE(CALL(spawnxattr_getidmap(attr, &uid, &gid)) == 0);
		CHECK(uid == nullptr);
		CHECK(std::string(gid) == good);
	}
	CHECK(CALL(spawnxattr_getidmap(attr, nullptr, &gid)) == EINVAL);
	CHECK(CALL(spawnxattr_getidmap(attr, &uid, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_getidmap(nullptr, &uid, &gid)) == EINVAL);
}

SPAWNX_TEST("idmap: ids and groups are those inside")
{
	inside attr(CLONE_NEWUSER);
	attr.mapped(7, 8);
	REQUIRE(CALL(spawnxattr_setuid(attr, 7)) == 0);
	REQUIRE(CALL(spawnxattr_setgid(attr, 8)) == 0);
	with_user_namespace(attr, [&] {
		report r = report_of(attr);
		CHECK(r["Uid"] == ids(7));
		CHECK(r["Gid"] == ids(8));

		/* Who is not in the map is nobody's id. */
		REQUIRE(CALL(spawnxattr_setuid(attr, 9)) == 0);
		CHECK(in_words(refused(attr, EINVAL, SPAWNX_STAGE_IDS)) ==
			"uid: Invalid argument");
		REQUIRE(CALL(spawnxattr_setgid(attr, 9)) == 0);
		CHECK(in_words(refused(attr, EINVAL, SPAWNX_STAGE_IDS)) ==
			"gid: Invalid argument");

		/* setgroups(2) was given up for the gid map, whatever the list is. */
		const gid_t groups[] = {8};
		for (const std::size_t n : {0, 1}) {
			REQUIRE(CALL(spawnxattr_setgroups(attr, n, groups)) == 0);
			CHECK(in_words(refused(attr, EPERM, SPAWNX_STAGE_IDS)) ==
				"supplementary groups: Operation not permitted");
		}
	});
}

/*
 * The files below /proc of a process that nobody may look into are root's, and the child
 * shares our memory. Such a caller has to open its memory, or leave the maps to another.
 */
SPAWNX_TEST("idmap: a process that is not dumpable cannot have them", "[user]")
{
	inside attr(CLONE_NEWUSER);
	attr.mapped();
	with_user_namespace(attr, [&] {
		const int before = prctl(PR_GET_DUMPABLE);
		REQUIRE(prctl(PR_SET_DUMPABLE, 0) == 0);
		const strings argv({"x"}), envp({});
		const int error = CALL(spawnx(
			nullptr, helper("idle").c_str(), nullptr, attr, argv, envp));
		prctl(PR_SET_DUMPABLE, before);
		CHECK(error == EACCES);
		CHECK(last_failure().stage == SPAWNX_STAGE_IDMAP);
		CHECK(in_words(last_failure()) ==
			"idmap \"/proc/self/setgroups\": Permission denied");
	});
}

/* Threads share the memory, and whether it is open: none may be in another's way. */
SPAWNX_TEST("idmap: two threads at once, with ids that their children have inside",
	"[thread]")
{
	inside attr(CLONE_NEWUSER);
	attr.mapped();
	REQUIRE(CALL(spawnxattr_setuid(attr, 0)) == 0);
	REQUIRE(CALL(spawnxattr_setgid(attr, 0)) == 0);
	with_user_namespace(attr, [&] {
		const strings argv({"idle", "exit:0"}), envp({});
		const std::string program = helper("idle");
		std::atomic<int> good = 0;
		const auto spawn_some = [&] {
			for (int n = 0; n < 100; n++) {
				pid_t pid;
				good += spawnx(&pid, program.c_str(), nullptr, attr, argv,
						envp) == 0 &&
					wait_pid(pid) == 0;
			}
		};
		std::thread other(spawn_some);
		spawn_some();
		other.join();
		CHECK(good == 200);
	});
}
