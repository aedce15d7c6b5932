/* SPDX-License-Identifier: MIT */
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <cerrno>
#include <cstdio>
#include <string>

#include "spawnx.h"

namespace unit
{

/* A failure put together by hand, as a caller might. */
inline spawnx_failure made(int stage, int error, const char *text = "")
{
	spawnx_failure f = {};
	f.size = sizeof(f);
	f.error = error;
	f.stage = stage;
	f.index = f.fd = -1;
	std::snprintf(f.text, sizeof(f.text), "%s", text);
	return f;
}

inline std::string words(const spawnx_failure &f)
{
	char buf[1024];
	errno = 4095;
	REQUIRE(spawnx_strfailure(&f, buf, sizeof(buf)) == 0);
	CHECK(errno == 4095);
	return buf;
}

} // namespace unit
