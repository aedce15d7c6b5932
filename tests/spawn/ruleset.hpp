/* SPDX-License-Identifier: MIT */
/* Landlock as the machine has it, asked without the library. */
#pragma once

#include "confined.hpp"

#include <cerrno>
#include <cstdint>

namespace confined
{

/*
 * By system call: libc has no wrappers, and headers may be older than the kernel. All of
 * tests/vm's kernels have Landlock; where one has not, the calls say so themselves.
 */
inline constexpr long create_ruleset = 444, add_rule = 445, restrict_self = 446;
inline constexpr std::uint64_t read_file = 1 << 2;

struct ruleset_attr {
	std::uint64_t handled_access_fs;
};
struct path_beneath {
	std::uint64_t allowed_access;
	std::int32_t parent_fd;
} __attribute__((packed));

/* The kernel's answer where Landlock is not built in (ENOSYS) or not enabled. */
inline int landlock_error()
{
	constexpr unsigned version = 1;
	return syscall(create_ruleset, nullptr, 0, version) > 0 ? 0 : errno;
}

/*
 * Files may be read below these directories only. Where there is no Landlock it is a
 * descriptor of something else: the kernel's refusal comes before it looks.
 */
class ruleset
{
public:
	explicit ruleset(const std::vector<std::string> &directories)
	{
		if (landlock_error()) {
			fd = open("/", O_PATH | O_CLOEXEC);
			REQUIRE(fd >= 0);
			return;
		}
		const ruleset_attr handled = {read_file};
		fd = static_cast<int>(
			syscall(create_ruleset, &handled, sizeof(handled), 0));
		REQUIRE(fd >= 0);
		for (const std::string &directory : directories) {
			const int below = open(directory.c_str(), O_PATH | O_CLOEXEC);
			REQUIRE(below >= 0);
			constexpr int type = 1; /* LANDLOCK_RULE_PATH_BENEATH */
			const path_beneath rule = {read_file, below};
			const bool added = syscall(add_rule, fd, type, &rule, 0) == 0;
			close(below);
			REQUIRE(added);
		}
	}
	~ruleset()
	{
		close(fd);
	}
	ruleset(const ruleset &) = delete;
	ruleset &operator=(const ruleset &) = delete;

	int fd = -1;
};

} // namespace confined
