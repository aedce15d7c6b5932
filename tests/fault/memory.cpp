/* SPDX-License-Identifier: MIT */
/* Without memory: each allocation of a spawn, and of what it needs, fails in turn. */
#include "allocator.hpp"

#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <fcntl.h>
#include <cstdlib>
#include <unistd.h>

using namespace support;
using namespace fault;

SPAWNX_TEST("init without memory is ENOMEM and leaves NULL")
{
	spawnxattr_t attr = reinterpret_cast<spawnxattr_t>(8);
	spawnx_file_actions_t actions = reinterpret_cast<spawnx_file_actions_t>(8);
	fails_at = 0;
	CHECK(CALL(spawnxattr_init(&attr)) == ENOMEM);
	fails_at = 0;
	CHECK(CALL(spawnx_file_actions_init(&actions)) == ENOMEM);
	CHECK(attr == nullptr);
	CHECK(actions == nullptr);
}

SPAWNX_TEST("adding an action without memory is ENOMEM and changes nothing")
{
	file_actions actions;
	int refused = 0;
	/* Past the first growth of the list, each allocation failing once. */
	for (int i = 0; i < 40; i++) {
		for (long at = 0; at < 2; at++) {
			fails_at = at;
			const int error = CALL(spawnx_file_actions_addopen(
				actions, 20 + i, "/dev/null", O_RDONLY, 0));
			fails_at = -1;
			if (!error)
				break;
			CHECK(error == ENOMEM);
			refused++;
			if (at == 1)
				REQUIRE(CALL(spawnx_file_actions_addopen(actions, 20 + i,
						"/dev/null", O_RDONLY, 0)) == 0);
		}
	}
	CHECK(refused >= 40);
	const report r = spawn_report(actions);
	for (int i = 0; i < 40; i++)
		CHECK(r.at("fd." + std::to_string(20 + i)) == "/dev/null");
	CHECK(r.count("fd.60") == 0);
}

SPAWNX_TEST("a PATH search without memory is ENOMEM, and nothing is started")
{
	const strings argv({"idle"}), envp({});
	pid_t pid = -7;
	fails_at = 0;
	CHECK(CALL(spawnxp(&pid, "idle", nullptr, nullptr, argv, envp)) == ENOMEM);
	fails_at = -1;
	CHECK(pid == -7);
	CHECK(last_failure().error == ENOMEM);
	CHECK(in_words(last_failure()) == "argument: no memory: Cannot allocate memory");
}

SPAWNX_TEST(
	"a spawn without a PATH search allocates nothing, a search once", "[count]")
{
	const strings argv({"idle", "exit:0"}), envp({"PATH=/nonexistent"});
	attributes attr;
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0)) ==
		0);
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
	const std::string idle = helper("idle");
	spawnx_child child = {};
	child.size = sizeof(child);
	/* The first leaves nothing open but what an action made. */
	allocations = 0;
	const int closing = spawnxattr_setflags(attr, SPAWNX_CLOEXEC_DEFAULT);
	pid_t pid;
	const int closed = spawnx(&pid, idle.c_str(), actions, attr, argv, envp);
	(void)spawnxattr_setflags(attr, 0);
	const int plain = spawnx_start(&child, nullptr, SPAWNX_SEARCH_PATH, idle.c_str(),
		actions, attr, argv, envp);
	const long none = allocations;
	const int search = spawnx_start(
		nullptr, nullptr, SPAWNX_SEARCH_ENVP, "idle", actions, attr, argv, envp);
	const long one = allocations;
	REQUIRE(closing + closed == 0);
	REQUIRE(plain == 0);
	CHECK(wait_pid(pid) == 0);
	CHECK(search == ENOENT);
	CHECK(none == 0);
	CHECK(one == 1);
	close(child.pidfd);
	CHECK(wait_pid(child.pid) == 0);
}

SPAWNX_TEST("descriptors announced without memory is ENOMEM, and nothing is started")
{
	const strings argv({"idle", "exit:0"}), envp({"A=1", "PATH=/nonexistent"});
	attributes attr;
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addopen(actions, 3, "/dev/null", O_RDONLY, 0)) ==
		0);
	const std::string idle = helper("idle");
	for (const int n : {0, 1}) {
		REQUIRE(CALL(spawnxattr_setlistenfds(attr, n)) == 0);
		const long before = kept;
		/* The environment, then the candidates of the search. */
		for (long at = 0; at < 2; at++) {
			INFO("allocation " << at);
			pid_t pid = -7;
			spawnx_failure f = {};
			f.size = sizeof(f);
			fails_at = at;
			const int error = CALL(spawnx_start(nullptr, &f,
				SPAWNX_SEARCH_ENVP, "idle", actions, attr, argv, envp));
			fails_at = -1;
			CHECK(error == ENOMEM);
			CHECK(in_words(f) ==
				"argument: no memory: Cannot allocate memory");
			CHECK(f.index == -1);
			CHECK(kept == before);
			fails_at = 0;
			CHECK(CALL(spawnx(&pid, idle.c_str(), actions, attr, argv,
				      envp)) == ENOMEM);
			fails_at = -1;
			CHECK(pid == -7);
			CHECK(kept == before);
		}
	}
}

SPAWNX_TEST(
	"whatever comes of a spawn that announces descriptors, nothing stays allocated")
{
	const strings argv({"idle", "exit:0"}), envp({"A=1", "PATH=/nonexistent"});
	attributes attr;
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addopen(actions, 3, "/dev/null", O_RDONLY, 0)) ==
		0);
	REQUIRE(CALL(spawnxattr_setlistenfds(attr, 1)) == 0);
	const std::string idle = helper("idle");
	const long before = kept;
	pid_t pid = -1;
	allocations = 0;
	const int error = spawnx(&pid, idle.c_str(), actions, attr, argv, envp);
	const long one = allocations;
	REQUIRE(error == 0);
	CHECK(wait_pid(pid) == 0);
	CHECK(one == 1);
	CHECK(kept == before);
	CHECK(CALL(spawnx(&pid, "/nonexistent", actions, attr, argv, envp)) == ENOENT);
	CHECK(kept == before);
	CHECK(CALL(spawnx_start(nullptr, nullptr, SPAWNX_SEARCH_ENVP, "idle", actions,
		      attr, argv, envp)) == ENOENT);
	CHECK(kept == before);
	CHECK(CALL(spawnx(&pid, idle.c_str(), nullptr, attr, nullptr, envp)) == EINVAL);
	CHECK(kept == before);
}
