/* SPDX-License-Identifier: MIT */
#include "machine.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <sys/utsname.h>
#include <unistd.h>

namespace support
{

static const std::map<std::string, std::string> &since()
{
	static const std::map<std::string, std::string> table = {
#define X(id, NAME, name, since, ...) {name, since},
#include "features.def"
#undef X
	};
	return table;
}

static int release_number(const char *release)
{
	int major = 0, minor = 0;
	std::sscanf(release, "%d.%d", &major, &minor);
	return major * 1000 + minor;
}

static bool listed(const char *variable, const std::string &feature)
{
	const char *list = std::getenv(variable);
	std::istringstream in(list ? list : "");
	for (std::string name; std::getline(in, name, ',');)
		if (name == feature)
			return true;
	return false;
}

oracle should_have(const std::string &feature)
{
	if (listed("SPAWNX_TEST_HAS", feature))
		return oracle::has;
	if (listed("SPAWNX_TEST_LACKS", feature))
		return oracle::lacks;
	utsname u;
	uname(&u);
	return release_number(u.release) >= release_number(since().at(feature).c_str())
		? oracle::has
		: oracle::lacks;
}

bool has_exit_signal()
{
	return !listed("SPAWNX_TEST_LACKS", "exit_signal");
}

bool has_own_mappings()
{
	return !listed("SPAWNX_TEST_LACKS", "maps");
}

/* Not always /sys/fs/cgroup: with version 1 beside it it is a directory in there. */
std::string cgroup_root()
{
	std::ifstream in("/proc/self/mounts");
	for (std::string line; std::getline(in, line);) {
		std::istringstream words(line);
		std::string device, where, type;
		if (words >> device >> where >> type && type == "cgroup2")
			return where;
	}
	return "";
}

bool has_writable_cgroups()
{
	const std::string root = cgroup_root();
	return !root.empty() && access((root + "/cgroup.procs").c_str(), W_OK) == 0 &&
		access(root.c_str(), W_OK) == 0;
}

std::string domain_controller()
{
	std::ifstream in(cgroup_root() + "/cgroup.controllers");
	for (std::string name; in >> name;)
		if (name == "memory" || name == "io" || name == "hugetlb" ||
			name == "rdma")
			return name;
	return "";
}

std::string helper(const std::string &name)
{
	const char *dir = std::getenv("SPAWNX_TEST_HELPERS");
	if (!dir)
		throw std::runtime_error("SPAWNX_TEST_HELPERS is not set");
	return std::string(dir) + "/" + name;
}

} // namespace support
