/* SPDX-License-Identifier: MIT */
/* Many threads at once, each with children of its own ids: not one of ours changes. */
#include "others.hpp"

#include <thread>

using namespace others;

/* What one thread of many saw; Catch2's own checks are for one thread. */
struct seen {
	int error = 0;
	std::string wrong;
};

static bool raw_ids_are(uid_t uid, gid_t gid)
{
	uid_t u[3];
	gid_t g[3];
	syscall(SYS_getresuid, &u[0], &u[1], &u[2]);
	syscall(SYS_getresgid, &g[0], &g[1], &g[2]);
	return u[0] == uid && u[1] == uid && u[2] == uid && g[0] == gid && g[1] == gid &&
		g[2] == gid;
}

static void spawn_as(spawnxattr_t *attr, const std::string &path, const std::string &to,
	uid_t uid, gid_t gid, const numbers &groups, seen &s)
{
	file_actions actions;
	s.error = spawnx_file_actions_addopen(
		actions, 1, to.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	const strings argv({"report", "-"}), envp({});
	for (int i = 0; i < 12 && !s.error && s.wrong.empty(); i++) {
		pid_t pid = -1;
		s.error = spawnx(&pid, path.c_str(), actions, attr, argv, envp);
		if (s.error || wait_pid(pid) != 0) {
			s.wrong = "no child";
			break;
		}
		std::ifstream in(to);
		report r;
		for (std::string line; std::getline(in, line);)
			r[line.substr(0, line.find('='))] =
				line.substr(line.find('=') + 1);
		if (numbers_in(r["Uid"]) != four(uid) ||
			numbers_in(r["Gid"]) != four(gid) ||
			numbers_in(r["Groups"]) != groups)
			s.wrong = r["Uid"] + " / " + r["Gid"] + " / " + r["Groups"];
		else if (!raw_ids_are(0, 0) || own_status()["Groups"] != "5 6 ")
			s.wrong = "the thread that spawned has changed";
	}
}

/* No SPAWNX_TEST: libc keeps the stacks of so many threads mapped. */
TEST_CASE("sixteen threads, each with children of its own ids; ours stay", "[root][thread]")
{
	const public_helper program("report");
	const own_groups ours({5, 6});
	const snapshot before = snapshot::take();
	attributes common; /* one object that half of the threads read at once */
	const gid_t common_groups[] = {11, 12};
	REQUIRE(CALL(spawnxattr_setuid(common, 20000)) == 0);
	REQUIRE(CALL(spawnxattr_setgid(common, 21000)) == 0);
	REQUIRE(CALL(spawnxattr_setgroups(common, 2, common_groups)) == 0);

	seen what[16];
	std::vector<std::thread> threads;
	for (unsigned i = 0; i < 16; i++)
		threads.emplace_back([&, i] {
			const std::string to =
				program.directory + "/" + std::to_string(i);
			if (i % 2)
				return spawn_as(common, program.path, to, 20000, 21000,
					{11, 12}, what[i]);
			spawnxattr_t attr;
			const gid_t group = 23000 + i;
			what[i].error = spawnxattr_init(&attr);
			spawnxattr_setuid(&attr, 20000 + i);
			spawnxattr_setgid(&attr, 22000 + i);
			spawnxattr_setgroups(&attr, 1, &group);
			spawn_as(&attr, program.path, to, 20000 + i, 22000 + i,
				{static_cast<long>(group)}, what[i]);
			spawnxattr_destroy(&attr);
		});
	for (auto &t : threads)
		t.join();
	for (const seen &s : what) {
		CHECK(s.error == 0);
		CHECK(s.wrong == "");
	}
	const snapshot after = snapshot::take();
	CHECK(after.descriptors == before.descriptors);
	CHECK(after.children == before.children);
	CHECK(after.mask == before.mask);
	CHECK(after.dumpable == before.dumpable);
	CHECK(raw_ids_are(0, 0));
}
