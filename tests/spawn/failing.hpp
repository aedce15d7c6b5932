/* SPDX-License-Identifier: MIT */
/* A spawn that fails in exec, and the sentence that is said about it. */
#pragma once

#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

namespace failing
{

using namespace support;

/* A directory of our own, with files that may be executed. */
struct directory {
	std::string path;

	directory()
	{
		char name[] = "/tmp/spawnx-exec-XXXXXX";
		REQUIRE(mkdtemp(name));
		path = name;
	}
	~directory()
	{
		std::filesystem::remove_all(path);
	}
	directory(const directory &) = delete;
	directory &operator=(const directory &) = delete;

	std::string file(const std::string &name, const std::string &content,
		mode_t mode = 0755) const
	{
		const std::string to = path + "/" + name;
		std::ofstream(to, std::ios::binary) << content;
		REQUIRE(chmod(to.c_str(), mode) == 0);
		return to;
	}
};

/* A spawn that must fail in exec, with this error; what the library says about it. */
struct attempt {
	spawnx_file_actions_t *actions = nullptr;
	spawnxattr_t *attr = nullptr;
	unsigned how = 0;
	std::string search = "/nonexistent"; /* PATH, with SPAWNX_SEARCH_ENVP */
	spawnx_failure failure = {};

	std::string words(const std::string &path, int error)
	{
		const sigchld_counter sigchld;
		const strings argv({"x"}), envp({"PATH=" + search});
		spawnx_child child = {};
		/* Without a pidfd where there is none: it is not what this is about. */
		child.size = should_have("pidfd") == oracle::has
			? sizeof(child)
			: offsetof(spawnx_child, pidfd);
		failure.size = sizeof(failure);
		CHECK(CALL(spawnx_start(&child, &failure, how, path.c_str(), actions,
			      attr, argv, envp)) == error);
		CHECK(failure.error == error);
		CHECK(failure.stage == SPAWNX_STAGE_EXEC);
		CHECK(failure.index == -1);
		CHECK(failure.fd == -1);
		CHECK(child.pid == 0);
		CHECK(sigchld.stray() == 0);
		CHECK(in_words(last_failure()) == in_words(failure));
		return in_words(failure);
	}
};

inline std::string words(const std::string &path, int error)
{
	return attempt().words(path, error);
}

inline std::string quoted(const std::string &text)
{
	return '"' + text + '"';
}

inline std::string exec_of(const std::string &path)
{
	return "exec " + quoted(path) + ": ";
}

inline const std::string not_there = "No such file or directory";

inline std::string lacks(const std::string &path, const std::string &interpreter)
{
	return exec_of(path) + "the program exists, its interpreter " +
		quoted(interpreter) + " does not: " + not_there;
}

inline std::string lacks_some(const std::string &path)
{
	return exec_of(path) +
		"the program exists, its interpreter does not: " + not_there;
}

} // namespace failing
