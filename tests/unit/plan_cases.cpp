/* SPDX-License-Identifier: MIT */
/* Plans one by one: what the exhaustive comparison in plan.cpp cannot show to a reader. */
#include <catch2/catch_test_macros.hpp>

#include <cerrno>
#include <cstring>

#include "features.hpp"
#include "lowering.hpp"
#include "plan.hpp"
#include "request.hpp"
#include "spawnx.h"

using namespace spawnx_core;
using feature::bit;
using namespace unit;
using made = unit::lowered;

TEST_CASE("nothing asked for: no step where the kernel clears the handlers")
{
	const made m({}, linux_5_9);
	CHECK(m.error == 0);
	CHECK(m.p.clone3);
	CHECK(m.p.clone_flags == (as_vfork | kernel::clone_clear_sighand));
	CHECK(m.p.native == (bit(feature::CLONE3) | bit(feature::CLEAR_SIGHAND)));
	CHECK(m.p.emulated == 0);
	CHECK(m.head().empty());
	CHECK(m.tail().empty());
	CHECK_FALSE(m.p.block_signals);
	CHECK_FALSE(m.p.autoreap);
	CHECK_FALSE(m.p.changes_ids);
}

TEST_CASE("Linux 5.3: the loop, under blocked signals, and the caller's mask last")
{
	const made m({}, linux_5_3);
	CHECK(m.p.clone3);
	CHECK(m.p.clone_flags == as_vfork);
	CHECK(m.p.native == bit(feature::CLONE3));
	CHECK(m.p.emulated == bit(feature::CLEAR_SIGHAND));
	CHECK(m.p.block_signals);
	CHECK(m.head() == steps{op::clear_handlers});
	CHECK(m.tail() == steps{op::restore_sigmask});
}

TEST_CASE("clone3 blocked: clone(2), and none of the features that need clone3")
{
	spawnx_attr attr = {};
	attr.nonewprivs = true;
	request r = {};
	r.attr = &attr;
	r.pidfd = true;
	const made m(r, clone3_blocked);
	CHECK(m.error == 0);
	CHECK_FALSE(m.p.clone3);
	CHECK(m.p.clone_flags == (as_vfork | kernel::clone_pidfd));
	CHECK(m.p.native == bit(feature::PIDFD));
	CHECK(m.p.emulated ==
		(bit(feature::CLONE3) | bit(feature::NONEWPRIVS) |
			bit(feature::CLEAR_SIGHAND)));
	CHECK(m.head() == steps{op::no_new_privs, op::clear_handlers});
}

TEST_CASE("Linux 7.1: the life of the child is in the flags")
{
	spawnx_attr attr = {};
	attr.autokill = attr.nonewprivs = true;
	request r = {};
	r.attr = &attr;
	r.pidfd = true;
	const made m(r, linux_7_1);
	CHECK(m.error == 0);
	CHECK(m.p.clone_flags ==
		(as_vfork | kernel::clone_pidfd | kernel::clone_clear_sighand |
			kernel::clone_autoreap | kernel::clone_nnp |
			kernel::clone_pidfd_autokill));
	CHECK(m.p.autoreap);
	CHECK(m.p.emulated == 0);
	CHECK(m.head().empty());
}

TEST_CASE("autokill never adds no-new-privs by itself")
{
	spawnx_attr attr = {};
	attr.autokill = true;
	request r = {};
	r.attr = &attr;
	r.pidfd = true;
	const made m(r, linux_7_1);
	CHECK((m.p.clone_flags & kernel::clone_nnp) == 0);
	CHECK((m.p.native & bit(feature::NONEWPRIVS)) == 0);
}

TEST_CASE("a feature without an emulation: ENOTSUP, and which")
{
	spawnx_attr reap = {}, kill = {}, both = {};
	reap.autoreap = kill.autokill = both.autoreap = both.autokill = true;
	const struct {
		const spawnx_attr *attr;
		bool pidfd;
		uint64_t native;
		unsigned missing;
	} rows[] = {
		{&reap, false, linux_5_9, feature::AUTOREAP},
		{&reap, true, linux_7_1 & ~bit(feature::AUTOREAP), feature::AUTOREAP},
		{&kill, true, linux_5_9, feature::AUTOKILL},
		{&both, true, linux_5_9, feature::AUTOKILL},
		/* No such kernel, but if there is: what was asked for is what is missing. */
		{&kill, true, linux_7_1 & ~bit(feature::AUTOREAP), feature::AUTOKILL},
		{&kill, true, linux_7_1 & ~bit(feature::AUTOKILL), feature::AUTOKILL},
		{&reap, true, clone3_blocked, feature::AUTOREAP},
		{&kill, true, clone3_blocked, feature::AUTOKILL},
		{nullptr, true, linux_5_3, feature::PIDFD},
		{nullptr, true, 0, feature::PIDFD},
	};
	for (const auto &row : rows) {
		request r = {};
		r.attr = row.attr;
		r.pidfd = row.pidfd;
		const made m(r, row.native);
		INFO("row " << &row - rows);
		CHECK(m.error == ENOTSUP);
		CHECK(m.missing == row.missing);
	}
}

TEST_CASE("the biggest request fits, in the promised order, with its arguments")
{
	spawnx_attr attr = {};
	attr.flags = SPAWNX_RESETIDS | SPAWNX_SETPGROUP | SPAWNX_SETSIGDEF |
		SPAWNX_SETSIGMASK | SPAWNX_USEVFORK | SPAWNX_SETSID |
		SPAWNX_SETSCHEDPARAM | SPAWNX_SETSCHEDULER | SPAWNX_CLOEXEC_DEFAULT;
	attr.schedpolicy = SCHED_RR;
	attr.schedparam.sched_priority = 7;
	attr.nonewprivs = true;
	attr.pgroup = 4711;
	attr.has_listenfds = true;
	attr.listenfds = 3;
	/* The kernel's set is the first word of libc's; the rest must not come along. */
	std::memset(&attr.sigdefault, 0x5a, sizeof(attr.sigdefault));
	std::memset(&attr.sigmask, 0x3c, sizeof(attr.sigmask));
	request r = {};
	r.attr = &attr;
	const made m(r, 0);
	CHECK(m.head() ==
		steps{op::no_new_privs, op::clear_handlers, op::default_signals,
			op::setscheduler, op::setsid, op::setpgid, op::resetids,
			op::cloexec_all});
	CHECK(m.tail() == steps{op::listenfds, op::sigmask});
	CHECK(m.p.head[2].set == 0x5a5a5a5a5a5a5a5a);
	CHECK(m.p.head[3].a == SCHED_RR);
	CHECK(m.p.head[3].b == 7);
	CHECK(m.p.head[5].a == 4711);
	CHECK(m.p.emulated & bit(feature::CLOSE_RANGE));
	CHECK(m.p.tail[0].a == 3);
	CHECK(m.p.tail[1].set == 0x3c3c3c3c3c3c3c3c);
	CHECK(m.p.changes_ids);
	for (unsigned i = 0; i < m.p.head_count; i++) {
		CHECK(m.p.head[i].index == -1);
		CHECK(m.p.head[i].path == nullptr);
	}
}

TEST_CASE("values without their flag are not used")
{
	spawnx_attr attr = {};
	attr.pgroup = 4711;
	std::memset(&attr.sigdefault, 0xff, sizeof(attr.sigdefault));
	std::memset(&attr.sigmask, 0xff, sizeof(attr.sigmask));
	request r = {};
	r.attr = &attr;
	const made m(r, linux_5_9);
	CHECK(m.head().empty());
	CHECK(m.tail().empty());
}

TEST_CASE("file actions, candidates and arguments pass through, in place")
{
	step list[2] = {
		{op::close, 0, 0, 5, 0, 0, nullptr}, {op::chdir, 0, 1, 0, 0, 0, "/"}};
	spawnx_actions actions = {list, 2, 8, 2, false, false, false};
	const char *names[] = {"/a/x", "/b/x", "/c/x"};
	char *argv[] = {nullptr}, *envp[] = {nullptr};
	request r = {};
	r.actions = &actions;
	r.candidates = names;
	r.candidate_count = 3;
	r.argv = argv;
	r.envp = envp;
	const made m(r, 0);
	CHECK(m.p.actions == list);
	CHECK(m.p.action_count == 2);
	CHECK(m.p.candidates == names);
	CHECK(m.p.candidate_count == 3);
	CHECK(m.p.argv == argv);
	CHECK(m.p.envp == envp);
}

TEST_CASE("a descriptor to execute, descriptors to announce")
{
	char pid[] = "LISTEN_PID=";
	spawnx_attr attr = {};
	attr.execfd = 7; /* not asked for */
	request r = {};
	r.attr = &attr;
	r.listen_pid = pid;
	const made none(r, linux_5_9);
	CHECK(none.p.execfd == -1);
	CHECK(none.p.listen_pid == pid);
	CHECK(none.tail().empty());
	CHECK(made({}, linux_5_9).p.execfd == -1);
	attr.has_execfd = attr.has_listenfds = true;
	attr.execfd = 0;
	const made nothing_to_announce(r, linux_5_9);
	CHECK(nothing_to_announce.p.execfd == 0);
	CHECK(nothing_to_announce.tail().empty());
	attr.listenfds = 2;
	CHECK(made(r, linux_5_9).tail() == steps{op::listenfds});
	/* The caller's mask is put back last of all. */
	CHECK(made(r, linux_5_3).tail() == steps{op::listenfds, op::restore_sigmask});
}

TEST_CASE("a plan starts without a result and without a pipe, whatever was there before")
{
	made m({}, 0);
	std::memset(static_cast<void *>(&m.p), 0xa5, sizeof(m.p));
	REQUIRE(lower({}, 0, m.p, m.missing) == 0);
	CHECK(m.p.report[0] == -1);
	CHECK(m.p.report[1] == -1);
	CHECK(m.p.result.entered == 0);
	CHECK(m.p.result.error == 0);
	CHECK(m.p.result.at == nullptr);
	CHECK(m.p.result.path == nullptr);
	CHECK(m.p.result.missing == missing::unknown);
	CHECK(m.p.result.directory == 0);
	CHECK(m.p.result.interpreter[0] == '\0');
	CHECK(m.p.actions == nullptr);
	CHECK(m.p.action_count == 0);
}

TEST_CASE("only what is asked for is probed")
{
	using namespace feature;
	constexpr uint64_t always = bit(CLONE3) | bit(CLEAR_SIGHAND);
	spawnx_attr attr = {};
	request r = {};
	CHECK(features_wanted(r) == always);
	r.attr = &attr;
	CHECK(features_wanted(r) == always);
	attr.flags = SPAWNX_SETSID | SPAWNX_SETSIGMASK;
	CHECK(features_wanted(r) == always);
	r.pidfd = true;
	CHECK(features_wanted(r) == (always | bit(PIDFD)));
	r.pidfd = false;
	attr.nonewprivs = true;
	CHECK(features_wanted(r) == (always | bit(NONEWPRIVS)));
	attr.nonewprivs = false;
	attr.autoreap = true;
	CHECK(features_wanted(r) == (always | bit(AUTOREAP)));
	attr.autoreap = false;
	attr.autokill = true;
	CHECK(features_wanted(r) == (always | bit(AUTOREAP) | bit(AUTOKILL)));
}

TEST_CASE("a priority alone, without its policy")
{
	spawnx_attr attr = {};
	attr.flags = SPAWNX_SETSCHEDPARAM;
	attr.schedpolicy = SCHED_RR;
	attr.schedparam.sched_priority = 7;
	request r = {};
	r.attr = &attr;
	const made m(r, 0);
	CHECK(m.head() == steps{op::clear_handlers, op::setparam});
	CHECK(m.p.head[1].b == 7);
}

TEST_CASE("a cgroup needs clone3, and is in the clone flags")
{
	using namespace feature;
	spawnx_attr attr = {};
	attr.flags = SPAWNX_SETCGROUP;
	attr.cgroup = 12;
	request r = {};
	r.attr = &attr;
	const uint64_t both = bit(CLONE3) | bit(INTO_CGROUP);
	CHECK(features_wanted(r) & bit(INTO_CGROUP));
	for (const uint64_t native : {uint64_t(0), bit(CLONE3), bit(INTO_CGROUP)}) {
		const made m(r, native);
		CHECK(m.error == ENOTSUP);
		CHECK(m.missing == INTO_CGROUP);
	}
	const made m(r, both);
	CHECK(m.error == 0);
	CHECK(m.p.clone_flags & kernel::clone_into_cgroup);
	CHECK(m.p.cgroup == 12);
	CHECK((m.p.native & both) == both);
}

TEST_CASE(
	"close_range is probed and reported for what closes ranges; signals for tcsetpgrp")
{
	using namespace feature;
	step list[1] = {{op::closefrom, 0, 0, 5, 0, 0, nullptr}};
	spawnx_actions actions = {list, 1, 8, 1, true, false, false};
	request r = {};
	r.actions = &actions;
	CHECK(features_wanted(r) & bit(CLOSE_RANGE));
	for (const uint64_t native : {uint64_t(0), bit(CLOSE_RANGE)}) {
		const made m(r, native);
		CHECK(m.p.close_range == (native != 0));
		CHECK((m.p.native & bit(CLOSE_RANGE)) == native);
		CHECK((m.p.emulated & bit(CLOSE_RANGE)) == (bit(CLOSE_RANGE) & ~native));
	}
	list[0].what = op::tcsetpgrp;
	actions.closes_ranges = false;
	actions.sets_tcpgrp = true;
	CHECK_FALSE(features_wanted(r) & bit(CLOSE_RANGE));
	const made m(r, bit(CLONE3) | bit(CLEAR_SIGHAND));
	CHECK(m.p.block_signals);
	CHECK(m.tail() == steps{op::restore_sigmask});
}

TEST_CASE("a parent's death is judged by the program's mask, also before it is set")
{
	using namespace feature;
	spawnx_attr attr = {};
	attr.pdeathsig = 15;
	request r = {};
	r.attr = &attr;
	const uint64_t native = bit(CLONE3) | bit(CLEAR_SIGHAND);
	CHECK_FALSE(made(r, native).p.block_signals); /* one mask from first to last */
	attr.flags = SPAWNX_SETSIGMASK;
	const made m(r, native);
	CHECK(m.p.block_signals);
	CHECK(m.tail() == steps{op::pdeathsig, op::sigmask});
	attr.pdeathsig = 0;
	CHECK_FALSE(made(r, native).p.block_signals);
}
