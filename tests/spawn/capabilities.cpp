/* SPDX-License-Identifier: MIT */
/* Capabilities of the child: libcap's IAB, by text and as an object, and securebits. */
#include "others.hpp"

#include <spawnx/libcap.h>

#include <cerrno>
#include <cinttypes>
#include <linux/securebits.h>
#include <sys/prctl.h>

using namespace others;

/* The five lines of a status: which, and nothing else, must be right in the child. */
struct sets {
	std::uint64_t inherited, permitted, effective, bounding, ambient;

	explicit sets(const report &r)
	    : inherited(line(r, "CapInh")), permitted(line(r, "CapPrm")),
	      effective(line(r, "CapEff")), bounding(line(r, "CapBnd")),
	      ambient(line(r, "CapAmb"))
	{
	}

private:
	static std::uint64_t line(const report &r, const char *name)
	{
		return std::stoull(r.at(name), nullptr, 16);
	}
};

static std::uint64_t bit(int cap)
{
	return UINT64_C(1) << cap;
}

static sets ours()
{
	return sets(own_status());
}

struct iab {
	cap_iab_t object;

	explicit iab(const char *text) : object(cap_iab_from_text(text))
	{
		REQUIRE(object);
	}
	~iab()
	{
		cap_free(object);
	}
	iab(const iab &) = delete;
	iab &operator=(const iab &) = delete;
};

static sets sets_of(spawnxattr_t *attr)
{
	const public_helper program("report");
	return sets(report_of(attr, program));
}

/* By text and as an object: the same child. */
static sets as_user(const char *text)
{
	attributes by_text, by_object;
	const iab same(text);
	REQUIRE(CALL(spawnxattr_setcap_iab_text(by_text, text)) == 0);
	REQUIRE(CALL(spawnxattr_setcap_iab(by_object, same.object)) == 0);
	for (spawnxattr_t *attr : {&by_text.handle, &by_object.handle}) {
		REQUIRE(CALL(spawnxattr_setgid(attr, 1000)) == 0);
		REQUIRE(CALL(spawnxattr_setgroups(attr, 0, nullptr)) == 0);
		REQUIRE(CALL(spawnxattr_setuid(attr, 1000)) == 0);
	}
	const sets a = sets_of(by_text), b = sets_of(by_object);
	CHECK(a.inherited == b.inherited);
	CHECK(a.permitted == b.permitted);
	CHECK(a.effective == b.effective);
	CHECK(a.bounding == b.bounding);
	CHECK(a.ambient == b.ambient);
	return a;
}

SPAWNX_TEST("iab: ambient survives the change of the user, all else goes", "[root]")
{
	const std::uint64_t all = ours().bounding, raw = bit(CAP_NET_RAW);
	const sets r = as_user("^cap_net_raw");
	CHECK(r.inherited == raw);
	CHECK(r.permitted == raw);
	CHECK(r.effective == raw);
	CHECK(r.ambient == raw);
	CHECK(r.bounding == all);
}

SPAWNX_TEST("iab: inheritable alone gives a program without file capabilities nothing",
	"[root]")
{
	const std::uint64_t all = ours().bounding;
	const sets r = as_user("cap_chown");
	CHECK(r.inherited == bit(CAP_CHOWN));
	CHECK(r.permitted == 0);
	CHECK(r.effective == 0);
	CHECK(r.ambient == 0);
	CHECK(r.bounding == all);
	CHECK(as_user("%cap_chown,cap_kill").inherited ==
		(bit(CAP_CHOWN) | bit(CAP_KILL)));
}

SPAWNX_TEST("iab: the bounding set loses what is blocked, and nothing else", "[root]")
{
	const std::uint64_t all = ours().bounding;
	REQUIRE((all & bit(CAP_CHOWN)) != 0);
	sets r = as_user("!cap_chown");
	CHECK(r.bounding == (all & ~bit(CAP_CHOWN)));
	CHECK(r.inherited == 0);
	CHECK(r.ambient == 0);
	/* What may be inherited and yet not be gained. */
	r = as_user("!%cap_chown");
	CHECK(r.bounding == (all & ~bit(CAP_CHOWN)));
	CHECK(r.inherited == bit(CAP_CHOWN));
	CHECK(r.ambient == 0);
	r = as_user("!^cap_chown,^cap_net_raw,!cap_kill,%cap_setuid");
	CHECK(r.bounding == (all & ~bit(CAP_CHOWN) & ~bit(CAP_KILL)));
	CHECK(r.inherited == (bit(CAP_CHOWN) | bit(CAP_NET_RAW) | bit(CAP_SETUID)));
	CHECK(r.ambient == (bit(CAP_CHOWN) | bit(CAP_NET_RAW)));
	CHECK(r.permitted == r.ambient);
	CHECK(r.effective == r.ambient);
	CHECK(ours().bounding == all);
	/* The right to drop from it may itself be dropped. */
	CHECK(as_user("!cap_setpcap,!cap_setuid,!cap_setgid").bounding ==
		(all & ~bit(CAP_SETPCAP) & ~bit(CAP_SETUID) & ~bit(CAP_SETGID)));
}

SPAWNX_TEST("iab without a change of ids: root's program, less what is blocked", "[root]")
{
	const sets mine = ours();
	attributes attr;
	REQUIRE(CALL(spawnxattr_setcap_iab_text(attr, "!cap_chown,^cap_kill")) == 0);
	const sets r = sets_of(attr);
	CHECK(r.bounding == (mine.bounding & ~bit(CAP_CHOWN)));
	CHECK(r.permitted == (mine.bounding & ~bit(CAP_CHOWN)));
	CHECK(r.inherited == bit(CAP_KILL));
	CHECK(r.ambient == bit(CAP_KILL));
	CHECK(ours().inherited == mine.inherited);
	CHECK(ours().ambient == mine.ambient);
	CHECK(ours().permitted == mine.permitted);
	CHECK(ours().effective == mine.effective);
}

SPAWNX_TEST("no iab: what setresuid leaves; an empty one clears what was ours", "[root]")
{
	const sets mine = ours();
	const iab empty("");
	const cap_iab_t saved = cap_iab_get_proc(), some = cap_iab_from_text("^cap_kill");
	attributes attr, none;
	REQUIRE(CALL(spawnxattr_setuid(attr, 1000)) == 0);
	REQUIRE(CALL(spawnxattr_setuid(none, 1000)) == 0);
	REQUIRE(CALL(spawnxattr_setcap_iab(none, empty.object)) == 0);
	attributes stays, goes;
	REQUIRE(CALL(spawnxattr_setcap_iab_text(goes, "")) == 0);

	REQUIRE(cap_iab_set_proc(some) == 0);
	const sets plain = sets_of(attr), cleared = sets_of(none);
	const sets kept = sets_of(stays), lost = sets_of(goes);
	REQUIRE(cap_iab_set_proc(saved) == 0);
	cap_free(some);
	cap_free(saved);

	CHECK(plain.inherited == bit(CAP_KILL));
	CHECK(plain.permitted == 0);
	CHECK(plain.effective == 0);
	CHECK(plain.ambient == 0);
	CHECK(plain.bounding == mine.bounding);
	CHECK(cleared.inherited == 0);
	CHECK(cleared.permitted == 0);
	CHECK(cleared.bounding == mine.bounding);
	CHECK(kept.inherited == bit(CAP_KILL));
	CHECK(kept.ambient == bit(CAP_KILL));
	CHECK(lost.inherited == 0);
	CHECK(lost.ambient == 0);
}

SPAWNX_TEST("iab: what libcap does not understand is EINVAL, and changes nothing")
{
	spawnxattr_t none = nullptr;
	attributes attr;
	const iab some("!cap_chown");
	cap_t other = cap_init();
	REQUIRE(CALL(spawnxattr_setcap_iab_text(attr, "^cap_net_raw")) == 0);
	for (const char *bad : {"cap_nonsense", "cap_chown,,", "cap_chown cap_kill",
		     "^cap_chown,cap_x", "=", "all=eip"}) {
		INFO(bad);
		CHECK(CALL(spawnxattr_setcap_iab_text(attr, bad)) == EINVAL);
	}
	CHECK(CALL(spawnxattr_setcap_iab_text(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_setcap_iab(attr, nullptr)) == EINVAL);
	/* A cap_t is another of libcap's objects. */
	CHECK(CALL(spawnxattr_setcap_iab(attr, reinterpret_cast<cap_iab_t>(other))) ==
		EINVAL);
	cap_free(other);
	const char *text = nullptr;
	REQUIRE(CALL(spawnxattr_getcap_iab_text(attr, &text)) == 0);
	CHECK(std::string(text) == "^cap_net_raw");

	cap_iab_t object = nullptr;
	CHECK(CALL(spawnxattr_getcap_iab_text(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_getcap_iab(attr, nullptr)) == EINVAL);
	for (spawnxattr_t *bad : {static_cast<spawnxattr_t *>(nullptr), &none}) {
		unsigned bits;
		CHECK(CALL(spawnxattr_setcap_iab_text(bad, "")) == EINVAL);
		CHECK(CALL(spawnxattr_setcap_iab(bad, some.object)) == EINVAL);
		CHECK(CALL(spawnxattr_getcap_iab_text(bad, &text)) == EINVAL);
		CHECK(CALL(spawnxattr_getcap_iab(bad, &object)) == EINVAL);
		CHECK(CALL(spawnxattr_setsecurebits(bad, 0)) == EINVAL);
		CHECK(CALL(spawnxattr_getsecurebits(bad, &bits)) == EINVAL);
	}
	CHECK(object == nullptr);
}

SPAWNX_TEST("iab and securebits: getters hand out what was set")
{
	attributes attr;
	const char *text = "untouched";
	cap_iab_t object = nullptr;
	unsigned bits = 77;
	CHECK(CALL(spawnxattr_getcap_iab_text(attr, &text)) == ENOENT);
	CHECK(CALL(spawnxattr_getcap_iab(attr, &object)) == ENOENT);
	CHECK(CALL(spawnxattr_getsecurebits(attr, &bits)) == ENOENT);
	CHECK(CALL(spawnxattr_getsecurebits(attr, nullptr)) == EINVAL);
	CHECK(std::string(text) == "untouched");
	CHECK(object == nullptr);
	CHECK(bits == 77);

	/* The very text, not libcap's wording of it. */
	for (const std::string &one : {std::string("^cap_net_raw,!cap_chown"),
		     std::string(""), std::string("%5,cap_chown")}) {
		REQUIRE(CALL(spawnxattr_setcap_iab_text(attr, one.c_str())) == 0);
		REQUIRE(CALL(spawnxattr_getcap_iab_text(attr, &text)) == 0);
		CHECK(text == one);
		CHECK(static_cast<const void *>(text) != one.c_str());
		const iab same(one.c_str());
		REQUIRE(CALL(spawnxattr_getcap_iab(attr, &object)) == 0);
		CHECK(cap_iab_compare(object, same.object) == 0);
		cap_iab_t second = nullptr;
		REQUIRE(CALL(spawnxattr_getcap_iab(attr, &second)) == 0);
		CHECK(second != object);
		CHECK(cap_free(object) == 0);
		CHECK(cap_free(second) == 0);
	}

	cap_iab_t some = cap_iab_from_text("^cap_net_raw,!%cap_chown");
	REQUIRE(CALL(spawnxattr_setcap_iab(attr, some)) == 0);
	REQUIRE(CALL(spawnxattr_getcap_iab(attr, &object)) == 0);
	CHECK(object != some);
	CHECK(cap_iab_compare(object, some) == 0);
	CHECK(cap_free(some) == 0); /* still the caller's */
	REQUIRE(CALL(spawnxattr_getcap_iab_text(attr, &text)) == 0);
	const iab reread(text);
	CHECK(cap_iab_compare(object, reread.object) == 0);
	CHECK(cap_free(object) == 0);

	REQUIRE(CALL(spawnxattr_setsecurebits(attr, 0x41)) == 0);
	REQUIRE(CALL(spawnxattr_getsecurebits(attr, &bits)) == 0);
	CHECK(bits == 0x41);
}

SPAWNX_TEST("securebits: root without root's capabilities; locks stay", "[root]")
{
	const public_helper program("report");
	const auto mine = prctl(PR_GET_SECUREBITS);
	const unsigned bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
		SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS_LOCKED;
	attributes attr;
	REQUIRE(CALL(spawnxattr_setsecurebits(attr, bits)) == 0);
	const report r = report_of(attr, program);
	CHECK(r.at("securebits") == std::to_string(bits));
	CHECK(sets(r).permitted == 0);
	CHECK(sets(r).bounding == ours().bounding);
	CHECK(prctl(PR_GET_SECUREBITS) == mine);
	/* After the change of the user the right to set them is still at hand. */
	REQUIRE(CALL(spawnxattr_setuid(attr, 1000)) == 0);
	CHECK(report_of(attr, program).at("securebits") == std::to_string(bits));
	REQUIRE(CALL(spawnxattr_setsecurebits(attr, 0)) == 0);
	CHECK(report_of(attr, program).at("securebits") == "0");
}

SPAWNX_TEST("securebits that forbid to raise ambient capabilities come after raising",
	"[root]")
{
	const public_helper program("report");
	const unsigned bits =
		SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
	attributes attr;
	REQUIRE(CALL(spawnxattr_setsecurebits(attr, bits)) == 0);
	REQUIRE(CALL(spawnxattr_setcap_iab_text(attr, "^cap_net_raw,!cap_setpcap")) == 0);
	REQUIRE(CALL(spawnxattr_setuid(attr, 1000)) == 0);
	const report r = report_of(attr, program);
	CHECK(r.at("securebits") == std::to_string(bits));
	CHECK(sets(r).ambient == bit(CAP_NET_RAW));
	CHECK(sets(r).effective == bit(CAP_NET_RAW));
	CHECK(numbers_in(r.at("Uid")) == four(1000));
}
