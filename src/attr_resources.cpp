/* SPDX-License-Identifier: MIT */
/* Attributes: what the child may use, and how it stands to others. */
#include <stdio.h>

#include "attr.hpp"

using namespace spawnx_core;

int spawnxattr_setrlimit(spawnxattr_t *attr, int resource, const rlimit *limit) noexcept
{
	if (!attr || !*attr || !limit || resource < 0 ||
		resource >= static_cast<int>(RLIM_NLIMITS) ||
		limit->rlim_cur > limit->rlim_max)
		return finish(EINVAL);
	limits &l = (*attr)->limits;
	l.of[resource] = *limit;
	l.known |= 1u << resource;
	return 0;
}

int spawnxattr_getrlimit(const spawnxattr_t *attr, int resource, rlimit *ret) noexcept
{
	if (!attr || !*attr || !ret || resource < 0 ||
		resource >= static_cast<int>(RLIM_NLIMITS))
		return finish(EINVAL);
	const limits &l = (*attr)->limits;
	if (!(l.known >> resource & 1))
		return finish(ENOENT);
	*ret = l.of[resource];
	return 0;
}

int spawnxattr_setumask(spawnxattr_t *attr, mode_t mask) noexcept
{
	if (mask & ~static_cast<mode_t>(0777))
		return finish(EINVAL);
	return set_once_asked(attr, &spawnx_attr::umask, &spawnx_attr::has_umask, mask);
}

int spawnxattr_getumask(const spawnxattr_t *attr, mode_t *ret) noexcept
{
	return get_if_asked(attr, &spawnx_attr::umask, &spawnx_attr::has_umask, ret);
}

int spawnxattr_setnice(spawnxattr_t *attr, int nice) noexcept
{
	if (nice < -20 || nice > 19)
		return finish(EINVAL);
	return set_once_asked(attr, &spawnx_attr::nice, &spawnx_attr::has_nice, nice);
}

int spawnxattr_getnice(const spawnxattr_t *attr, int *ret) noexcept
{
	return get_if_asked(attr, &spawnx_attr::nice, &spawnx_attr::has_nice, ret);
}

int spawnxattr_setoomscoreadj(spawnxattr_t *attr, int value) noexcept
{
	if (!attr || !*attr || value < -1000 || value > 1000)
		return finish(EINVAL);
	(void)snprintf((*attr)->oom_text, sizeof((*attr)->oom_text), "%d", value);
	return set_once_asked(attr, &spawnx_attr::oom_score_adj,
		&spawnx_attr::has_oom_score_adj, value);
}

int spawnxattr_getoomscoreadj(const spawnxattr_t *attr, int *ret) noexcept
{
	return get_if_asked(attr, &spawnx_attr::oom_score_adj,
		&spawnx_attr::has_oom_score_adj, ret);
}

static bool has_a_cpu(const void *set, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (static_cast<const char *>(set)[i])
			return true;
	return false;
}

/* An empty set is refused here: no kernel would take it. */
int spawnxattr_setaffinity(
	spawnxattr_t *attr, size_t size, const cpu_set_t *set) noexcept
{
	if (!attr || !*attr || !set || !has_a_cpu(set, size))
		return finish(EINVAL);
	spawnx_attr *a = *attr;
	if (const int error = replace(a->affinity, copy_of(set, size)))
		return error;
	a->affinity_size = size;
	return 0;
}

/* As sched_getaffinity(2): EINVAL if the set has no room for what was set. */
int spawnxattr_getaffinity(const spawnxattr_t *attr, size_t size, cpu_set_t *ret) noexcept
{
	if (!attr || !*attr || !ret)
		return finish(EINVAL);
	const spawnx_attr *a = *attr;
	if (!a->affinity_size)
		return finish(ENOENT);
	const char *kept = static_cast<const char *>(a->affinity);
	if (size < a->affinity_size && has_a_cpu(kept + size, a->affinity_size - size))
		return finish(EINVAL);
	memset(ret, 0, size);
	memcpy(ret, kept, size < a->affinity_size ? size : a->affinity_size);
	return 0;
}

int spawnxattr_setsigignore(spawnxattr_t *attr, const sigset_t *signals) noexcept
{
	if (!attr || !*attr || !signals)
		return finish(EINVAL);
	return set_once_asked(
		attr, &spawnx_attr::sigignore, &spawnx_attr::has_sigignore, *signals);
}

int spawnxattr_getsigignore(const spawnxattr_t *attr, sigset_t *ret) noexcept
{
	return get_if_asked(
		attr, &spawnx_attr::sigignore, &spawnx_attr::has_sigignore, ret);
}
