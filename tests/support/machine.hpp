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

/*
 * Whether clone takes another exit_signal than SIGCHLD: a failed spawn is heard otherwise.
 * Every kernel does; "exit_signal" in SPAWNX_TEST_LACKS says that an emulator does not.
 */
bool has_exit_signal();
/* Whether /proc/self/maps is about us alone; "maps" in SPAWNX_TEST_LACKS: it is not. */
bool has_own_mappings();

/* Where cgroup2 is mounted; empty: nowhere. */
std::string cgroup_root();
bool has_writable_cgroups();
/*
 * One that keeps processes out of a cgroup which shares it out; cpu, cpuset and pids, which
 * threads can be under, do not. Empty: none, as where version 1 has them all.
 */
std::string domain_controller();

/* The directory of report and the other helper programs (SPAWNX_TEST_HELPERS). */
std::string helper(const std::string &name);

} // namespace support
