/* SPDX-License-Identifier: MIT */
/* A failed spawn leaves no trace: no zombie, no SIGCHLD, no descriptor, no status. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace support;

static const strings envp({});

SPAWNX_TEST("a failed exec is invisible to SIGCHLD and to wait(-1)")
{
	const sigchld_counter sigchld;
	const strings argv({"x"});
	const std::string idle = helper("idle");
	/* A child that lives meanwhile: the only one a wait may ever see. */
	pid_t other = -1;
	const strings sleeper({"idle"});
	REQUIRE(CALL(spawnx(&other, idle.c_str(), nullptr, nullptr, sleeper, envp)) == 0);

	const bool has_pidfd = should_have("pidfd") == oracle::has;
	for (const bool with_pidfd : {false, has_pidfd}) {
		int value = -7;
		const int error = with_pidfd ? CALL(pidfd_spawnx(&value, "/nonexistent",
						       nullptr, nullptr, argv, envp))
					     : CALL(spawnx(&value, "/nonexistent",
						       nullptr, nullptr, argv, envp));
		CHECK(error == ENOENT);
		CHECK(value == -7);
		CHECK(waitpid(-1, nullptr, WNOHANG | __WALL) == 0);
	}
	CHECK(sigchld.stray() == 0);
	kill(other, SIGKILL);
	CHECK(wait_pid(other) == SIGKILL);
}

SPAWNX_TEST("a failed exec is reaped where SIGCHLD is ignored, too")
{
	struct sigaction ignore = {}, before;
	ignore.sa_handler = SIG_IGN;
	sigaction(SIGCHLD, &ignore, &before);
	const strings argv({"x"});
	pid_t pid = -7;
	const int error = spawnx(&pid, "/nonexistent", nullptr, nullptr, argv, envp);
	const auto children = snapshot::take().children;
	sigaction(SIGCHLD, &before, nullptr);
	CHECK(error == ENOENT);
	CHECK(children.empty());
}

SPAWNX_TEST("exec's own errors come back as themselves, with the path")
{
	const scratch file; /* mode 0600, not executable */
	const scratch script;
	const int fd = open(script.path.c_str(), O_WRONLY | O_CLOEXEC);
	REQUIRE(write(fd, "#!/nonexistent/interpreter\n", 27) == 27);
	fchmod(fd, 0755);
	close(fd);
	const strings argv({"x"});
	const struct {
		const std::string path;
		int error;
	} cases[] = {{"/nonexistent/x", ENOENT}, {file.path, EACCES}, {"/", EACCES},
		{"/dev/null/x", ENOTDIR}, {"", ENOENT}, {script.path, ENOENT},
		{std::string(5000, 'x'), ENAMETOOLONG}};
	for (const auto &c : cases) {
		INFO(c.path);
		pid_t pid = -7;
		CHECK(CALL(spawnx(&pid, c.path.c_str(), nullptr, nullptr, argv, envp)) ==
			c.error);
		const spawnx_failure f = last_failure();
		CHECK(f.stage == SPAWNX_STAGE_EXEC);
		CHECK(f.error == c.error);
		CHECK(f.index == -1);
		CHECK(f.fd == -1);
		CHECK(std::string(f.text) == c.path.substr(0, sizeof(f.text) - 1));
		CHECK(pid == -7);
	}
}

SPAWNX_TEST("too long an argument list is exec's E2BIG, not clone's")
{
	const strings argv({"x", std::string(1 << 18, 'y')});
	pid_t pid;
	CHECK(CALL(spawnx(&pid, helper("idle").c_str(), nullptr, nullptr, argv, envp)) ==
		E2BIG);
	CHECK(last_failure().stage == SPAWNX_STAGE_EXEC);
	CHECK(in_words(last_failure()) ==
		"exec \"" + helper("idle") + "\": Argument list too long");
}

SPAWNX_TEST("when the error is returned the failed child has let go of its files")
{
	const strings argv({"x"});
	attributes attr;
	const bool autoreap = should_have("autoreap") == oracle::has;
	if (autoreap)
		REQUIRE(CALL(spawnxattr_setautoreap(attr, 1)) == 0);
	for (int i = 0; i < 300; i++) {
		int pipe[2];
		REQUIRE(pipe2(pipe, O_NONBLOCK) == 0); /* inherited, not close-on-exec */
		pid_t pid;
		const bool plain = !autoreap || i % 2;
		if (spawnx(&pid, "/nonexistent", nullptr, plain ? nullptr : &attr.handle,
			    argv, envp) != ENOENT)
			FAIL("spawned");
		close(pipe[1]);
		char byte;
		const ssize_t n = read(pipe[0], &byte, 1); /* EAGAIN: somebody holds it */
		close(pipe[0]);
		if (n != 0)
			FAIL("still held after " << i);
	}
}

SPAWNX_TEST("a thousand failures leave nothing and cost no pid that anybody sees")
{
	const strings argv({"x"});
	const bool has_pidfd = should_have("pidfd") == oracle::has;
	for (int i = 0; i < 1000; i++) {
		int id = -7;
		const auto call = has_pidfd ? pidfd_spawnx : spawnx;
		if (call(&id, "/nonexistent", nullptr, nullptr, argv, envp) != ENOENT)
			FAIL("spawned");
	}
}

SPAWNX_TEST("the last failure is the thread's own", "[thread]")
{
	const strings argv({"x"});
	pid_t pid;
	CHECK(CALL(spawnx(&pid, "/nonexistent", nullptr, nullptr, argv, envp)) == ENOENT);
	int elsewhere = -1;
	std::thread([&elsewhere] {
		spawnx_failure f = {};
		f.size = sizeof(f);
		elsewhere = spawnx_lastfailure(&f);
	}).join();
	CHECK(elsewhere == ENOENT); /* none there */
	CHECK(last_failure().error == ENOENT);
	CHECK(last_failure().stage == SPAWNX_STAGE_EXEC);
	/* A success does not wipe it. */
	spawn_report();
	CHECK(last_failure().stage == SPAWNX_STAGE_EXEC);
}

SPAWNX_TEST("a child killed before exec is ECANCELED, with the signal, and reaped",
	"[thread]")
{
	const sigchld_counter sigchld;
	const scratch base;
	const std::string fifo = base.path + ".fifo";
	REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
	file_actions actions;
	/* It blocks here, in our memory, and we are suspended with it. */
	REQUIRE(CALL(spawnx_file_actions_addopen(
			actions, 5, fifo.c_str(), O_RDONLY, 0)) == 0);
	const pid_t self = getpid(), thread = gettid();
	/* Where the kernel cannot clear handlers every other signal is blocked. */
	const int signal =
		should_have("clear_sighand") == oracle::has ? SIGTERM : SIGKILL;
	std::thread killer([&] {
		const std::string list = "/proc/" + std::to_string(self) + "/task/" +
			std::to_string(thread) + "/children";
		for (;;) {
			if (FILE *f = fopen(list.c_str(), "r")) {
				int child = 0;
				const int n = fscanf(f, "%d", &child);
				fclose(f);
				if (n == 1 && kill(child, signal) == 0)
					return;
			}
			usleep(1000);
		}
	});
	const strings argv({"idle"});
	pid_t pid = -7;
	const int error =
		CALL(spawnx(&pid, helper("idle").c_str(), actions, nullptr, argv, envp));
	killer.join();
	unlink(fifo.c_str());
	CHECK(error == ECANCELED);
	CHECK(pid == -7);
	const spawnx_failure f = last_failure();
	CHECK(f.stage == SPAWNX_STAGE_EXEC);
	CHECK(in_words(f) ==
		"exec \"" + helper("idle") + "\": killed by signal " +
			std::to_string(signal) + " before it: Operation canceled");
	CHECK(waitpid(-1, nullptr, WNOHANG | __WALL) == -1);
	CHECK(sigchld.stray() == 0);
}

SPAWNX_TEST("more processes than allowed is clone's EAGAIN", "[user]")
{
	rlimit before;
	REQUIRE(getrlimit(RLIMIT_NPROC, &before) == 0);
	rlimit none = before;
	none.rlim_cur = 0;
	const strings argv({"x"});
	pid_t pid = -7;
	setrlimit(RLIMIT_NPROC, &none);
	const int error =
		spawnx(&pid, helper("idle").c_str(), nullptr, nullptr, argv, envp);
	setrlimit(RLIMIT_NPROC, &before);
	CHECK(error == EAGAIN);
	CHECK(pid == -7);
	CHECK(last_failure().stage == SPAWNX_STAGE_CLONE);
	CHECK(in_words(last_failure()) == "clone3: Resource temporarily unavailable");
}
