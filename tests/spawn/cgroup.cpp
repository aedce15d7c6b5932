/* SPDX-License-Identifier: MIT */
/* Children in cgroups: born there or, weaker, moved there; refusals told apart. */
#include "refusal.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/file.h>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

using namespace support;

namespace
{

/* A cgroup of the test's own. */
struct cgroup {
	explicit cgroup(
		const std::string &in = cgroup_root(), const std::string &as = "case")
	    : path(in + "/spawnx-" + as + "-" + std::to_string(getpid()))
	{
		REQUIRE(mkdir(path.c_str(), 0755) == 0);
		fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		REQUIRE(fd >= 0);
	}
	~cgroup()
	{
		close(fd);
		CHECK(rmdir(path.c_str()) == 0); /* nobody is left in it */
	}
	cgroup(const cgroup &) = delete;
	cgroup &operator=(const cgroup &) = delete;

	/* As the child reads it in its /proc/self/cgroup. */
	std::string name() const
	{
		return path.substr(cgroup_root().size());
	}

	const std::string path;
	int fd = -1;
};

bool write_to(const std::string &path, const std::string &text)
{
	const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
	const ssize_t n = write(fd, text.data(), text.size());
	close(fd);
	return n == static_cast<ssize_t>(text.size());
}

void ask_for(attributes &attr, int fd)
{
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETCGROUP)) == 0);
	REQUIRE(CALL(spawnxattr_setcgroup_np(attr, fd)) == 0);
	/* Which the kernel has no use for where it can do better. */
	REQUIRE(CALL(spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER)) == 0);
}

/* The refusal of a cgroup, however the child was to get there. */
void check_refused(int fd, int error, const std::string &why)
{
	attributes attr;
	ask_for(attr, fd);
	const spawnx_failure f = must_fail(error, SPAWNX_STAGE_CLONE, nullptr, attr);
	CHECK(f.index == SPAWNX_FEATURE_INTO_CGROUP);
	CHECK(f.fd == fd);
	CHECK(std::string(f.text) == "into_cgroup");
	CHECK(in_words(f) == "clone3 into the cgroup of fd " + std::to_string(fd) + why);
}

} // namespace

SPAWNX_TEST("fallback is exact until asked to be weaker; no other value")
{
	attributes attr;
	spawnxattr_t none = nullptr;
	int got = -1;
	REQUIRE(CALL(spawnxattr_getfallback(attr, &got)) == 0);
	CHECK(got == SPAWNX_FALLBACK_EXACT);
	for (const int value : {SPAWNX_FALLBACK_WEAKER, SPAWNX_FALLBACK_EXACT}) {
		REQUIRE(CALL(spawnxattr_setfallback(attr, value)) == 0);
		REQUIRE(CALL(spawnxattr_getfallback(attr, &got)) == 0);
		CHECK(got == value);
	}
	REQUIRE(CALL(spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER)) == 0);
	for (const int bad : {-1, 2})
		CHECK(CALL(spawnxattr_setfallback(attr, bad)) == EINVAL);
	CHECK(CALL(spawnxattr_setfallback(nullptr, 0)) == EINVAL);
	CHECK(CALL(spawnxattr_setfallback(&none, 0)) == EINVAL);
	CHECK(CALL(spawnxattr_getfallback(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_getfallback(nullptr, &got)) == EINVAL);
	CHECK(CALL(spawnxattr_getfallback(&none, &got)) == EINVAL);
	REQUIRE(CALL(spawnxattr_getfallback(attr, &got)) == 0);
	CHECK(got == SPAWNX_FALLBACK_WEAKER);
}

SPAWNX_TEST("with the weaker fallback a child is in its cgroup, one way or the other",
	"[cgroup]")
{
	const cgroup c;
	attributes attr;
	ask_for(attr, c.fd);
	CHECK(spawn_report(nullptr, attr).at("cgroup") == c.name());
	/* Only the child. */
	CHECK(spawn_report().at("cgroup") != c.name());

	spawnx_child child = {};
	child.size = sizeof(child);
	const strings argv({"idle", "exit:0"}), envp({});
	REQUIRE(CALL(spawnx_start(&child, nullptr, 0, helper("idle").c_str(), nullptr,
			attr, argv, envp)) == 0);
	const auto wanted = UINT64_C(1) << SPAWNX_FEATURE_INTO_CGROUP;
	const bool native = should_have("into_cgroup") == oracle::has;
	CHECK((child.native & wanted) == (native ? wanted : 0));
	CHECK((child.emulated & wanted) == (native ? 0 : wanted));
	close(child.pidfd);
	CHECK(wait_pid(child.pid) == 0);
}

SPAWNX_TEST("a descriptor that is no cgroup's is refused by number, also the weaker way")
{
	const bool native = should_have("into_cgroup") == oracle::has;
	const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check_refused(99, EBADF, ": Bad file descriptor");
	check_refused(null, native ? EBADF : ENOTDIR,
		native ? ": Bad file descriptor" : ": Not a directory");
	check_refused(proc, native ? EBADF : ENOENT,
		native ? ": Bad file descriptor" : ": No such file or directory");
	close(null);
	close(proc);
}

SPAWNX_TEST(
	"a threaded cgroup takes a child; what is no longer a domain beside or below it "
	"does not, and the failure says so",
	"[cgroup]")
{
	const cgroup outer;
	{
		const cgroup threaded(outer.path, "threaded"),
			beside(outer.path, "beside");
		REQUIRE(write_to(threaded.path + "/cgroup.type", "threaded"));
		const cgroup below(threaded.path, "below");
		attributes attr;
		ask_for(attr, threaded.fd);
		CHECK(spawn_report(nullptr, attr).at("cgroup") == threaded.name());
		for (const cgroup *c : {&beside, &below})
			check_refused(c->fd, EOPNOTSUPP,
				": its type is \"domain invalid\", as there are threaded "
				"cgroups beside or above it: Operation not supported");
	}
}

SPAWNX_TEST("a cgroup that shares its controllers out takes no process, and the failure "
	    "says so",
	"[cgroup][controllers]")
{
	const std::string root = cgroup_root();
	const std::string controller = domain_controller();
	/* The root is everybody's: other runs of this test wait for their turn. */
	const int turn = open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	REQUIRE(turn >= 0);
	REQUIRE(flock(turn, LOCK_EX) == 0);
	std::string given;
	std::getline(std::ifstream(root + "/cgroup.subtree_control"), given);
	const bool ours = (" " + given + " ").find(" " + controller + " ") == given.npos;
	if (ours)
		REQUIRE(write_to(root + "/cgroup.subtree_control", "+" + controller));
	{
		const cgroup busy;
		REQUIRE(write_to(
			busy.path + "/cgroup.subtree_control", "+" + controller));
		check_refused(busy.fd, EBUSY,
			": it has controllers for the cgroups below it, and so takes no "
			"process: Device or resource busy");
	}
	if (ours)
		CHECK(write_to(root + "/cgroup.subtree_control", "-" + controller));
	close(turn);
}

SPAWNX_TEST("a cgroup that is not ours to write is EACCES, and the failure says so",
	"[user][cgroup2]")
{
	const int root = open(cgroup_root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	REQUIRE(root >= 0);
	check_refused(root, EACCES,
		": its cgroup.procs, or that of a common ancestor, is not ours to write: "
		"Permission denied");
	close(root);
}
