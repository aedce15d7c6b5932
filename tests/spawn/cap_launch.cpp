/* SPDX-License-Identifier: MIT */
/* Differential: the same IAB and user given to libcap's own cap_launch(3). */
#include "others.hpp"

#include <spawnx/libcap.h>

#include <cerrno>
#include <random>
#include <sys/prctl.h>

using namespace others;

static const char *const lines[] = {
	"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "Uid"};

/* The lines above as the child had them. (cap_launch's errno is not always the reason.) */
static std::string outcome(bool refused, pid_t pid, const std::string &to)
{
	if (refused)
		return "refused";
	if (wait_pid(pid) != 0)
		return "no report";
	report r = parse_report(to);
	std::string all;
	for (const char *line : lines)
		all += r[line] + " ";
	return all;
}

struct pair {
	public_helper program{"report"};
	std::string to = program.directory + "/report.txt";
	strings argv{{"report", to}}, envp{{}};

	pair()
	{
		/* cap_launch has no file actions: the child opens it itself. */
		close(open(to.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		REQUIRE(chmod(to.c_str(), 0666) == 0);
	}

	std::string libcap(cap_iab_t iab, const uid_t *uid) const
	{
		cap_launch_t launcher =
			cap_new_launcher(program.path.c_str(), argv, envp);
		if (uid)
			cap_launcher_setuid(launcher, *uid);
		/* Takes it over, and hands the one before back. */
		cap_free(cap_launcher_set_iab(launcher, cap_iab_dup(iab)));
		const pid_t pid = cap_launch(launcher, nullptr);
		cap_free(launcher);
		return outcome(pid < 0, pid, to);
	}

	std::string spawnx(cap_iab_t iab, const uid_t *uid) const
	{
		spawnxattr_t attr;
		pid_t pid = -1;
		int error = spawnxattr_init(&attr);
		if (!error)
			error = spawnxattr_setcap_iab(&attr, iab);
		if (!error && uid)
			error = spawnxattr_setuid(&attr, *uid);
		if (!error)
			error = ::spawnx(
				&pid, program.path.c_str(), nullptr, &attr, argv, envp);
		spawnxattr_destroy(&attr);
		return outcome(error != 0, pid, to);
	}
};

/* Few of most kinds, so that some of them are allowed. */
static cap_iab_t random_iab(std::mt19937 &random)
{
	cap_iab_t iab = cap_iab_init();
	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++) {
		const auto dice = random() % 64;
		if (dice < 8)
			cap_iab_set_vector(iab, CAP_IAB_INH, cap, CAP_SET);
		if (dice == 7 || dice == 8 || dice == 9)
			cap_iab_set_vector(iab, CAP_IAB_AMB, cap, CAP_SET);
		if (dice >= 6 && dice < 16)
			cap_iab_set_vector(iab, CAP_IAB_BOUND, cap, CAP_SET);
	}
	return iab;
}

static const uid_t root = 0, somebody = 1000;

SPAWNX_TEST("random IABs and users: the same child as cap_launch's", "[root]")
{
	const pair both;
	std::mt19937 random(20250901);
	int children = 0;
	for (int i = 0; i < 40; i++) {
		cap_iab_t iab = random_iab(random);
		char *text = cap_iab_to_text(iab);
		INFO(text);
		for (const uid_t *uid :
			{static_cast<const uid_t *>(nullptr), &root, &somebody}) {
			const std::string theirs = both.libcap(iab, uid);
			CHECK(both.spawnx(iab, uid) == theirs);
			children += theirs.find("0000") == 0;
		}
		cap_free(text);
		cap_free(iab);
	}
	/* No comparison of refusals alone. */
	CHECK(children > 60);
}

SPAWNX_TEST("an ordinary user's IABs: the same outcome as cap_launch's", "[user]")
{
	const pair both;
	for (const char *text : {"", "^cap_net_raw", "%cap_kill", "!cap_chown"}) {
		INFO(text);
		cap_iab_t iab = cap_iab_from_text(text);
		REQUIRE(iab);
		CHECK(both.spawnx(iab, nullptr) == both.libcap(iab, nullptr));
		cap_free(iab);
	}
}

/* What a service with few rights has: CAP_SETPCAP permitted, but not effective. */
SPAWNX_TEST("cap_setpcap permitted and not effective: raised for it, as cap_launch does",
	"[root]")
{
	const pair both;
	cap_t before = cap_get_proc(), now = cap_dup(before);
	const cap_value_t setpcap = CAP_SETPCAP,
			  held[] = {CAP_SETPCAP, CAP_SETUID, CAP_KILL};
	REQUIRE(cap_set_flag(now, CAP_EFFECTIVE, 1, &setpcap, CAP_CLEAR) == 0);
	for (const char *text : {"!cap_chown", "^cap_net_raw", "!^cap_kill,%cap_chown",
		     "!cap_setpcap", "^cap_setpcap"}) {
		INFO(text);
		cap_iab_t iab = cap_iab_from_text(text);
		REQUIRE(iab);
		for (const uid_t *uid :
			{static_cast<const uid_t *>(nullptr), &root, &somebody}) {
			REQUIRE(cap_set_proc(now) == 0);
			const std::string theirs = both.libcap(iab, uid);
			const std::string ours = both.spawnx(iab, uid);
			REQUIRE(cap_set_proc(before) == 0);
			CHECK(ours == theirs);
			CHECK(theirs.find("0000") == 0);
		}
		cap_free(iab);
	}

	/* Inheritable, but not permitted: that takes the right before, not with it. */
	attributes attr;
	REQUIRE(CALL(spawnxattr_setcap_iab_text(attr, "%cap_chown")) == 0);
	const pid_t tester = fork();
	if (tester == 0) {
		cap_t few = cap_init();
		cap_set_flag(few, CAP_PERMITTED, 3, held, CAP_SET);
		int bad = cap_set_proc(few) != 0;
		pid_t pid = -1;
		bad |= 2 *
			(::spawnx(&pid, both.program.path.c_str(), nullptr, attr,
				 both.argv, both.envp) != 0);
		bad |= 4 * (wait_pid(pid) != 0);
		_exit(bad);
	}
	CHECK(wait_pid(tester) == 0);
	report r = parse_report(both.to);
	CHECK(r["CapInh"] == "0000000000000001");
	/* Securebits take the right, too. */
	attributes bits;
	REQUIRE(CALL(spawnxattr_setsecurebits(bits, 1)) == 0);
	REQUIRE(cap_set_proc(now) == 0);
	const report secure = report_of(bits, both.program);
	REQUIRE(cap_set_proc(before) == 0);
	CHECK(secure.at("securebits") == "1");
	CHECK(own_status()["CapEff"] == own_status()["CapPrm"]);
	cap_free(now);
	cap_free(before);
}
