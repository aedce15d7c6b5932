/* SPDX-License-Identifier: MIT */
/* All that confines a child in one spawn: each part has to find what it needs. */
#include "namespacing.hpp"
#include "ruleset.hpp"

using namespace namespacing;

static const std::string getppid_call = "call:" + std::to_string(SYS_getppid);

namespace
{

/* no-new-privs, a ruleset, a filter; and autoreap and autokill where they can be had. */
struct confinement {
	const ruleset rules{{helper(""), "/proc"}};
	const scratch secret;
	const bool killed = should_have("autokill") == oracle::has;
	const bool landlock = landlock_error() == 0;

	explicit confinement(spawnxattr_t *attr)
	{
		REQUIRE(chmod_for_all());
		REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
		if (landlock)
			REQUIRE(CALL(spawnxattr_setlandlock(attr, rules.fd)) == 0);
		/* Only calls that the child has no need of from there on. */
		const filter f({SYS_getppid, SYS_setresuid, SYS_setresgid, SYS_setgroups,
				       restrict_self, SYS_unshare},
			answer(EXDEV));
		REQUIRE(CALL(spawnxattr_setseccomp(attr, f.program())) == 0);
		if (killed)
			REQUIRE(CALL(spawnxattr_setautokill(attr, 1)) == 0);
		sigset_t mask;
		sigemptyset(&mask);
		sigaddset(&mask, SIGUSR1);
		REQUIRE(CALL(spawnxattr_setsigmask(attr, &mask)) == 0);
		REQUIRE(CALL(spawnxattr_setflags(
				attr, SPAWNX_SETSIGMASK | SPAWNX_CLOEXEC_DEFAULT)) == 0);
	}

	report check(spawnxattr_t *attr) const
	{
		const std::string read = "read:" + secret.path;
		report r = report_of(attr, {getppid_call, read}, {}, killed);
		CHECK(r["NoNewPrivs"] == "1");
		CHECK(r["Seccomp_filters"] == std::to_string(own_filters() + 1));
		CHECK(r[getppid_call] == std::to_string(EXDEV));
		CHECK(r[read] == std::to_string(landlock ? EACCES : 0));
		CHECK(r["SigBlk"] == "0000000000000200");
		CHECK(r.count("fd.0") == 0);
		CHECK(r.count("fd.1") == 1);
		CHECK(r.count("fd." + std::to_string(rules.fd)) == 0);
		return r;
	}

private:
	bool chmod_for_all() const
	{
		return chmod(secret.path.c_str(), 0644) == 0;
	}
};

} // namespace

SPAWNX_TEST("confinement: everything at once, for root", "[root]")
{
	const std::uint64_t flags = all_we_can_have() & ~std::uint64_t(CLONE_NEWUSER);
	inside attr(flags);
	const gid_t groups[] = {4, 5};
	REQUIRE(CALL(spawnxattr_setgroups(attr, 2, groups)) == 0);
	REQUIRE(CALL(spawnxattr_setgid(attr, 4322)) == 0);
	REQUIRE(CALL(spawnxattr_setuid(attr, 4321)) == 0);
	const confinement all(attr);
	report r = all.check(attr);
	check_links(r, flags);
	CHECK(r["pid"] == "1");
	CHECK(r["Uid"] == "4321\t4321\t4321\t4321");
	CHECK(r["Gid"] == "4322\t4322\t4322\t4322");
	CHECK(r["Groups"] == "4 5 ");
	CHECK(std::stoull(r["CapPrm"], nullptr, 16) == 0);
}

SPAWNX_TEST("confinement: everything at once, for anybody")
{
	inside attr(all_we_can_have());
	attr.mapped(7, 8);
	REQUIRE(CALL(spawnxattr_setgid(attr, 8)) == 0);
	REQUIRE(CALL(spawnxattr_setuid(attr, 7)) == 0);
	const confinement all(attr);
	with_user_namespace(attr, [&] {
		report r = all.check(attr);
		check_links(r, all_we_can_have());
		CHECK(r["pid"] == "1");
		CHECK(r["Uid"] == "7\t7\t7\t7");
		CHECK(r["Gid"] == "8\t8\t8\t8");
		CHECK(r["uid_map"] == own_map(7, geteuid()));
		CHECK(std::stoull(r["CapPrm"], nullptr, 16) == 0);
	});
}

/* A namespace of one's own has the right that seccomp and Landlock ask for. */
SPAWNX_TEST("confinement: CLONE_NEWUSER makes up for no-new-privs")
{
	inside attr(CLONE_NEWUSER);
	attr.mapped();
	const confinement all(attr);
	REQUIRE(CALL(spawnxattr_setautokill(attr, 0)) == 0);
	REQUIRE(CALL(spawnxattr_setautoreap(attr, 0)) == 0);
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 0)) == 0);
	with_user_namespace(attr, [&] {
		report r = report_of(attr, {getppid_call});
		CHECK(r["NoNewPrivs"] == (have_no_new_privs() ? "1" : "0"));
		CHECK(r[getppid_call] == std::to_string(EXDEV));
		CHECK(r["Uid"] == "0\t0\t0\t0");
	});
}
