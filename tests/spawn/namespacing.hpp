/* SPDX-License-Identifier: MIT */
/* What this machine answers who wants new namespaces, asked without the library. */
#pragma once

#include "confined.hpp"

#include <cerrno>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace namespacing
{

using namespace confined;

struct kind {
	std::uint64_t flag;
	std::string name;
};

/* CLONE_NEWTIME is in no header of the oldest libc; Linux 5.6. */
inline constexpr std::uint64_t newtime = 0x80;

inline const std::vector<kind> kinds = {{newtime, "time"}, {CLONE_NEWNS, "mnt"},
	{CLONE_NEWCGROUP, "cgroup"}, {CLONE_NEWUTS, "uts"}, {CLONE_NEWIPC, "ipc"},
	{CLONE_NEWUSER, "user"}, {CLONE_NEWPID, "pid"}, {CLONE_NEWNET, "net"}};

inline std::uint64_t all_kinds()
{
	std::uint64_t flags = 0;
	for (const kind &k : kinds)
		flags |= k.flag;
	return flags;
}

/* The result of a function that runs in a process of its own. */
template <typename F> int elsewhere(F function)
{
	const pid_t pid = fork();
	if (pid == 0)
		_exit(function());
	int status = -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

inline int write_text(const char *path, const std::string &text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	const bool written = write(fd, text.data(), text.size()) >= 0;
	const int error = written ? 0 : errno;
	close(fd);
	return error;
}

inline std::string own_map(uid_t inside, uid_t outside)
{
	return std::to_string(inside) + " " + std::to_string(outside) + " 1";
}

/*
 * Ordinary users may not have user namespaces on every machine: none at all (sysctl), or
 * one without a right in it (AppArmor). Where the machine stops them, and with what.
 */
struct user_namespaces {
	int clone_error = 0;
	std::string file; /* of those that the maps are written to */
	int file_error = 0;

	user_namespaces()
	{
		clone_error =
			elsewhere([] { return unshare(CLONE_NEWUSER) == 0 ? 0 : errno; });
		if (clone_error)
			return;
		const std::string uid = own_map(0, geteuid()),
				  gid = own_map(0, getegid());
		const std::pair<const char *, std::string> files[] = {
			{"/proc/self/setgroups", "deny"}, {"/proc/self/uid_map", uid},
			{"/proc/self/gid_map", gid}};
		for (int last = 0; last < 3 && !file_error; last++) {
			file = files[last].first;
			file_error = elsewhere([&] {
				int error = unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
				for (int i = 0; i <= last && !error; i++)
					error = write_text(
						files[i].first, files[i].second);
				return error;
			});
		}
	}

	bool work() const
	{
		return clone_error == 0 && file_error == 0;
	}
};

/* The spawn works as the machine lets user namespaces work, or fails like they do. */
template <typename F> void with_user_namespace(spawnxattr_t *attr, F works)
{
	const user_namespaces here;
	if (here.work())
		return works();
	if (here.clone_error) {
		refused(attr, here.clone_error, SPAWNX_STAGE_CLONE);
	} else {
		const spawnx_failure f =
			refused(attr, here.file_error, SPAWNX_STAGE_IDMAP);
		CHECK(std::string(f.text) == here.file);
	}
}

inline std::string own_link(const std::string &name)
{
	char target[64];
	const ssize_t n =
		readlink(("/proc/self/ns/" + name).c_str(), target, sizeof(target));
	return n > 0 ? std::string(target, static_cast<std::size_t>(n)) : "";
}

/* The child is in new namespaces of these kinds, and of no others. */
inline void check_links(const report &r, std::uint64_t flags)
{
	for (const kind &k : kinds) {
		INFO(k.name);
		CHECK(own_link(k.name) != "");
		CHECK(r.at("ns." + k.name) != "");
		CHECK((r.at("ns." + k.name) != own_link(k.name)) ==
			((flags & k.flag) != 0));
	}
}

/* Attributes with namespaces, and maps that make the caller root inside. */
struct inside : attributes {
	explicit inside(std::uint64_t flags)
	{
		REQUIRE(CALL(spawnxattr_setnamespaces(*this, flags)) == 0);
	}
	inside &mapped(uid_t uid = 0, gid_t gid = 0)
	{
		REQUIRE(CALL(spawnxattr_setidmap(*this, own_map(uid, geteuid()).c_str(),
				own_map(gid, getegid()).c_str())) == 0);
		return *this;
	}
};

/* Where clone3 is blocked clone(2) stands in, which cannot be told of NEWTIME. */
inline bool can_have(std::uint64_t flags)
{
	return !(flags & newtime) || should_have("clone3") == oracle::has;
}

inline std::uint64_t all_we_can_have()
{
	return can_have(newtime) ? all_kinds() : all_kinds() & ~newtime;
}

} // namespace namespacing
