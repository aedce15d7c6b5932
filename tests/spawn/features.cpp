/* SPDX-License-Identifier: MIT */
/* What the library says of this kernel, against what is known of it. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <cstring>

using namespace support;

SPAWNX_TEST("every feature is there where it should be, and absent where it should be")
{
	std::uint64_t native = 0;
	unsigned id = 0;
	for (; const char *name = spawnx_feature_name(id); id++) {
		INFO(name);
		const bool has = should_have(name) == oracle::has;
		const int grade = spawnx_feature(id);
		CHECK((grade == SPAWNX_NATIVE) == has);
		CHECK(grade >= SPAWNX_ABSENT);
		native |= has ? UINT64_C(1) << id : 0;
	}
	CHECK(id == 9);
	CHECK(spawnx_features() == native);
	CHECK(spawnx_features() == native); /* asked again: remembered */
}

/* For the table of kernels that ./dev test shows at its end. */
SPAWNX_TEST("what this kernel can do, in words")
{
	static const char *const grades[] = {"absent", "weaker", "exact", "native"};
	std::string words;
	for (unsigned id = 0; spawnx_feature_name(id); id++) {
		const int grade = spawnx_feature(id);
		REQUIRE((grade >= SPAWNX_ABSENT && grade <= SPAWNX_NATIVE));
		words += std::string(" ") + spawnx_feature_name(id) + "=" + grades[grade];
	}
	WARN("features:" << words);
}

SPAWNX_TEST("grades of what is absent")
{
	/* The relays need it. */
	const int relayed =
		should_have("clone3") == oracle::has ? SPAWNX_WEAK : SPAWNX_ABSENT;
	const int guarded =
		should_have("close_range") == oracle::has && should_have("pidfd") == oracle::has
		? relayed
		: SPAWNX_ABSENT;
	const struct {
		unsigned id;
		const char *name;
		int without;
	} table[] = {{SPAWNX_FEATURE_AUTOREAP, "autoreap", relayed},
		{SPAWNX_FEATURE_AUTOKILL, "autokill", guarded},
		{SPAWNX_FEATURE_NONEWPRIVS, "nonewprivs", SPAWNX_EXACT},
		{SPAWNX_FEATURE_CLONE3, "clone3", SPAWNX_EXACT},
		{SPAWNX_FEATURE_CLEAR_SIGHAND, "clear_sighand", SPAWNX_EXACT},
		{SPAWNX_FEATURE_INTO_CGROUP, "into_cgroup", SPAWNX_WEAK},
		{SPAWNX_FEATURE_PIDFD, "pidfd", SPAWNX_ABSENT},
		{SPAWNX_FEATURE_EXIT_INFO, "exit_info", SPAWNX_ABSENT},
		{SPAWNX_FEATURE_CLOSE_RANGE, "close_range", SPAWNX_EXACT}};
	for (const auto &row : table) {
		INFO(row.name);
		CHECK(std::strcmp(spawnx_feature_name(row.id), row.name) == 0);
		CHECK(spawnx_feature(row.id) ==
			(should_have(row.name) == oracle::has ? SPAWNX_NATIVE
							      : row.without));
	}
	CHECK(spawnx_feature(9) == SPAWNX_ABSENT);
	CHECK(spawnx_feature(~0u) == SPAWNX_ABSENT);
	CHECK(spawnx_feature_name(9) == nullptr);
	CHECK(spawnx_feature_name(~0u) == nullptr);
}

SPAWNX_TEST("the version is the header's")
{
	CHECK(std::strcmp(spawnx_version(), SPAWNX_VERSION) == 0);
}
