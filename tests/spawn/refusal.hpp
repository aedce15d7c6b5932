/* SPDX-License-Identifier: MIT */
/* A spawn that must be refused, and what the library says about it. */
#pragma once

#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

namespace support
{

/* Checks error and stage; the rest of the failure is the caller's to look at. */
inline spawnx_failure must_fail(int error, int stage, spawnx_file_actions_t *actions,
	spawnxattr_t *attr = nullptr)
{
	const sigchld_counter sigchld;
	const strings argv({"idle", "exit:0"}), envp({});
	pid_t pid = -7;
	const int got =
		CALL(spawnx(&pid, helper("idle").c_str(), actions, attr, argv, envp));
	CHECK(got == error);
	if (got == 0) {
		wait_pid(pid);
		return {};
	}
	CHECK(pid == -7);
	CHECK(sigchld.stray() == 0);
	CHECK(snapshot::take().children.empty());
	const spawnx_failure f = last_failure();
	CHECK(f.error == error);
	CHECK(f.stage == stage);
	return f;
}

} // namespace support
