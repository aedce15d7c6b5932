/* SPDX-License-Identifier: MIT */
/* addopenat and addinherit_np, alone and among other file actions. */
#include "refusal.hpp"
#include "tables.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

using namespace support;

namespace
{

/* A directory of the test's own, open as number 60. */
struct directory {
	directory()
	{
		char name[] = "/tmp/spawnx-openat-XXXXXX";
		REQUIRE(mkdtemp(name));
		path = name;
		const int got = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		REQUIRE(dup3(got, fd, O_CLOEXEC) == fd);
		close(got);
	}
	~directory()
	{
		close(fd);
		unlink((path + "/made").c_str());
		rmdir(path.c_str());
	}
	directory(const directory &) = delete;
	directory &operator=(const directory &) = delete;

	std::string path;
	const int fd = 60;
};

int add(file_actions &actions, int fd, int dirfd, const char *path, int flags = O_RDONLY,
	mode_t mode = 0)
{
	return CALL(spawnx_file_actions_addopenat(actions, fd, dirfd, path, flags, mode));
}

constexpr int made = O_WRONLY | O_CREAT | O_EXCL;

} // namespace

SPAWNX_TEST("addopenat: relative to a directory, which the child does not get")
{
	const directory dir;
	file_actions actions;
	char name[] = "made";
	REQUIRE(add(actions, 50, dir.fd, name, made, 0640) == 0);
	memset(name, 'x', 4); /* a copy is kept */
	REQUIRE(add(actions, 51, dir.fd, "made", O_RDONLY | O_CLOEXEC) == 0);
	const mode_t mask = umask(0);
	const table child = table_of(spawn_report(actions));
	umask(mask);
	table expected = inherited_table();
	expected[50] = dir.path + "/made";
	CHECK(difference(child, expected) == "");
	struct stat st;
	REQUIRE(stat((dir.path + "/made").c_str(), &st) == 0);
	CHECK((st.st_mode & 07777) == 0640);
}

SPAWNX_TEST(
	"addopenat: AT_FDCWD is where chdir went; an absolute path needs no directory")
{
	const directory dir;
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addchdir(actions, dir.path.c_str())) == 0);
	REQUIRE(add(actions, 50, AT_FDCWD, "made", made, 0600) == 0);
	/* As openat(2): the directory is not looked at, open or not. */
	REQUIRE(add(actions, 51, 99, "/dev/null") == 0);
	REQUIRE(add(actions, 52, dir.fd, "/dev/zero") == 0);
	const table child = table_of(spawn_report(actions));
	CHECK(child.at(50) == dir.path + "/made");
	CHECK(child.at(51) == "/dev/null");
	CHECK(child.at(52) == "/dev/zero");
}

SPAWNX_TEST("addopenat onto the directory itself: it is needed until the file is open")
{
	const directory dir;
	file_actions actions;
	REQUIRE(add(actions, dir.fd, dir.fd, "made", made, 0600) == 0);
	table expected = inherited_table();
	expected[dir.fd] = dir.path + "/made";
	CHECK(difference(table_of(spawn_report(actions)), expected) == "");
	file_actions closing;
	REQUIRE(add(closing, dir.fd, dir.fd, "made", O_RDONLY | O_CLOEXEC) == 0);
	CHECK(difference(table_of(spawn_report(closing)), inherited_table()) == "");
}

SPAWNX_TEST("addopenat and addinherit_np: what close-by-default leaves")
{
	const directory dir;
	const opened kept(50), inherited(51, 0), other(52, 0);
	const table ours = our_table();
	attributes attr;
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_CLOEXEC_DEFAULT)) == 0);
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addinherit_np(actions, 50)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addinherit_np(actions, 51)) == 0);
	REQUIRE(add(actions, 53, dir.fd, "made", made, 0600) == 0);
	table expected = {{50, ours.at(50)}, {51, ours.at(51)}, {53, dir.path + "/made"}};
	CHECK(difference(table_of(spawn_report(actions, attr)), expected) == "");
	/* Ours keep what they have. */
	CHECK(fcntl(50, F_GETFD) == FD_CLOEXEC);
	CHECK(fcntl(51, F_GETFD) == 0);

	file_actions only;
	REQUIRE(CALL(spawnx_file_actions_addinherit_np(only, 50)) == 0);
	expected = inherited_table();
	expected[50] = ours.at(50);
	CHECK(difference(table_of(spawn_report(only)), expected) == "");
}

SPAWNX_TEST("addinherit_np keeps what is there at its turn, not what comes after")
{
	const opened a(50), b(51);
	const table ours = our_table();
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_adddup2(actions, 51, 50)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addinherit_np(actions, 50)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addinherit_np(actions, 51)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addclose(actions, 51)) == 0);
	table expected = inherited_table();
	expected[50] = ours.at(51);
	CHECK(difference(table_of(spawn_report(actions)), expected) == "");
	REQUIRE(CALL(spawnx_file_actions_addinherit_np(actions, 51)) == 0);
	const spawnx_failure f = must_fail(EBADF, SPAWNX_STAGE_ACTION, actions);
	CHECK(f.index == 4);
	CHECK(f.fd == 51);
	CHECK(in_words(f) == "file action 4: inherit fd 51: Bad file descriptor");
}

SPAWNX_TEST("file actions run in the order in which they were added, maps among them")
{
	const directory dir;
	const opened a(50), b(51);
	const table ours = our_table();
	file_actions actions;
	const int src[] = {60, 50, 51}, dst[] = {50, 51, 52};
	REQUIRE(CALL(spawnx_file_actions_addmapfds(actions, 3, src, dst)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addclose(actions, 60)) == 0);
	REQUIRE(add(actions, 60, 50, "made", made, 0600) == 0); /* 50 is the directory */
	REQUIRE(CALL(spawnx_file_actions_addfchdir(actions, 50)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addclosefrom_np(actions, 53)) == 0);
	REQUIRE(add(actions, 53, AT_FDCWD, "made") == 0);
	REQUIRE(CALL(spawnx_file_actions_addclose(actions, 50)) == 0);
	const report r = spawn_report(actions);
	const table child = table_of(r);
	CHECK(r.at("cwd") == dir.path);
	CHECK(child.count(50) == 0);
	CHECK(child.at(51) == ours.at(50));
	CHECK(child.at(52) == ours.at(51));
	CHECK(child.at(53) == dir.path + "/made");
	CHECK(child.rbegin()->first == 53);
}

SPAWNX_TEST("addopenat and addinherit_np: what is refused when added")
{
	file_actions actions;
	spawnx_file_actions_t none = nullptr;
	const int huge = 1 << 30;
	for (const int bad : {-1, -2, huge}) {
		CHECK(CALL(spawnx_file_actions_addinherit_np(actions, bad)) == EBADF);
		CHECK(add(actions, bad, AT_FDCWD, "x") == EBADF);
		CHECK(add(actions, 5, bad, "x") == EBADF);
	}
	CHECK(add(actions, AT_FDCWD, AT_FDCWD, "x") == EBADF);
	CHECK(add(actions, 5, AT_FDCWD, nullptr) == EINVAL);
	CHECK(CALL(spawnx_file_actions_addopenat(nullptr, 5, 6, "x", 0, 0)) == EINVAL);
	CHECK(CALL(spawnx_file_actions_addopenat(&none, 5, 6, "x", 0, 0)) == EINVAL);
	CHECK(CALL(spawnx_file_actions_addinherit_np(nullptr, 5)) == EINVAL);
	CHECK(CALL(spawnx_file_actions_addinherit_np(&none, 5)) == EINVAL);
	CHECK(difference(table_of(spawn_report(actions)), inherited_table()) == "");
}

SPAWNX_TEST("addopenat: a refusal names the file, its descriptor and the action")
{
	const directory dir;
	const opened file(50);
	const struct {
		int dirfd;
		const char *path;
		int flags, error;
		const char *words;
	} cases[] = {
		{60, "none", O_RDONLY, ENOENT, "No such file or directory"},
		{99, "none", O_RDONLY, EBADF, "Bad file descriptor"},
		{50, "none", O_RDONLY, ENOTDIR, "Not a directory"},
		{60, ".", O_WRONLY, EISDIR, "Is a directory"},
		{60, "", O_RDONLY, ENOENT, "No such file or directory"},
		{60, "/nonexistent", O_RDONLY, ENOENT, "No such file or directory"},
	};
	for (const auto &c : cases) {
		INFO(c.path << " in " << c.dirfd);
		file_actions actions;
		REQUIRE(CALL(spawnx_file_actions_addclose(actions, 98)) == 0);
		REQUIRE(add(actions, 55, c.dirfd, c.path, c.flags) == 0);
		const spawnx_failure f = must_fail(c.error, SPAWNX_STAGE_ACTION, actions);
		CHECK(f.index == 1);
		CHECK(f.fd == 55);
		CHECK(std::string(f.text) == c.path);
		CHECK(in_words(f) ==
			"file action 1: open \"" + std::string(c.path) +
				"\" for fd 55: " + c.words);
	}
}
