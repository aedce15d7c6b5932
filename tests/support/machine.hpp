/* SPDX-License-Identifier: MIT */
/*
 * What this machine should be able to do, from outside knowledge: never from the library.
 * SPAWNX_TEST_HAS and SPAWNX_TEST_LACKS (comma lists of feature names, given with each
 * kernel of tests/vm) decide; where they are silent, the release of the running kernel.
 */
#pragma once

#include <string>

namespace support
{

enum class oracle { has, lacks };

oracle should_have(const std::string &feature);

bool has_writable_cgroups();

/* The directory of report and the other helper programs (SPAWNX_TEST_HELPERS). */
std::string helper(const std::string &name);

} // namespace support
