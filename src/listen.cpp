/* SPDX-License-Identifier: MIT */
#include "listen.hpp"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace spawnx_core
{

/* The names end with '=', as they stand in an environment. */
static constexpr char name_of_pid[] = "LISTEN_PID=";
static constexpr char name_of_count[] = "LISTEN_FDS=";
static constexpr char name_of_names[] = "LISTEN_FDNAMES=";
static constexpr char name_of_pidfd_id[] = "LISTEN_PIDFDID="; /* systemd 258 */
static constexpr size_t digits = sizeof("2147483647");

static bool announces(const char *variable)
{
	return strncmp(variable, name_of_pid, sizeof(name_of_pid) - 1) == 0 ||
		strncmp(variable, name_of_count, sizeof(name_of_count) - 1) == 0 ||
		strncmp(variable, name_of_names, sizeof(name_of_names) - 1) == 0 ||
		strncmp(variable, name_of_pidfd_id, sizeof(name_of_pidfd_id) - 1) == 0;
}

char **listen_environment(char *const envp[], int n, char *&ret_pid)
{
	constexpr size_t pid_size = sizeof(name_of_pid) + digits;
	constexpr size_t count_size = sizeof(name_of_count) + digits;
	size_t variables = 0;
	while (envp[variables])
		variables++;
	const size_t table = (variables + 3) * sizeof(char *);
	char *block = static_cast<char *>(calloc(1, table + pid_size + count_size));
	if (!block)
		return nullptr;

	char **to = reinterpret_cast<char **>(block);
	char **const environment = to;
	for (size_t i = 0; i < variables; i++)
		if (!announces(envp[i]))
			*to++ = envp[i];
	/* A program told of 0 descriptors takes it for an error; so it is told nothing. */
	if (n == 0)
		return environment;
	char *pid = block + table, *count = pid + pid_size;
	memcpy(pid, name_of_pid, sizeof(name_of_pid));
	(void)snprintf(count, count_size, "%s%d", name_of_count, n);
	*to++ = pid;
	*to++ = count;
	ret_pid = pid + sizeof(name_of_pid) - 1;
	return environment;
}

} // namespace spawnx_core
