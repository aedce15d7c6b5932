/* SPDX-License-Identifier: MIT */
/*
 * The weaker autoreap and autokill: when lower() takes them, and that launch() does them on
 * every kernel, also where the flags are there. And the guard's program, when it is not.
 */
#include "launching.hpp"

#include <snapshot.hpp>

#include <catch2/generators/catch_generators.hpp>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "failure.hpp"
#include "relayed.hpp"
#include "request.hpp"
#include "spawnx/version.h"

using namespace spawnx_core;
using feature::bit;
using std::chrono::milliseconds;
using unit::trial;

namespace
{

constexpr uint64_t life = bit(feature::AUTOREAP) | bit(feature::AUTOKILL);
constexpr uint64_t linux_7_0 = feature::all & ~life & ~bit(feature::NONEWPRIVS);

struct lowered {
	int error;
	unsigned missing = 99;
	plan p;

	lowered(const spawnx_attr &attr, uint64_t native)
	{
		request r = {};
		r.attr = &attr;
		r.pidfd = attr.autokill;
		r.self = 4711;
		error = lower(r, native, p, missing);
	}
	const step *find(op what) const
	{
		for (unsigned i = 0; i < p.tail_count; i++)
			if (p.tail[i].what == what)
				return &p.tail[i];
		return nullptr;
	}
};

spawnx_attr asked(bool autokill, bool weaker)
{
	spawnx_attr attr = {};
	attr.autokill = autokill;
	attr.autoreap = !autokill;
	attr.weaker = weaker;
	return attr;
}

/* As on a kernel without the flags, whatever this one has. */
void ask(trial &t, bool autokill, uint64_t without = life)
{
	t.without = without;
	t.pidfd = true;
	REQUIRE(spawnxattr_setfallback(t.attr, SPAWNX_FALLBACK_WEAKER) == 0);
	REQUIRE(spawnxattr_setnonewprivs(t.attr, 1) == 0);
	REQUIRE((autokill ? spawnxattr_setautokill(t.attr, 1)
			  : spawnxattr_setautoreap(t.attr, 1)) == 0);
}

bool ends(int pidfd)
{
	pollfd p = {pidfd, POLLIN, 0};
	return poll(&p, 1, 30000) == 1;
}

struct other_guard {
	const char *const before = guard_path;
	explicit other_guard(const char *path)
	{
		guard_path = path;
	}
	~other_guard()
	{
		guard_path = before;
	}
};

std::string contents(const std::string &path)
{
	std::ifstream in(path, std::ios::binary);
	return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

TEST_CASE("relay: the kernel's own where it has both, else on request, else ENOTSUP")
{
	const bool autokill = GENERATE(false, true), weaker = GENERATE(false, true);
	const unsigned id = autokill ? feature::AUTOKILL : feature::AUTOREAP;
	const uint64_t wanted = bit(feature::AUTOREAP) | bit(id);
	for (const uint64_t lacking :
		{uint64_t(0), bit(feature::AUTOREAP), bit(feature::AUTOKILL), life}) {
		INFO(autokill << weaker << " lacking " << lacking);
		const lowered l(asked(autokill, weaker), feature::all & ~lacking);
		const bool native = !(lacking & wanted);
		CHECK(l.error == (native || weaker ? 0 : ENOTSUP));
		if (l.error) {
			CHECK(l.missing == id);
			continue;
		}
		CHECK((l.p.native & life) == (native ? wanted : 0));
		CHECK((l.p.emulated & life) == (native ? 0 : wanted));
		CHECK(l.p.parent ==
			(native			   ? parent::us
					: autokill ? parent::guard
						   : parent::init));
		constexpr uint64_t flags =
			kernel::clone_autoreap | kernel::clone_pidfd_autokill;
		CHECK(((l.p.clone_flags & flags) != 0) == native);
		CHECK(((l.p.clone_flags & kernel::clone_pidfd) != 0) == autokill);
		CHECK(l.p.autoreap);
		/* A relay has all signals blocked: the caller's mask comes back last. */
		CHECK(l.p.block_signals == !native);
		CHECK((l.find(op::restore_sigmask) != nullptr) == !native);
		const step *death = l.find(op::pdeathsig);
		CHECK((death != nullptr) == (!native && autokill));
		if (death)
			CHECK(death->a == SIGKILL);
	}
}

TEST_CASE("relay: the caller's own mask is the last step, the parent's death before it")
{
	spawnx_attr attr = asked(true, true);
	attr.flags = SPAWNX_SETSIGMASK;
	const lowered l(attr, linux_7_0);
	REQUIRE(l.error == 0);
	REQUIRE(l.p.tail_count == 2);
	CHECK(l.p.tail[0].what == op::pdeathsig);
	CHECK(l.p.tail[1].what == op::sigmask);
	CHECK(l.p.block_signals);
}

TEST_CASE("relay: not with a parent death signal, nor without what it is made of")
{
	const struct {
		bool autokill, pdeathsig;
		uint64_t lacking;
		int error;
	} rows[] = {
		{false, true, 0, ENOTSUP},
		{true, true, 0, ENOTSUP},
		{false, false, bit(feature::CLONE3), ENOTSUP},
		{true, false, bit(feature::CLONE3), ENOTSUP},
		{true, false, bit(feature::CLOSE_RANGE), ENOTSUP},
		{true, false, bit(feature::PIDFD), ENOTSUP},
		/* Init needs neither. */
		{false, false, bit(feature::CLOSE_RANGE) | bit(feature::PIDFD), 0},
		{false, false, bit(feature::CLEAR_SIGHAND), 0},
		{true, false, bit(feature::CLEAR_SIGHAND), 0},
	};
	for (const auto &row : rows) {
		INFO("row " << &row - rows);
		spawnx_attr attr = asked(row.autokill, true);
		attr.pdeathsig = row.pdeathsig ? SIGTERM : 0;
		const lowered l(attr, linux_7_0 & ~row.lacking);
		CHECK(l.error == row.error);
		if (row.error)
			CHECK(l.missing ==
				(row.autokill ? feature::AUTOKILL : feature::AUTOREAP));
	}
	/* The kernel's own does not mind: its parent is the caller. */
	spawnx_attr attr = asked(true, true);
	attr.pdeathsig = SIGTERM;
	const lowered native(attr, feature::all);
	CHECK(native.error == 0);
	REQUIRE(native.find(op::pdeathsig));
	CHECK(native.find(op::pdeathsig)->a == SIGTERM);
	CHECK(native.find(op::pdeathsig)->b == 4711);
}

SPAWNX_TEST("relay: the program runs, as somebody else's child", "[has:clone3]")
{
	const bool autokill = GENERATE(false, true);
	for (const uint64_t more :
		{uint64_t(0), bit(feature::CLEAR_SIGHAND), bit(feature::NONEWPRIVS)}) {
		const support::scratch to;
		trial t;
		ask(t, autokill, life | more);
		t.arguments = {"report", to.path};
		t.launch();
		INFO("autokill " << autokill << " without " << more);
		REQUIRE(t.launched.error == 0);
		CHECK(t.plan.parent == (autokill ? parent::guard : parent::init));
		CHECK(fcntl(t.launched.pidfd, F_GETFD) == FD_CLOEXEC);
		CHECK_FALSE(unit::has_children());
		REQUIRE(ends(t.launched.pidfd));
		support::report r = support::parse_report(to.path);
		CHECK(r["complete"] == "1");
		CHECK(r["pid"] == std::to_string(t.launched.pid));
		CHECK(r["ppid"] != std::to_string(getpid()));
		CHECK(r["NoNewPrivs"] == "1");
		CHECK(r["pdeathsig"] == (autokill ? "9" : "0"));
		CHECK(unit::descriptors(r) == unit::inherited());
		close(t.launched.pidfd);
	}
}

SPAWNX_TEST("relay: the last close kills, though the kernel has autokill", "[has:clone3]")
{
	trial t;
	ask(t, true);
	t.programs = {support::helper("idle")};
	t.arguments = {"idle"};
	t.launch();
	REQUIRE(t.launched.error == 0);
	CHECK(support::pid_of(t.launched.pidfd) == t.launched.pid);
	const int copy = fcntl(t.launched.pidfd, F_DUPFD_CLOEXEC, 0);
	close(t.launched.pidfd);
	usleep(50000);
	CHECK(support::state_of(t.launched.pid) == 'S');
	close(copy);
	CHECK(support::becomes(0, t.launched.pid, milliseconds(10000)));
	CHECK_FALSE(unit::has_children());
}

SPAWNX_TEST("relay: what the caller ignores the program ignores", "[has:clone3]")
{
	const bool autokill = GENERATE(false, true), ignored = GENERATE(false, true);
	struct sigaction action = {}, before;
	action.sa_handler = ignored ? SIG_IGN : SIG_DFL;
	sigaction(SIGCHLD, &action, &before);
	const support::scratch to;
	trial t;
	ask(t, autokill);
	t.arguments = {"report", to.path};
	t.launch();
	sigaction(SIGCHLD, &before, nullptr);
	REQUIRE(t.launched.error == 0);
	REQUIRE(ends(t.launched.pidfd));
	const std::uint64_t set =
		std::stoull(support::parse_report(to.path)["SigIgn"], nullptr, 16);
	CHECK((set >> (SIGCHLD - 1) & 1) == ignored);
	close(t.launched.pidfd);
}

SPAWNX_TEST("relay: a step that fails, and exec, are told as ever", "[has:clone3]")
{
	const bool autokill = GENERATE(false, true);
	trial step;
	ask(step, autokill);
	REQUIRE(spawnxattr_setflags(step.attr, SPAWNX_SETSID | SPAWNX_SETPGROUP) == 0);
	step.fail(EPERM);
	REQUIRE(step.plan.result.at);
	CHECK(step.plan.result.at->what == op::setpgid);
	trial exec;
	ask(exec, autokill);
	exec.programs = {"/nonexistent/x"};
	exec.fail(ENOENT);
	CHECK(exec.plan.result.at == nullptr);
}

SPAWNX_TEST(
	"relay: clone3 refused to the relay itself is the stage clone", "[has:clone3]")
{
	const bool autokill = GENERATE(false, true);
	trial t;
	ask(t, autokill);
	t.lower().clone_flags |= 0x00010000; /* CLONE_THREAD, without what it needs */
	t.launch();
	CHECK(t.launched.error == EINVAL);
	CHECK_FALSE(t.launched.cloned);
	CHECK(t.launched.pidfd == -1);
	CHECK_FALSE(unit::has_children());
	CHECK(launch_failure(t.plan, t.launched, "x").stage == SPAWNX_STAGE_CLONE);
}

SPAWNX_TEST(
	"guard: missing, foreign, of another version: no child begins", "[has:clone3]")
{
	const support::scratch other, closed, absent, made;
	std::string program = contents(guard_path);
	REQUIRE(program.size() > 100);
	std::ofstream(closed.path, std::ios::binary) << program;
	chmod(closed.path.c_str(), 0600);
	const std::string version = "\nspawnx-guard " SPAWNX_VERSION;
	const auto at = program.find(version);
	REQUIRE(at != std::string::npos);
	program[at + version.size() - 1] ^= 1; /* another digit */
	std::ofstream(other.path, std::ios::binary) << program;
	chmod(other.path.c_str(), 0700);
	unlink(absent.path.c_str());
	const std::string fifo = absent.path + ".fifo";
	REQUIRE(mkfifo(fifo.c_str(), 0700) == 0);
	const std::string foreign = support::helper("idle");
	for (const std::string &path :
		{absent.path, foreign, other.path, closed.path, std::string("/"), fifo}) {
		INFO(path);
		const other_guard replaced(path.c_str());
		const support::sigchld_counter sigchlds;
		unlink(made.path.c_str());
		trial t;
		ask(t, true);
		t.arguments = {"report", made.path};
		t.launch();
		CHECK(t.launched.error == ENOTSUP);
		CHECK_FALSE(t.launched.cloned);
		CHECK(t.launched.pidfd == -1);
		CHECK(t.plan.relay.child.pid == 0);
		CHECK(t.plan.guard.fd == -1);
		CHECK(access(made.path.c_str(), F_OK) == -1);
		CHECK_FALSE(unit::has_children());
		CHECK(sigchlds.count() == 0);
		const spawnx_failure f = launch_failure(t.plan, t.launched, "x");
		CHECK(f.error == ENOTSUP);
		CHECK(f.stage == SPAWNX_STAGE_GUARD);
		CHECK(f.index == -1);
		CHECK(f.fd == -1);
		CHECK(f.text == path);
		CHECK(support::in_words(f) ==
			"guard \"" + path + "\": Operation not supported");
		/* Init as the parent needs no guard. */
		trial reaped;
		ask(reaped, false);
		reaped.launch();
		CHECK(reaped.launched.error == 0);
		close(reaped.launched.pidfd);
	}
	unlink(fifo.c_str());
}
