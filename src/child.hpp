/* SPDX-License-Identifier: MIT */
#pragma once

/* Hidden in every object that calls them: no detour through the GOT. */
#pragma GCC visibility push(hidden)
namespace spawnx_core
{

/* The child's whole life before exec. arg: a plan. Never returns. */
[[noreturn]] void child(void *arg);

/* A child that exits at once, for the probe of PIDFD_INFO_EXIT; it may write 1 to an int. */
[[noreturn]] void child_that_exits(void *);

} // namespace spawnx_core

/* src/arch/<cpu>/clone3.S: the contract is there. */
extern "C" long spawnx_clone(
	long nr, long a, long b, long c, void (*child)(void *), void *arg);
#pragma GCC visibility pop
