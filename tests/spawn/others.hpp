/* SPDX-License-Identifier: MIT */
/* Children that are somebody else: their report, and the ids and sets in it. */
#pragma once

#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace others
{

using namespace support;

/* A helper where everybody may run it: the build directory may be ours alone. */
struct public_helper {
	std::string directory, path;

	explicit public_helper(const std::string &name)
	{
		char made[] = "/tmp/spawnx-others-XXXXXX";
		REQUIRE(mkdtemp(made));
		REQUIRE(chmod(made, 0755) == 0);
		directory = made;
		path = directory + "/" + name;
		REQUIRE(std::filesystem::copy_file(helper(name), path));
		REQUIRE(chmod(path.c_str(), 0755) == 0);
	}
	~public_helper()
	{
		std::filesystem::remove_all(directory);
	}
	public_helper(const public_helper &) = delete;
	public_helper &operator=(const public_helper &) = delete;
};

/*
 * Asks the child who it is. A file action opens the file it answers in, which is ours
 * alone: that, too, shows that file actions come before the change of ids.
 */
inline report report_of(spawnxattr_t *attr, const public_helper &program,
	spawnx_file_actions_t *more = {})
{
	const scratch to;
	file_actions own;
	spawnx_file_actions_t *actions = more ? more : own;
	REQUIRE(CALL(spawnx_file_actions_addopen(
			actions, 1, to.path.c_str(), O_WRONLY | O_TRUNC, 0)) == 0);
	const strings argv({"report", "-"}), envp({});
	pid_t pid = -1;
	const int error =
		CALL(spawnx(&pid, program.path.c_str(), actions, attr, argv, envp));
	if (error)
		FAIL(in_words(last_failure()));
	REQUIRE(wait_pid(pid) == 0);
	report r = parse_report(to.path);
	REQUIRE(r["complete"] == "1");
	return r;
}

/* Raw, for this thread alone: libc's would change every thread of ours. */
struct own_groups {
	std::vector<gid_t> before;

	explicit own_groups(const std::vector<gid_t> &groups)
	{
		before.resize(static_cast<std::size_t>(getgroups(0, nullptr)));
		REQUIRE(getgroups(static_cast<int>(before.size()), before.data()) >= 0);
		set(groups);
	}
	~own_groups()
	{
		set(before);
	}
	own_groups(const own_groups &) = delete;
	own_groups &operator=(const own_groups &) = delete;

private:
	static void set(const std::vector<gid_t> &groups)
	{
		CHECK(syscall(SYS_setgroups, groups.size(), groups.data()) == 0);
	}
};

using numbers = std::vector<long>;

inline numbers numbers_in(const std::string &text)
{
	std::istringstream in(text);
	numbers found;
	for (long n; in >> n;)
		found.push_back(n);
	return found;
}

/* Real, effective, saved and file system id. */
inline numbers four(long id)
{
	return {id, id, id, id};
}

/* One thread's lines of /proc/…/status: Uid, Gid, Groups, CapInh, … */
inline report own_status()
{
	std::ifstream in("/proc/thread-self/status");
	report r;
	for (std::string line; std::getline(in, line);) {
		const auto colon = line.find(':');
		if (colon != std::string::npos)
			r[line.substr(0, colon)] = line.substr(
				line.find_first_not_of(" \t", colon + 1) ==
						std::string::npos
					? line.size()
					: line.find_first_not_of(" \t", colon + 1));
	}
	return r;
}

/* A spawn that must be refused, with this error in this stage; what is known about it. */
inline spawnx_failure refused(spawnxattr_t *attr, int error, int stage,
	const std::string &path = helper("idle"), spawnx_file_actions_t *actions = {})
{
	const sigchld_counter sigchld;
	const strings argv({"idle", "exit:0"}), envp({});
	spawnx_child child = {};
	spawnx_failure f = {};
	child.size = sizeof(child);
	f.size = sizeof(f);
	CHECK(CALL(spawnx_start(
		      &child, &f, 0, path.c_str(), actions, attr, argv, envp)) == error);
	CHECK(child.pid == 0);
	CHECK(f.error == error);
	CHECK(f.stage == stage);
	CHECK(f.fd == -1);
	CHECK(sigchld.count() == 0);
	CHECK(in_words(last_failure()) == in_words(f));
	return f;
}

} // namespace others
