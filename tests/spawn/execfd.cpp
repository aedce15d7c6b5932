/* SPDX-License-Identifier: MIT */
/* The program is what a descriptor has open, after the file actions. */
#include "failing.hpp"

#include <machine.hpp>

#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace failing;

namespace
{

/* The number the program is at: far from what the tests' runner has open. */
constexpr int number = 40;

/* A file open at that number, close-on-exec or inherited. */
struct opened {
	explicit opened(const std::string &path, int flags = O_RDONLY | O_CLOEXEC)
	{
		take(open(path.c_str(), flags), flags);
	}
	opened(int fd, int flags)
	{
		take(fd, flags);
	}
	~opened()
	{
		close(number);
	}
	opened(const opened &) = delete;
	opened &operator=(const opened &) = delete;

private:
	static void take(int fd, int flags)
	{
		REQUIRE(fd >= 0);
		REQUIRE(dup3(fd, number, flags & O_CLOEXEC) == number);
		close(fd);
	}
};

/* A spawn of what is at that number. */
struct by_descriptor {
	attributes attr;
	file_actions actions;
	const char *path = nullptr;

	by_descriptor()
	{
		REQUIRE(CALL(spawnxattr_setexecfd(attr, number)) == 0);
	}

	/* The program is report. */
	report run()
	{
		const scratch to;
		const strings argv({"any name", to.path, "last"}), envp({"A=1"});
		pid_t pid = -1;
		REQUIRE(CALL(spawnx(&pid, path, actions, attr, argv, envp)) == 0);
		REQUIRE(wait_pid(pid) == 0);
		report r = parse_report(to.path);
		CHECK(r.at("pid") == std::to_string(pid));
		CHECK(r.at("argv.0") == "any name");
		CHECK(r.at("argc") == "3");
		CHECK(r.at("env.0") == "A=1");
		return r;
	}

	std::string words(int error)
	{
		const strings argv({"x"}), envp({});
		spawnx_failure f = {};
		f.size = sizeof(f);
		CHECK(CALL(spawnx_start(nullptr, &f, SPAWNX_SEARCH_PATH, path, actions,
			      attr, argv, envp)) == error);
		CHECK(f.error == error);
		CHECK(f.stage == SPAWNX_STAGE_EXEC);
		CHECK(f.index == -1);
		CHECK(f.fd == number);
		CHECK(std::string(f.text) == (path ? path : ""));
		return in_words(f);
	}
};

bool has(const report &r, int fd)
{
	return r.count("fd." + std::to_string(fd)) == 1;
}

int descriptors(const report &r)
{
	int n = 0;
	for (const auto &[key, value] : r)
		n += key.compare(0, 3, "fd.") == 0;
	return n;
}

/* report as a script's interpreter; "#!" has no place for a path with blanks. */
struct script_of_report {
	directory here;
	scratch to;
	std::string path;

	script_of_report()
	{
		const std::string link = here.path + "/report";
		REQUIRE(symlink(helper("report").c_str(), link.c_str()) == 0);
		path = here.file("script", text());
	}
	std::string text() const
	{
		return "#!" + here.path + "/report " + to.path + "\n";
	}
	report run(by_descriptor &by)
	{
		const strings argv({"any name", "first", "last"}), envp({});
		pid_t pid = -1;
		REQUIRE(CALL(spawnx(&pid, by.path, by.actions, by.attr, argv, envp)) ==
			0);
		REQUIRE(wait_pid(pid) == 0);
		report r = parse_report(to.path);
		CHECK(r.at("argv.2") == "/dev/fd/" + std::to_string(number));
		CHECK(r.at("argv.3") == "first");
		CHECK(r.at("argv.4") == "last");
		return r;
	}
};

int memory_file(const std::string &content)
{
	const int fd = memfd_create("spawnx-test", MFD_CLOEXEC);
	REQUIRE(write(fd, content.data(), content.size()) ==
		static_cast<ssize_t>(content.size()));
	return fd;
}

std::string content_of(const std::string &path)
{
	std::ifstream in(path, std::ios::binary);
	return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

} // namespace

SPAWNX_TEST("execfd: what can be a descriptor is remembered, the rest is EBADF")
{
	rlimit before;
	REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
	attributes attr;
	int fd = -7;
	CHECK(CALL(spawnxattr_getexecfd(attr, &fd)) == ENOENT);
	rlimit lower = before;
	lower.rlim_cur = 50;
	REQUIRE(setrlimit(RLIMIT_NOFILE, &lower) == 0);
	for (const int bad : {-1, INT_MIN, 50, 51, INT_MAX})
		CHECK(CALL(spawnxattr_setexecfd(attr, bad)) == EBADF);
	CHECK(CALL(spawnxattr_getexecfd(attr, &fd)) == ENOENT);
	CHECK(fd == -7);
	for (const int good : {0, 49, 3}) {
		CHECK(CALL(spawnxattr_setexecfd(attr, good)) == 0);
		CHECK(CALL(spawnxattr_setexecfd(attr, -1)) == EBADF);
		CHECK(CALL(spawnxattr_getexecfd(attr, &fd)) == 0);
		CHECK(fd == good);
	}
	REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
	CHECK(CALL(spawnxattr_getexecfd(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_setexecfd(nullptr, 3)) == EINVAL);
	CHECK(CALL(spawnxattr_getexecfd(nullptr, &fd)) == EINVAL);
	spawnxattr_t none = nullptr;
	CHECK(CALL(spawnxattr_setexecfd(&none, 3)) == EINVAL);
	CHECK(CALL(spawnxattr_getexecfd(&none, &fd)) == EINVAL);
}

SPAWNX_TEST("execfd: every call runs it, whatever the path; without it NULL is EINVAL")
{
	const opened program(helper("idle"));
	const strings argv({"idle", "exit:6"}), envp({"PATH=/nonexistent"});
	for (const char *path : {static_cast<const char *>(nullptr), "", "nonexistent",
		     "/nonexistent/x", "/"}) {
		INFO((path ? path : "NULL"));
		attributes attr;
		REQUIRE(CALL(spawnxattr_setexecfd(attr, number)) == 0);
		pid_t pid = -1;
		REQUIRE(CALL(spawnx(&pid, path, nullptr, attr, argv, envp)) == 0);
		CHECK(wait_pid(pid) == 0x600);
		REQUIRE(CALL(spawnxp(&pid, path, nullptr, attr, argv, envp)) == 0);
		CHECK(wait_pid(pid) == 0x600);
		int pidfd = -1;
		REQUIRE(CALL(pidfd_spawnx(&pidfd, path, nullptr, attr, argv, envp)) == 0);
		CHECK(wait_pid(pid_of(pidfd)) == 0x600);
		close(pidfd);
		REQUIRE(CALL(pidfd_spawnxp(&pidfd, path, nullptr, attr, argv, envp)) ==
			0);
		CHECK(wait_pid(pid_of(pidfd)) == 0x600);
		close(pidfd);
		for (const unsigned how : {0u, SPAWNX_SEARCH_PATH, SPAWNX_SEARCH_ENVP}) {
			spawnx_child child = {};
			child.size = sizeof(child);
			REQUIRE(CALL(spawnx_start(&child, nullptr, how, path, nullptr,
					attr, argv, envp)) == 0);
			close(child.pidfd);
			CHECK(wait_pid(child.pid) == 0x600);
		}
	}
	attributes attr; /* an attributes object alone is not enough */
	pid_t pid = -7;
	int pidfd = -7;
	CHECK(CALL(spawnx(&pid, nullptr, nullptr, attr, argv, envp)) == EINVAL);
	CHECK(in_words(last_failure()) == "argument: path is NULL: Invalid argument");
	CHECK(CALL(spawnxp(&pid, nullptr, nullptr, attr, argv, envp)) == EINVAL);
	CHECK(CALL(pidfd_spawnx(&pidfd, nullptr, nullptr, attr, argv, envp)) == EINVAL);
	CHECK(CALL(spawnx_start(nullptr, nullptr, SPAWNX_SEARCH_ENVP, nullptr, nullptr,
		      attr, argv, envp)) == EINVAL);
	CHECK(pid == -7);
	CHECK(pidfd == -7);
}

SPAWNX_TEST("execfd: a program inherits the descriptor unless it is close-on-exec")
{
	const std::string name = std::to_string(number);
	for (const int flags : {O_RDONLY | O_CLOEXEC, O_RDONLY, O_PATH | O_CLOEXEC}) {
		const opened program(helper("report"), flags);
		by_descriptor by;
		const report r = by.run();
		CHECK(has(r, number) == !(flags & O_CLOEXEC));
		/* Without a change of Linux 6.14 it is called after the number. */
		CHECK((r.at("Name") == "report" || r.at("Name") == name));
	}
	const opened program(memory_file(content_of(helper("report"))), O_CLOEXEC);
	by_descriptor by;
	const report r = by.run();
	CHECK_FALSE(has(r, number));
	CHECK((r.at("Name") == "memfd:spawnx-te" || r.at("Name") == name));
}

SPAWNX_TEST("execfd: a script's interpreter finds it as /dev/fd/N, close-on-exec or not")
{
	script_of_report script;
	for (const int flags : {O_RDONLY | O_CLOEXEC, O_RDONLY, O_PATH | O_CLOEXEC}) {
		const opened program(script.path, flags);
		by_descriptor by;
		const report r = script.run(by);
		CHECK(r.at("fd." + std::to_string(number)) == script.path);
		CHECK(fcntl(number, F_GETFD) == (flags & O_CLOEXEC ? FD_CLOEXEC : 0));
	}
	const opened program(memory_file(script.text()), O_CLOEXEC);
	by_descriptor by;
	CHECK(has(script.run(by), number));
}

SPAWNX_TEST("execfd: close-by-default closes it, but not in front of an interpreter")
{
	script_of_report script;
	for (const int flags : {O_RDONLY | O_CLOEXEC, O_RDONLY}) {
		by_descriptor by;
		REQUIRE(CALL(spawnxattr_setflags(by.attr, SPAWNX_CLOEXEC_DEFAULT)) == 0);
		{
			const opened program(helper("report"), flags);
			const report r = by.run();
			CHECK(descriptors(r) == 0);
		}
		const opened program(script.path, flags);
		const report r = script.run(by);
		CHECK(descriptors(r) == 1);
		CHECK(r.at("fd." + std::to_string(number)) == script.path);
	}
}

SPAWNX_TEST("execfd: the file actions come first, and may close, replace or make it")
{
	const std::string bad =
		"exec fd " + std::to_string(number) + ": Bad file descriptor";
	const opened idle(helper("idle"));
	{
		by_descriptor by;
		REQUIRE(CALL(spawnx_file_actions_addclose(by.actions, number)) == 0);
		CHECK(by.words(EBADF) == bad);
	}
	{
		by_descriptor by;
		REQUIRE(CALL(spawnx_file_actions_addclosefrom_np(by.actions, number)) ==
			0);
		CHECK(by.words(EBADF) == bad);
		by.path = "/some/name";
		CHECK(by.words(EBADF) == bad);
	}
	for (const int flags : {O_RDONLY, O_RDONLY | O_CLOEXEC}) {
		by_descriptor by;
		const std::string path = helper("report");
		REQUIRE(CALL(spawnx_file_actions_addopen(
				by.actions, number, path.c_str(), flags, 0)) == 0);
		CHECK(has(by.run(), number) == !(flags & O_CLOEXEC));
	}
	by_descriptor by;
	const int other = open(helper("report").c_str(), O_RDONLY | O_CLOEXEC);
	REQUIRE(CALL(spawnx_file_actions_adddup2(by.actions, other, number)) == 0);
	REQUIRE(CALL(spawnx_file_actions_addclose(by.actions, other)) == 0);
	CHECK(has(by.run(), number));
	close(other);
}

SPAWNX_TEST("execfd: what cannot be run says so, with the descriptor")
{
	const directory here;
	const std::string start = "exec fd " + std::to_string(number) + ": ";
	by_descriptor by;
	CHECK(by.words(EBADF) == start + "Bad file descriptor");
	by.path = "/a/name/for/it";
	CHECK(by.words(EBADF) == start + "Bad file descriptor");

	const std::string script = here.file("script", "#!/nonexistent/i -x\n");
	const std::string closed = here.file("closed", "#!/nonexistent/i\n", 0644);
	const std::string unknown = here.file("unknown", "neither");
	const std::string part = "the program exists, its interpreter ";
	const struct {
		const char *path;
		int flags, error;
		std::string words;
	} rows[] = {
		{here.path.c_str(), O_RDONLY, EACCES, "Permission denied"},
		{here.path.c_str(), O_PATH, EACCES, "Permission denied"},
		{"/dev/null", O_RDONLY, EACCES, "Permission denied"},
		{closed.c_str(), O_RDONLY, EACCES, "Permission denied"},
		{script.c_str(), O_WRONLY, ETXTBSY, "Text file busy"},
		{unknown.c_str(), O_RDONLY, ENOEXEC, "Exec format error"},
		{script.c_str(), O_RDONLY, ENOENT,
			part + "\"/nonexistent/i\" does not: " + not_there},
		/* It cannot be read, so the name is not known; or it is opened again. */
		{script.c_str(), O_PATH, ENOENT, part},
	};
	for (const auto &row : rows) {
		for (const int cloexec : {O_CLOEXEC, 0}) {
			INFO(row.path << " opened with " << row.flags);
			const opened file(row.path, row.flags | cloexec);
			const std::string said = by.words(row.error);
			if (row.flags != O_PATH || row.error != ENOENT)
				CHECK(said == start + row.words);
			else
				CHECK((said == start + part + "does not: " + not_there ||
					said ==
						start + part +
							"\"/nonexistent/i\" does not: " +
							not_there));
		}
	}
}

SPAWNX_TEST("execfd: attributes and actions may go as soon as the call has returned")
{
	const opened program(helper("idle"));
	const strings argv({"idle", "ms:50", "exit:3"}), envp({});
	pid_t pid = -1;
	{
		by_descriptor by;
		REQUIRE(CALL(spawnxattr_setlistenfds(by.attr, 0)) == 0);
		REQUIRE(CALL(spawnx_file_actions_addchdir(by.actions, "/")) == 0);
		REQUIRE(CALL(spawnx(&pid, nullptr, by.actions, by.attr, argv, envp)) ==
			0);
	}
	CHECK(wait_pid(pid) == 0x300);
}
