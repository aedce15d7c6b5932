/* SPDX-License-Identifier: MIT */
/*
 * The attributes object: what it holds is in request.hpp, what it means in plan.cpp. Here
 * are those of posix_spawn, the lifecycle group and the program; attr_*.cpp have the rest.
 */
#include "attr.hpp"

using namespace spawnx_core;

static constexpr short known_flags = SPAWNX_RESETIDS | SPAWNX_SETPGROUP |
	SPAWNX_SETSIGDEF | SPAWNX_SETSIGMASK | SPAWNX_SETSCHEDPARAM |
	SPAWNX_SETSCHEDULER | SPAWNX_USEVFORK | SPAWNX_SETSID | SPAWNX_SETCGROUP |
	SPAWNX_CLOEXEC_DEFAULT;

int spawnxattr_init(spawnxattr_t *attr) noexcept
{
	if (!attr)
		return finish(EINVAL);
	*attr = static_cast<spawnxattr_t>(calloc(1, sizeof(**attr)));
	return *attr ? 0 : finish(ENOMEM);
}

int spawnxattr_destroy(spawnxattr_t *attr) noexcept
{
	if (!attr || !*attr)
		return finish(EINVAL);
	spawnx_attr *a = *attr;
	free(a->groups);
	free(a->cap_iab_text);
	free(a->seccomp.filter);
	free(a->idmap.uid);
	free(a->idmap.gid);
	free(a->affinity);
	free(a);
	*attr = nullptr;
	return 0;
}

static int set_on(spawnxattr_t *attr, bool spawnx_attr::*member, int on)
{
	const bool value = on != 0;
	return set(attr, member, &value);
}

int spawnxattr_setflags(spawnxattr_t *attr, short flags) noexcept
{
	if (flags & ~known_flags)
		return finish(EINVAL);
	return set(attr, &spawnx_attr::flags, &flags);
}

int spawnxattr_getflags(const spawnxattr_t *attr, short *ret) noexcept
{
	return get(attr, &spawnx_attr::flags, ret);
}

int spawnxattr_setpgroup(spawnxattr_t *attr, pid_t pgroup) noexcept
{
	return set(attr, &spawnx_attr::pgroup, &pgroup);
}

int spawnxattr_getpgroup(const spawnxattr_t *attr, pid_t *ret) noexcept
{
	return get(attr, &spawnx_attr::pgroup, ret);
}

int spawnxattr_setsigdefault(spawnxattr_t *attr, const sigset_t *signals) noexcept
{
	return set(attr, &spawnx_attr::sigdefault, signals);
}

int spawnxattr_getsigdefault(const spawnxattr_t *attr, sigset_t *ret) noexcept
{
	return get(attr, &spawnx_attr::sigdefault, ret);
}

int spawnxattr_setsigmask(spawnxattr_t *attr, const sigset_t *mask) noexcept
{
	return set(attr, &spawnx_attr::sigmask, mask);
}

int spawnxattr_getsigmask(const spawnxattr_t *attr, sigset_t *ret) noexcept
{
	return get(attr, &spawnx_attr::sigmask, ret);
}

/* As glibc: the policies POSIX knows. */
int spawnxattr_setschedpolicy(spawnxattr_t *attr, int policy) noexcept
{
	if (policy != SCHED_OTHER && policy != SCHED_FIFO && policy != SCHED_RR)
		return finish(EINVAL);
	return set(attr, &spawnx_attr::schedpolicy, &policy);
}

int spawnxattr_getschedpolicy(const spawnxattr_t *attr, int *ret) noexcept
{
	return get(attr, &spawnx_attr::schedpolicy, ret);
}

int spawnxattr_setschedparam(spawnxattr_t *attr, const sched_param *param) noexcept
{
	return set(attr, &spawnx_attr::schedparam, param);
}

int spawnxattr_getschedparam(const spawnxattr_t *attr, sched_param *ret) noexcept
{
	return get(attr, &spawnx_attr::schedparam, ret);
}

int spawnxattr_setcgroup_np(spawnxattr_t *attr, int cgroup) noexcept
{
	return set(attr, &spawnx_attr::cgroup, &cgroup);
}

int spawnxattr_getcgroup_np(const spawnxattr_t *attr, int *ret) noexcept
{
	return get(attr, &spawnx_attr::cgroup, ret);
}

int spawnxattr_setautoreap(spawnxattr_t *attr, int on) noexcept
{
	return set_on(attr, &spawnx_attr::autoreap, on);
}

/* The kernel wants CLONE_AUTOREAP for autokill, so one implies the other. */
int spawnxattr_getautoreap(const spawnxattr_t *attr, int *ret) noexcept
{
	if (!attr || !*attr || !ret)
		return finish(EINVAL);
	*ret = (*attr)->autoreap || (*attr)->autokill;
	return 0;
}

int spawnxattr_setautokill(spawnxattr_t *attr, int on) noexcept
{
	return set_on(attr, &spawnx_attr::autokill, on);
}

int spawnxattr_getautokill(const spawnxattr_t *attr, int *ret) noexcept
{
	return get(attr, &spawnx_attr::autokill, ret);
}

int spawnxattr_setnonewprivs(spawnxattr_t *attr, int on) noexcept
{
	return set_on(attr, &spawnx_attr::nonewprivs, on);
}

int spawnxattr_getnonewprivs(const spawnxattr_t *attr, int *ret) noexcept
{
	return get(attr, &spawnx_attr::nonewprivs, ret);
}

/* 0, the initial value, is none; signals are those of the kernel, 1 to 64. */
int spawnxattr_setpdeathsig(spawnxattr_t *attr, int sig) noexcept
{
	if (sig < 0 || sig > kernel::last_signal)
		return finish(EINVAL);
	return set(attr, &spawnx_attr::pdeathsig, &sig);
}

int spawnxattr_getpdeathsig(const spawnxattr_t *attr, int *ret) noexcept
{
	return get(attr, &spawnx_attr::pdeathsig, ret);
}

int spawnxattr_setfallback(spawnxattr_t *attr, int fallback) noexcept
{
	if (fallback != SPAWNX_FALLBACK_EXACT && fallback != SPAWNX_FALLBACK_WEAKER)
		return finish(EINVAL);
	return set_on(attr, &spawnx_attr::weaker, fallback == SPAWNX_FALLBACK_WEAKER);
}

int spawnxattr_getfallback(const spawnxattr_t *attr, int *ret) noexcept
{
	return get(attr, &spawnx_attr::weaker, ret);
}

int spawnxattr_setexecfd(spawnxattr_t *attr, int fd) noexcept
{
	if (!descriptor_in_range(fd))
		return finish(EBADF);
	return set_once_asked(attr, &spawnx_attr::execfd, &spawnx_attr::has_execfd, fd);
}

int spawnxattr_getexecfd(const spawnxattr_t *attr, int *ret) noexcept
{
	return get_if_asked(attr, &spawnx_attr::execfd, &spawnx_attr::has_execfd, ret);
}

int spawnxattr_setlistenfds(spawnxattr_t *attr, int n) noexcept
{
	if (n < 0)
		return finish(EINVAL);
	return set_once_asked(
		attr, &spawnx_attr::listenfds, &spawnx_attr::has_listenfds, n);
}

int spawnxattr_getlistenfds(const spawnxattr_t *attr, int *ret) noexcept
{
	return get_if_asked(
		attr, &spawnx_attr::listenfds, &spawnx_attr::has_listenfds, ret);
}
