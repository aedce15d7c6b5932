/* SPDX-License-Identifier: MIT */
/* Descriptor tables: ours, what a child inherits of it, what a report found. */
#pragma once

#include <spawning.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <map>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace support
{

using table = std::map<int, std::string>; /* what is open where */

inline table our_table(bool inherited_only = false)
{
	table t;
	DIR *dir = opendir("/proc/self/fd");
	while (dirent *entry = dir ? readdir(dir) : nullptr) {
		const int fd = std::atoi(entry->d_name);
		char target[256];
		const ssize_t n =
			readlinkat(dirfd(dir), entry->d_name, target, sizeof(target));
		if (entry->d_name[0] == '.' || fd == dirfd(dir) || n < 0)
			continue;
		if (!inherited_only || (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0)
			t[fd] = std::string(target, static_cast<std::size_t>(n));
	}
	if (dir)
		closedir(dir);
	return t;
}

inline table inherited_table()
{
	return our_table(true);
}

inline table table_of(const report &r)
{
	table t;
	for (const auto &line : r)
		if (line.first.compare(0, 3, "fd.") == 0)
			t[std::atoi(line.first.c_str() + 3)] = line.second;
	return t;
}

/* In words; empty where they are the same. */
inline std::string difference(const table &got, const table &expected)
{
	std::string words;
	for (const auto &[fd, name] : got)
		if (!expected.count(fd) || expected.at(fd) != name)
			words += "got " + std::to_string(fd) + ": " + name + "; ";
	for (const auto &[fd, name] : expected)
		if (!got.count(fd) || got.at(fd) != name)
			words += "expected " + std::to_string(fd) + ": " + name + "; ";
	return words;
}

/* A file with a name of its own on a number that is free. */
class opened
{
public:
	explicit opened(int number, int flags = O_CLOEXEC) : fd(number)
	{
		REQUIRE(fcntl(fd, F_GETFD) < 0);
		const int got =
			memfd_create(("no-" + std::to_string(fd)).c_str(), MFD_CLOEXEC);
		if (got == fd)
			REQUIRE(fcntl(fd, F_SETFD, flags ? FD_CLOEXEC : 0) == 0);
		else
			REQUIRE(dup3(got, fd, flags) == fd);
		if (got != fd)
			close(got);
	}
	~opened()
	{
		close(fd);
	}
	opened(const opened &) = delete;
	opened &operator=(const opened &) = delete;

private:
	int fd;
};

} // namespace support
