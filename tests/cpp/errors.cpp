/* SPDX-License-Identifier: MIT */
/* spx::error and std::error_code: what fails says so, once, and starts nothing. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>
#include <spawnx.hpp>

#include <cstring>
#include <fcntl.h>
#include <type_traits>
#include <unistd.h>

using namespace support;
using namespace std::chrono_literals;

static_assert(std::is_base_of_v<std::system_error, spx::error>);
static_assert(std::is_nothrow_copy_constructible_v<spx::error>);
static_assert(std::is_nothrow_move_constructible_v<spx::attributes>);
static_assert(std::is_nothrow_move_constructible_v<spx::file_actions>);
static_assert(std::is_nothrow_move_constructible_v<spx::child>);
static_assert(std::is_nothrow_move_assignable_v<spx::child>);
static_assert(!std::is_copy_constructible_v<spx::attributes>);
static_assert(!std::is_copy_constructible_v<spx::file_actions>);
static_assert(!std::is_copy_constructible_v<spx::child>);
static_assert(sizeof(spx::child) <= 64);

SPAWNX_TEST("spx::error: what() has the path, failure() the stage")
{
	try {
		spx::start("/nonexistent/program", {"program"});
		FAIL("started");
	} catch (const std::system_error &e) {
		CHECK(e.code() == std::errc::no_such_file_or_directory);
		CHECK(strstr(e.what(), "/nonexistent/program"));
		const auto &error = dynamic_cast<const spx::error &>(e);
		CHECK(error.failure().stage == SPAWNX_STAGE_EXEC);
		CHECK(error.failure().error == ENOENT);
		const spx::error copy = error;
		CHECK(std::string(copy.what()) == e.what());
	}
	try {
		spx::start("/bin/true", {"true"},
			spx::file_actions().dup2(0, 50).dup2(999, 51));
		FAIL("started");
	} catch (const spx::error &e) {
		CHECK(e.failure().stage == SPAWNX_STAGE_ACTION);
		CHECK(e.failure().index == 1);
		CHECK(e.failure().fd == 999);
	}
}

SPAWNX_TEST("what starts nothing has no stage, and names the call")
{
	try {
		spx::attributes().listen_fds(-1);
		FAIL("accepted");
	} catch (const spx::error &e) {
		CHECK(e.failure().stage == 0);
		CHECK(e.failure().error == EINVAL);
		CHECK(strstr(e.what(), "listen_fds"));
	}
}

SPAWNX_TEST("a chain of setters stops at its first failure and keeps it")
{
	std::error_code ec;
	spx::attributes a(ec);
	a.listen_fds(3, ec).listen_fds(-1, ec).listen_fds(4, ec).exec_fd(-1, ec);
	CHECK(ec == std::errc::invalid_argument);
	int n = 0;
	CHECK(spawnxattr_getlistenfds(a.get(), &n) == 0);
	CHECK(n == 3);
	CHECK(spawnxattr_getexecfd(a.get(), &n) == ENOENT);

	ec.clear();
	spx::file_actions f(ec);
	f.dup2(-1, 3, ec).close(0, ec);
	CHECK(ec == std::errc::bad_file_descriptor);
}

SPAWNX_TEST("other calls clear an error that is already there")
{
	std::error_code ec = std::make_error_code(std::errc::io_error);
	spx::child c = spx::start(helper("idle"), {"idle", "ms:30", "exit:4"}, ec);
	CHECK_FALSE(ec);
	ec = std::make_error_code(std::errc::io_error);
	CHECK_FALSE(c.try_wait(ec).has_value());
	CHECK_FALSE(ec);
	ec = std::make_error_code(std::errc::io_error);
	c.signal(0, ec);
	CHECK_FALSE(ec);
	ec = std::make_error_code(std::errc::io_error);
	CHECK(c.wait(ec).code() == 4);
	CHECK_FALSE(ec);
}

/* Nobody looked at ec between the setter and the start: no child without what was asked. */
SPAWNX_TEST("an object one of whose setters has failed starts nothing")
{
	std::error_code ec;
	spx::attributes a(ec);
	spx::file_actions f(ec);
	a.listen_fds(-1, ec).autoreap(ec);
	CHECK(a.failed() == EINVAL);
	CHECK_FALSE(spx::start("/bin/true", {"true"}, a, ec));
	CHECK(ec == std::errc::invalid_argument);
	CHECK_THROWS_AS(spx::start("/bin/true", {"true"}, a), spx::error);
	spx::attributes moved(std::move(a));
	CHECK_FALSE(spx::start("/bin/true", {"true"}, moved, ec));
	ec = std::make_error_code(std::errc::io_error);
	f.close(0, ec); /* passed over */
	ec.clear();
	CHECK_FALSE(spx::start("/bin/true", {"true"}, f, ec));
	CHECK(ec == std::errc::io_error);
	ec.clear();
	spx::environment e;
	e.set("A=B", "c", ec);
	CHECK_FALSE(spx::start("/bin/true", {"true"}, e, ec));
	CHECK(ec == std::errc::invalid_argument);
	/* One that has thrown was noticed. */
	spx::attributes thrown;
	CHECK_THROWS_AS(thrown.listen_fds(-1), spx::error);
	CHECK(spx::start("/bin/true", {"true"}, thrown).wait().success());
}

SPAWNX_TEST("a moved-from object starts nothing")
{
	spx::attributes a;
	const spx::attributes b = std::move(a);
	spx::file_actions f;
	const spx::file_actions g = std::move(f);
	std::error_code ec;
	CHECK_FALSE(spx::start("/bin/true", {"true"}, a, ec));
	CHECK(ec == std::errc::invalid_argument);
	CHECK_FALSE(spx::start("/bin/true", {"true"}, f, ec));
	CHECK(ec == std::errc::invalid_argument);
	CHECK_THROWS_AS(a.autoreap(), spx::error);
	a = spx::attributes();
	a.autoreap();
}

SPAWNX_TEST("a null byte inside a string is refused, not cut")
{
	const std::string cut("/bin/true\0x", 11);
	std::error_code ec;
	CHECK_FALSE(spx::start(cut, {"true"}, ec));
	CHECK(ec == std::errc::invalid_argument);
	CHECK_FALSE(spx::start("/bin/true", {"true", cut}, ec));
	CHECK(ec == std::errc::invalid_argument);
	CHECK_FALSE(spx::start("/bin/true", std::vector<std::string>{cut}, ec));
	CHECK(ec == std::errc::invalid_argument);
	CHECK_THROWS_AS(spx::file_actions().open(0, cut, O_RDONLY), spx::error);
	CHECK_THROWS_AS(spx::file_actions().chdir(cut), spx::error);
}

SPAWNX_TEST("bad time-outs are errors, and far ones are none")
{
	spx::child c = spx::start(helper("idle"), {"idle"});
	std::error_code ec;
	for (const auto bad :
		{std::chrono::nanoseconds(-1), std::chrono::nanoseconds::min()}) {
		CHECK_FALSE(c.wait_for(bad, ec).has_value());
		CHECK(ec == std::errc::invalid_argument);
		c.stop(bad, ec);
		CHECK(ec == std::errc::invalid_argument);
	}
	const double nan = std::chrono::duration<double>::zero().count() / 0.0;
	CHECK_FALSE(c.wait_for(std::chrono::duration<double>(nan), ec).has_value());
	CHECK(ec == std::errc::invalid_argument);
	CHECK_FALSE(c.wait_for(0.001s, ec).has_value());
	CHECK_FALSE(ec);
	c.signal(SIGTERM);
	CHECK(c.wait_for(std::chrono::hours::max()).value().signal() == SIGTERM);
	CHECK(c.wait_for(std::chrono::duration<double>::max()).value().signal() ==
		SIGTERM);
}
