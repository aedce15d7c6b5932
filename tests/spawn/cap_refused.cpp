/* SPDX-License-Identifier: MIT */
/* Capabilities and securebits that are refused: which one it is about, and the sentence. */
#include "others.hpp"

#include <spawnx/libcap.h>

#include <cerrno>
#include <linux/securebits.h>
#include <sys/prctl.h>

using namespace others;

static const std::string no = ": Operation not permitted";

SPAWNX_TEST("securebits the kernel does not know are EPERM", "[root]")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setsecurebits(attr, 0x10000)) == 0);
	const spawnx_failure f = refused(attr, EPERM, SPAWNX_STAGE_CAPS);
	CHECK(f.index == -1);
	CHECK(std::string(f.text).empty());
	CHECK(in_words(f) == "securebits" + no);
	/* With ambient capabilities raised before, they are not what it is about. */
	REQUIRE(CALL(spawnxattr_setcap_iab_text(attr, "^cap_net_raw")) == 0);
	CHECK(refused(attr, EPERM, SPAWNX_STAGE_CAPS).index == -1);
	CHECK(in_words(last_failure()) == "securebits" + no);
}

/* One text that must be refused: which capability it is about, and the sentence. */
static void refused_iab(const char *text, int cap, const std::string &words)
{
	INFO(text);
	attributes attr;
	REQUIRE(CALL(spawnxattr_setcap_iab_text(attr, text)) == 0);
	const spawnx_failure f = refused(attr, EPERM, SPAWNX_STAGE_CAPS);
	CHECK(f.index == cap);
	CHECK(std::string(f.text).empty());
	CHECK(in_words(f) == words + no);
}

SPAWNX_TEST("an ordinary user: what it has not it cannot pass on", "[user]")
{
	refused_iab("^cap_net_raw", CAP_NET_RAW, "inheritable capability cap_net_raw");
	refused_iab(
		"%cap_kill,^cap_net_raw", CAP_KILL, "inheritable capability cap_kill");
	refused_iab("!cap_chown", CAP_CHOWN, "bounding set: drop of cap_chown");
	refused_iab("!cap_wake_alarm", CAP_WAKE_ALARM,
		"bounding set: drop of cap_wake_alarm");
	attributes attr;
	REQUIRE(CALL(spawnxattr_setsecurebits(attr, SECBIT_NOROOT)) == 0);
	const spawnx_failure f = refused(attr, EPERM, SPAWNX_STAGE_CAPS);
	CHECK(f.index == -1);
	CHECK(in_words(f) == "securebits" + no);
	/* To have nothing is no privilege. */
	attributes nothing;
	REQUIRE(CALL(spawnxattr_setcap_iab_text(nothing, "")) == 0);
	CHECK(spawn_report(nullptr, nothing).at("CapAmb") == "0000000000000000");
}

SPAWNX_TEST(
	"ambient capabilities we may inherit but not use are refused by number", "[root]")
{
	/* Permitted: all but one. Inheritable: that one, too. */
	cap_t before = cap_get_proc(), now = cap_dup(before);
	const cap_value_t chown_cap = CAP_CHOWN;
	REQUIRE(cap_set_flag(now, CAP_INHERITABLE, 1, &chown_cap, CAP_SET) == 0);
	spawnx_failure f = {}, bits = {};
	const strings argv({"idle"}), envp({});
	const std::string idle = helper("idle");
	attributes attr, locked;
	REQUIRE(CALL(spawnxattr_setcap_iab_text(attr, "^cap_kill,^cap_chown")) == 0);
	f.size = bits.size = sizeof(f);

	/* For good: what is no longer permitted does not come back. So in a process. */
	const pid_t tester = fork();
	if (tester == 0) {
		int bad = cap_set_proc(now) != 0;
		cap_set_flag(now, CAP_PERMITTED, 1, &chown_cap, CAP_CLEAR);
		cap_set_flag(now, CAP_EFFECTIVE, 1, &chown_cap, CAP_CLEAR);
		bad |= cap_set_proc(now) != 0;
		bad |= 2 *
			(spawnx_start(nullptr, &f, 0, idle.c_str(), nullptr, attr, argv,
				 envp) != EPERM);
		bad |= 4 * (f.stage != SPAWNX_STAGE_CAPS || f.index != CAP_CHOWN);
		bad |= 8 * (in_words(f) != "ambient capability cap_chown" + no);
		_exit(bad);
	}
	CHECK(wait_pid(tester) == 0);
	cap_free(now);
	cap_free(before);
}

SPAWNX_TEST("a bounding bit that is gone already needs no right to go", "[root]")
{
	const public_helper idle("idle");
	const strings argv({"idle", "exit:0"}), envp({});
	attributes gone, there;
	REQUIRE(CALL(spawnxattr_setcap_iab_text(gone, "!cap_chown")) == 0);
	REQUIRE(CALL(spawnxattr_setcap_iab_text(there, "!cap_chown,!cap_kill")) == 0);
	spawnx_failure f = {};
	f.size = sizeof(f);
	const pid_t tester = fork();
	if (tester == 0) {
		pid_t pid = -1;
		int bad = prctl(PR_CAPBSET_DROP, CAP_CHOWN) != 0;
		bad |= 2 * (syscall(SYS_setresuid, 1000, 1000, 1000) != 0);
		bad |= 4 *
			(spawnx(&pid, idle.path.c_str(), nullptr, gone, argv, envp) !=
					0 ||
				wait_pid(pid) != 0);
		bad |= 8 *
			(spawnx_start(nullptr, &f, 0, idle.path.c_str(), nullptr, there,
				 argv, envp) != EPERM ||
				f.index != CAP_KILL);
		_exit(bad);
	}
	CHECK(wait_pid(tester) == 0);
}
