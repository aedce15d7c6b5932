/* SPDX-License-Identifier: MIT */
/* The whole header with -fno-exceptions -fno-rtti: std::error_code is the only form. */
#include <spawnx.hpp>

#include <chrono>
#include <cstdio>
#include <fcntl.h>

#ifdef __cpp_exceptions
#error "exceptions are on"
#endif

static int failed;

static void check(bool good, const char *what)
{
	if (!good)
		std::fprintf(stderr, "not so: %s\n", what);
	failed += !good;
}

int main(int argc, char *argv[])
{
	using namespace std::chrono_literals;
	std::error_code ec;
	if (argc != 2)
		return 2;

	spx::attributes a(ec);
	a.flags(SPAWNX_SETSID, ec).no_new_privs(ec).autoreap(false, ec);
	spx::file_actions f(ec);
	f.open(0, "/dev/null", O_RDONLY, ec).dup2(0, 9, ec);
	check(!ec, "setters succeed");
	auto c = spx::start(argv[1], {"idle", "exit:3"}, f, a,
		spx::environment().set("A", "b", ec), ec);
	check(!ec && c.wait(ec).code() == 3 && !ec, "started and waited for");
	c = spx::start(argv[1], {"idle"}, ec);
	check(!c.try_wait(ec).has_value() && !ec, "still running");
	check(!c.wait_for(1ms, ec).has_value() && !ec, "still running a moment later");
	c.signal(0, ec);
	check(!ec, "can be signaled");
	check(c.stop(20s, ec).signal() == SIGTERM && !ec, "stopped");
	c = spx::start("/nonexistent", {"x"}, ec);
	check(ec == std::errc::no_such_file_or_directory && !c, "a failure is told");
	a.listen_fds(-1, ec);
	check(ec == std::errc::no_such_file_or_directory,
		"a chain keeps its first error");
	ec.clear();
	a.listen_fds(-1, ec);
	check(ec == std::errc::invalid_argument, "a refused value is told");
	return failed != 0;
}
