/* SPDX-License-Identifier: MIT */
#pragma once

#include <cstdio>

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

} // namespace unit
