/* SPDX-License-Identifier: MIT */
#pragma once

namespace spawnx_core
{

/*
 * The environment of a socket-activated program, sd_listen_fds(3): envp without its
 * LISTEN_ variables and, if n is not 0, with new ones. ret_pid is where the child writes
 * its pid. One block, which the caller frees; its strings are envp's. nullptr: no memory.
 */
char **listen_environment(char *const envp[], int n, char *&ret_pid);

} // namespace spawnx_core
