/* SPDX-License-Identifier: MIT */
/* Not in gap.cpp: that is pure. */
#include <stdlib.h>
#include <string.h>

#include "gap.hpp"
#include "syscall.hpp"

namespace spawnx_core
{

size_t table_size()
{
	char text[1024];
	const int fd = static_cast<int>(sys::open_to_read("/proc/self/status"));
	if (fd < 0)
		return 0;
	const long n = sys::pread(fd, text, sizeof(text) - 1, 0);
	(void)sys::close(fd);
	text[n > 0 ? n : 0] = '\0';
	const char *const line = strstr(text, "\nFDSize:");
	return line ? strtoul(line + strlen("\nFDSize:"), nullptr, 10) : 0;
}

} // namespace spawnx_core
