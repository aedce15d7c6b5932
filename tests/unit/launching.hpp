/* SPDX-License-Identifier: MIT */
/*
 * A spawn with the seam between lower() and launch() open: the features may be another
 * kernel's, and the plan may be altered before it runs.
 */
#pragma once

#include <machine.hpp>
#include <spawning.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "features.hpp"
#include "launch.hpp"
#include "plan.hpp"

namespace unit
{

/*
 * What the program that a case is compiled into is about. unit-tests: no; the child has
 * its parent's memory. fork-tests: yes; CLONE_VM and CLONE_VFORK are taken out of each
 * plan, which is what qemu-user and WSL1 do. They are two programs because the library
 * remembers for the whole process that memory was shared once.
 */
constexpr bool forked = UNIT_FORKED;

class trial
{
public:
	support::attributes attr;
	support::file_actions actions;
	std::vector<std::string> programs = {support::helper("report")};
	std::vector<std::string> arguments = {"report"};
	bool pidfd = false;
	/* Features to do without, of those that this machine has. */
	std::uint64_t without = 0;

	spawnx_core::plan &lower();
	spawnx_core::launched launch(); /* after lower(), or by itself */
	/* A launch that must succeed: report runs and says what it is. */
	support::report run();
	/* A launch that must fail with this error, and unseen. */
	void fail(int error);

	/* After run() and fail(). */
	spawnx_core::plan plan;
	spawnx_core::launched launched;

private:
	bool lowered = false;
	std::vector<const char *> names;
	std::vector<char *> argv;
};

/* The descriptors in a report, with what each is open on: "1=/dev/null". */
std::vector<std::string> descriptors(const support::report &);

/* The same of those a child inherits: ours without close-on-exec. */
std::vector<std::string> inherited();

/* Alive or zombies, also those that no ordinary wait sees. */
bool has_children();

/* The lowest descriptor that is free; the next one after it; … */
std::vector<int> free_descriptors(std::size_t count);

} // namespace unit
