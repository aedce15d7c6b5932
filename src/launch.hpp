/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

namespace spawnx_core
{

struct plan;

struct launched {
	int error = 0;      /* or a positive error number: there is no child */
	bool cloned = false; /* on error: there was one, and plan.result tells how it failed */
	int killed_by = 0;  /* on ECANCELED: the signal that came before exec */
	pid_t pid = -1;
	int pidfd = -1; /* -1: none asked for */
};

/* Runs the plan. Leaves nothing behind on failure. */
launched launch(plan &);

} // namespace spawnx_core
