/* SPDX-License-Identifier: MIT */
#include "settings.hpp"

#include <atomic>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace spawnx_preload
{

namespace
{

/* One write, so that lines of several processes do not mix; no stdio before main. */
void complain(const char *word, size_t length)
{
	static const char before[] =
		"libspawnx-preload: SPAWNX_PRELOAD: unknown word ignored: ";
	char line[160];
	const size_t room = sizeof(line) - sizeof(before) - 1;
	const size_t shown = length < room ? length : room;
	size_t used = sizeof(before) - 1;
	memcpy(line, before, used);
	memcpy(line + used, word, shown);
	used += shown;
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0)
		return; /* nobody to tell */
}

settings parse(const char *list)
{
	settings s = {};
	const struct {
		const char *name;
		bool settings::*member;
	} words[] = {{"nonewprivs", &settings::nonewprivs},
		{"cloexec", &settings::cloexec}, {"off", &settings::off}};

	while (list && *list) {
		const size_t length = strcspn(list, ",");
		bool known = length == 0;
		for (const auto &w : words) {
			if (strlen(w.name) == length &&
				memcmp(w.name, list, length) == 0) {
				s.*w.member = true;
				known = true;
			}
		}
		if (!known)
			complain(list, length);
		list += length + (list[length] == ',');
	}
	return s;
}

/* 0: nobody has read it yet; 1: somebody does; 2: it is there. */
std::atomic<int> state;
settings known;

} // namespace

const settings &asked_for()
{
	int found = state.load(std::memory_order_acquire);
	while (found != 2) {
		if (found == 0 && state.compare_exchange_strong(found, 1)) {
			known = parse(secure_getenv("SPAWNX_PRELOAD"));
			state.store(2, std::memory_order_release);
		}
		found = state.load(std::memory_order_acquire);
	}
	return known;
}

short with_added(short flags)
{
	return static_cast<short>(
		asked_for().cloexec ? flags | SPAWNX_CLOEXEC_DEFAULT : flags);
}

int make_attr(spawnxattr_t *attr)
{
	int error = spawnxattr_init(attr);
	if (error)
		return error;
	if ((error = spawnxattr_setflags(attr, with_added(0))) == 0 &&
		asked_for().nonewprivs)
		error = spawnxattr_setnonewprivs(attr, 1);
	if (error)
		(void)spawnxattr_destroy(attr);
	return error;
}

/*
 * SPAWNX_CLOEXEC_DEFAULT closes the standard descriptors too; programs that know nothing
 * of it expect those to be inherited. Onto itself, dup2 keeps one; it must be open.
 */
int make_actions(spawnx_file_actions_t *actions)
{
	int error = spawnx_file_actions_init(actions);
	for (int fd = 0; !error && asked_for().cloexec && fd <= STDERR_FILENO; fd++) {
		const int flags = fcntl(fd, F_GETFD);
		if (flags < 0 || (flags & FD_CLOEXEC))
			continue; /* not there, or not meant for a child */
		error = spawnx_file_actions_adddup2(actions, fd, fd);
		if (error)
			(void)spawnx_file_actions_destroy(actions);
	}
	return error;
}

} // namespace spawnx_preload
