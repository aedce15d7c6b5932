/* SPDX-License-Identifier: MIT */
/*
 * Why exec failed. ENOENT has three faces: the program is not there, a directory before it
 * is not, or the interpreter that it names is not (interpreter.cpp). The child tells them
 * apart, after the file actions; each sentence is compared as a whole.
 */
#include "failing.hpp"

#include <machine.hpp>

#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace failing;

SPAWNX_TEST("no such program, or what before it is no directory")
{
	const directory here;
	const std::string file = here.file("file", ""),
			  dangling = here.path + "/dangling";
	REQUIRE(symlink("/nonexistent", dangling.c_str()) == 0);
	REQUIRE(symlink(here.path.c_str(), (here.path + "/link").c_str()) == 0);

	for (const std::string &path : {std::string("/nonexistent"), here.path + "/x",
		     here.path + "/link/x", here.path + "/link/../x", dangling,
		     std::string("nonexistent"), std::string()})
		CHECK(words(path, ENOENT) ==
			exec_of(path) + "no such program: " + not_there);

	const struct {
		std::string first, rest;
		int error;
	} rows[] = {
		{"/nonexistent", "/x", ENOENT},
		{"/nonexistent", "/a/b/x", ENOENT},
		{"//nonexistent", "//x", ENOENT},
		{here.path + "/a", "/x", ENOENT},
		{here.path + "/link/./a", "/../x", ENOENT},
		{dangling, "/x", ENOENT},
		{"nonexistent", "/x", ENOENT},
		{"./nonexistent", "/a/x", ENOENT},
		{"/nonexistent", "/", ENOENT},
		{file, "/x", ENOTDIR},
		{file, "/", ENOTDIR},
		{here.path + "/link/file", "/x/y", ENOTDIR},
	};
	for (const auto &row : rows) {
		const std::string path = row.first + row.rest;
		CHECK(words(path, row.error) ==
			exec_of(path) + quoted(row.first) + " is no directory: " +
				(row.error == ENOENT ? not_there : "Not a directory"));
	}
}

SPAWNX_TEST("along PATH: found, but its interpreter is not; or not found at all")
{
	const directory here, there;
	const std::string script = there.file("prog", "#!/nonexistent/i\n");
	attempt a;
	a.how = SPAWNX_SEARCH_ENVP;
	for (const std::string &list : {there.path, here.path + ":" + there.path,
		     there.path + ":" + here.path + ":/nonexistent",
		     "/nonexistent::" + there.path + ":" + there.path}) {
		INFO(list);
		a.search = list;
		CHECK(a.words("prog", ENOENT) == lacks(script, "/nonexistent/i"));
		CHECK(a.failure.text == script);
		CHECK(a.words("other", ENOENT) ==
			exec_of("other") + "not found in PATH: " + not_there);
		CHECK(std::string(a.failure.text) == "other");
	}
	for (const std::string list : {"", "/nonexistent", ":"}) {
		INFO(list);
		a.search = list;
		CHECK(a.words("prog", ENOENT) ==
			exec_of("prog") + "not found in PATH: " + not_there);
	}
	a.search = there.path + ":" + script;
	CHECK(a.words("other", ENOTDIR) ==
		exec_of("other") + "not found in PATH: Not a directory");
	/* Elements that are no path at all leave none to try. */
	a.search = std::string(PATH_MAX, 'x');
	CHECK(a.words("prog", ENOENT) ==
		exec_of("prog") + "not found in PATH: " + not_there);
	CHECK(a.words(std::string(NAME_MAX + 1, 'n'), ENAMETOOLONG) ==
		exec_of(std::string(231, 'n')) + "File name too long");
	/* With a slash nothing is searched, and nothing is said of PATH. */
	a.search = there.path;
	CHECK(a.words("./prog", ENOENT) ==
		exec_of("./prog") + "no such program: " + not_there);
	CHECK(a.words("", ENOENT) == exec_of("") + "no such program: " + not_there);
}

SPAWNX_TEST(
	"along PATH: a program after the one without interpreter runs, as with execvp")
{
	const directory here;
	here.file("idle", "#!/nonexistent/i\n");
	const std::string idle = helper("idle");
	const strings argv({"idle", "exit:0"}),
		envp({"PATH=" + here.path + ":" + idle.substr(0, idle.rfind('/'))});
	spawnx_child child = {};
	child.size = sizeof(child);
	REQUIRE(CALL(spawnx_start(&child, nullptr, SPAWNX_SEARCH_ENVP, "idle", nullptr,
			nullptr, argv, envp)) == 0);
	close(child.pidfd);
	CHECK(wait_pid(child.pid) == 0);
}

SPAWNX_TEST("after a chdir action the truth is the child's, not the parent's")
{
	const directory ours, theirs;
	const std::string idle = helper("idle");
	/* Where we are, there is a program, an interpreter, a directory. */
	for (const char *name : {"program", "interpreter"})
		REQUIRE(symlink(idle.c_str(), (ours.path + "/" + name).c_str()) == 0);
	REQUIRE(mkdir((ours.path + "/sub").c_str(), 0700) == 0);
	ours.file("script", "#!./interpreter\n");
	theirs.file("script", "#!./interpreter\n");
	theirs.file("other", "#!./sub/interpreter\n");

	const int before = open(".", O_PATH | O_CLOEXEC);
	REQUIRE(chdir(ours.path.c_str()) == 0);
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addchdir(actions, theirs.path.c_str())) == 0);
	attempt a;
	a.actions = actions;
	CHECK(a.words("./program", ENOENT) ==
		exec_of("./program") + "no such program: " + not_there);
	CHECK(a.words("sub/program", ENOENT) ==
		exec_of("sub/program") + "\"sub\" is no directory: " + not_there);
	CHECK(a.words("./script", ENOENT) == lacks("./script", "./interpreter"));
	CHECK(a.words("other", ENOENT) == lacks("other", "./sub/interpreter"));
	a.how = SPAWNX_SEARCH_ENVP;
	for (const char *list : {"", ".", "./"}) {
		a.search = list;
		const std::string found =
			(*list ? list + std::string("/") : "") + "script";
		CHECK(a.words("script", ENOENT) == lacks(found, "./interpreter"));
		CHECK(a.words("program", ENOENT) ==
			exec_of("program") + "not found in PATH: " + not_there);
	}
	REQUIRE(fchdir(before) == 0);
	close(before);
}

SPAWNX_TEST("long paths: cut at 231 bytes, and still nothing is said that is not so")
{
	const directory here;
	std::string deep = here.path;
	while (deep.size() < 240)
		REQUIRE(mkdir((deep += "/" + std::string(40, 'd')).c_str(), 0700) == 0);
	for (std::size_t length = 225; length <= 235; length++) {
		INFO(length << " bytes");
		/* The name of nothing, the last part of the path or the one before. */
		std::string path = here.path + "/";
		path.resize(length, 'p');
		const std::string cut = path.substr(0, 231);
		CHECK(words(path, ENOENT) ==
			exec_of(cut) + "no such program: " + not_there);
		const std::string first = here.path + "/none", rest(length, 'p');
		path = (first + "/" + rest).substr(0, length);
		const std::string said = words(path, ENOENT);
		CHECK(said.find("\"\"") == std::string::npos);
		CHECK((said ==
				exec_of(path.substr(0, 231)) + quoted(first) +
					" is no directory: " + not_there ||
			said ==
				exec_of(path.substr(0, 231)) +
					"a directory before it is missing: " +
					not_there));
	}
	const std::string script = deep + "/script";
	std::ofstream(script) << "#!/nonexistent/i\n";
	REQUIRE(chmod(script.c_str(), 0755) == 0);
	CHECK(words(script, ENOENT) == lacks_some(script.substr(0, 231)));
	const std::string too_long(PATH_MAX, 'x');
	CHECK(words(too_long, ENAMETOOLONG) ==
		exec_of(too_long.substr(0, 231)) + "File name too long");
}

SPAWNX_TEST("exec's other errors: the number and the path, and no guess")
{
	const directory here;
	const std::string fifo = here.path + "/fifo", loop = here.path + "/loop";
	REQUIRE(mkfifo(fifo.c_str(), 0755) == 0); /* to open it would be to wait */
	REQUIRE(symlink("loop", loop.c_str()) == 0);
	const std::string busy = here.file("busy", "#!/nonexistent/i\n");
	const int writing = open(busy.c_str(), O_WRONLY | O_CLOEXEC);
	const std::string too_long = std::string(NAME_MAX + 1, 'x');
	const struct {
		std::string path;
		int error;
		const char *text;
	} rows[] = {
		{here.file("closed", "#!/nonexistent/i\n", 0644), EACCES,
			"Permission denied"},
		{here.path, EACCES, "Permission denied"},
		{fifo, EACCES, "Permission denied"},
		{"/dev/null", EACCES, "Permission denied"},
		{here.file("unknown", "neither"), ENOEXEC, "Exec format error"},
		{here.file("by-fifo", "#!" + fifo + "\n"), EACCES, "Permission denied"},
		{loop, ELOOP, "Too many levels of symbolic links"},
		{loop + "/x", ELOOP, "Too many levels of symbolic links"},
		{busy, ETXTBSY, "Text file busy"},
		{here.path + "/" + too_long, ENAMETOOLONG, "File name too long"},
	};
	for (const auto &row : rows) {
		attempt a;
		CHECK(a.words(row.path, row.error) ==
			exec_of(row.path.substr(0, 231)) + row.text);
		CHECK(a.failure.text == row.path.substr(0, 231));
	}
	close(writing);
	/* What is found first and denied is the error, and the one that is named. */
	attempt a;
	a.how = SPAWNX_SEARCH_ENVP;
	a.search = here.path + ":/nonexistent";
	for (const std::string name : {"closed", "fifo"})
		CHECK(a.words(name, EACCES) ==
			exec_of(here.path + "/" + name) + "Permission denied");
}

SPAWNX_TEST("a full descriptor table, with no room to look: still nothing that is not so")
{
	const directory here;
	const std::string script = here.file("script", "#!/nonexistent/i\n");
	std::vector<int> filler;
	for (int fd; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;)
		filler.push_back(fd);
	const strings argv({"x"}), envp({});
	std::vector<spawnx_failure> failures;
	for (const std::string &path :
		{std::string("/nonexistent"), std::string("/nonexistent/x"), script}) {
		(void)spawnx(nullptr, path.c_str(), nullptr, nullptr, argv, envp);
		failures.push_back(last_failure());
	}
	for (const int fd : filler)
		close(fd);
	const std::string nothing = exec_of("/nonexistent"),
			  below = exec_of("/nonexistent/x"), plain = exec_of(script);
	CAPTURE(in_words(failures[0]), in_words(failures[1]), in_words(failures[2]));
	CHECK((in_words(failures[0]) == nothing + not_there ||
		in_words(failures[0]) == nothing + "no such program: " + not_there));
	CHECK((in_words(failures[1]) == below + not_there ||
		in_words(failures[1]) == below + "no such program: " + not_there ||
		in_words(failures[1]) ==
			below + "\"/nonexistent\" is no directory: " + not_there));
	CHECK((in_words(failures[2]) == plain + not_there ||
		in_words(failures[2]) == lacks_some(script) ||
		in_words(failures[2]) == lacks(script, "/nonexistent/i")));
}

SPAWNX_TEST("autoreap: the three faces, too", "[has:autoreap]")
{
	const directory here;
	attributes attr;
	REQUIRE(CALL(spawnxattr_setautoreap(attr, 1)) == 0);
	attempt a;
	a.attr = attr;
	CHECK(a.words("/nonexistent", ENOENT) ==
		exec_of("/nonexistent") + "no such program: " + not_there);
	CHECK(a.words("/nonexistent/x", ENOENT) ==
		exec_of("/nonexistent/x") +
			"\"/nonexistent\" is no directory: " + not_there);
	const std::string script = here.file("script", "#!/nonexistent/i\n");
	CHECK(a.words(script, ENOENT) == lacks(script, "/nonexistent/i"));
}
