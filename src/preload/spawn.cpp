/* SPDX-License-Identifier: MIT */
/* posix_spawn and its three siblings. */
#include "objects.hpp"
#include "settings.hpp"

using namespace spawnx_preload;

namespace
{

/*
 * The handles of one call. What SPAWNX_PRELOAD asks for is in the caller's objects since
 * they were made; where the caller has none, the call gets its own.
 */
class call
{
public:
	call(const posix_spawn_file_actions_t *a, const posix_spawnattr_t *b)
	    : actions(ours_in<spawnx_file_actions_t>(a)), attr(ours_in<spawnxattr_t>(b))
	{
		const bool foreign = (a && !actions) || (b && !attr);
		goes_to_next = asked_for().off || (foreign && !actions && !attr);
		if (goes_to_next)
			return;
		/* Neither definition understands both. */
		error = foreign ? refuse(EINVAL) : 0;
		if (!error && !b && (asked_for().nonewprivs || asked_for().cloexec))
			error = make_attr(&own_attr);
		if (!error && !a && asked_for().cloexec)
			error = make_actions(&own_actions);
	}

	~call()
	{
		if (own_attr)
			(void)spawnxattr_destroy(&own_attr);
		if (own_actions)
			(void)spawnx_file_actions_destroy(&own_actions);
	}

	call(const call &) = delete;
	call &operator=(const call &) = delete;

	const spawnx_file_actions_t *actions_or_none() const
	{
		return actions ? &actions : own_actions ? &own_actions : nullptr;
	}

	const spawnxattr_t *attr_or_none() const
	{
		return attr ? &attr : own_attr ? &own_attr : nullptr;
	}

	bool goes_to_next = false;
	int error = 0;

private:
	spawnx_file_actions_t actions, own_actions = nullptr;
	spawnxattr_t attr, own_attr = nullptr;
};

} // namespace

#pragma GCC visibility push(default)

#define SPAWN(name, twin, type)                                                          \
	int name(type *ret, const char *path, const posix_spawn_file_actions_t *actions, \
		const posix_spawnattr_t *attr, char *const argv[], char *const envp[])   \
	{                                                                                \
		const call c(actions, attr);                                             \
		if (c.goes_to_next)                                                      \
			return NEXT(name, ret, path, actions, attr, argv, envp);         \
		if (c.error)                                                             \
			return c.error;                                                  \
		return twin(                                                             \
			ret, path, c.actions_or_none(), c.attr_or_none(), argv, envp);   \
	}

SPAWN(posix_spawn, spawnx, pid_t)
SPAWN(posix_spawnp, spawnxp, pid_t)
SPAWN(pidfd_spawn, pidfd_spawnx, int)
SPAWN(pidfd_spawnp, pidfd_spawnxp, int)
