/* SPDX-License-Identifier: MIT */
#include "spawnx.h"

const char *spawnx_version(void) noexcept
{
	return SPAWNX_VERSION;
}
