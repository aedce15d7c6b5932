/* SPDX-License-Identifier: MIT */
/* Attributes: who the child is. Capability texts and names are libcap's business. */
#include <limits.h>
#include <sys/capability.h>

#include "attr.hpp"

using namespace spawnx_core;

/* To setresuid(2) and its kin -1 means "as it is", never an id. */
template <typename id> static bool is_no_id(id value)
{
	return value == static_cast<id>(-1);
}

int spawnxattr_setuid(spawnxattr_t *attr, uid_t uid) noexcept
{
	if (is_no_id(uid))
		return finish(EINVAL);
	return set_once_asked(attr, &spawnx_attr::uid, &spawnx_attr::has_uid, uid);
}

int spawnxattr_getuid(const spawnxattr_t *attr, uid_t *ret) noexcept
{
	return get_if_asked(attr, &spawnx_attr::uid, &spawnx_attr::has_uid, ret);
}

int spawnxattr_setgid(spawnxattr_t *attr, gid_t gid) noexcept
{
	if (is_no_id(gid))
		return finish(EINVAL);
	return set_once_asked(attr, &spawnx_attr::gid, &spawnx_attr::has_gid, gid);
}

int spawnxattr_getgid(const spawnxattr_t *attr, gid_t *ret) noexcept
{
	return get_if_asked(attr, &spawnx_attr::gid, &spawnx_attr::has_gid, ret);
}

int spawnxattr_setgroups(spawnxattr_t *attr, size_t n, const gid_t *groups) noexcept
{
	if (!attr || !*attr || (n && !groups) || n > NGROUPS_MAX)
		return finish(EINVAL);
	for (size_t i = 0; i < n; i++)
		if (is_no_id(groups[i]))
			return finish(EINVAL);
	spawnx_attr *a = *attr;
	if (const int error = replace(a->groups, copy_of(groups, n * sizeof(*groups))))
		return error;
	a->group_count = n;
	a->has_groups = true;
	return 0;
}

int spawnxattr_getgroups(
	const spawnxattr_t *attr, size_t *ret_n, const gid_t **ret_groups) noexcept
{
	if (!attr || !*attr || !ret_n || !ret_groups)
		return finish(EINVAL);
	if (!(*attr)->has_groups)
		return finish(ENOENT);
	*ret_n = (*attr)->group_count;
	*ret_groups = (*attr)->groups;
	return 0;
}

int spawnxattr_setsecurebits(spawnxattr_t *attr, unsigned int bits) noexcept
{
	if (!attr || !*attr)
		return finish(EINVAL);
	(*attr)->caps.securebits = bits;
	(*attr)->caps.has_securebits = true;
	return 0;
}

int spawnxattr_getsecurebits(const spawnxattr_t *attr, unsigned int *ret) noexcept
{
	if (!attr || !*attr || !ret)
		return finish(EINVAL);
	if (!(*attr)->caps.has_securebits)
		return finish(ENOENT);
	*ret = (*attr)->caps.securebits;
	return 0;
}

/* libcap works with errno, which a success of ours leaves alone. */
struct errno_kept {
	const int before = errno;

	~errno_kept()
	{
		errno = before;
	}
};

static uint64_t vector_of(cap_iab_t iab, cap_iab_vector_t which)
{
	uint64_t bits = 0;
	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++)
		if (cap_iab_get_vector(iab, which, cap) == CAP_SET)
			bits |= UINT64_C(1) << cap;
	return bits;
}

/* Takes over text, which is malloc'ed. */
static void keep_iab(spawnx_attr *a, cap_iab_t iab, char *text)
{
	a->caps.inheritable = vector_of(iab, CAP_IAB_INH);
	a->caps.ambient = vector_of(iab, CAP_IAB_AMB);
	a->caps.blocked = vector_of(iab, CAP_IAB_BOUND);
	a->caps.has_iab = true;
	free(a->cap_iab_text);
	a->cap_iab_text = text;
}

static int set_iab(spawnx_attr *a, cap_iab_t iab, const char *text)
{
	char *copy = strdup(text);
	if (!copy)
		return ENOMEM;
	keep_iab(a, iab, copy);
	return 0;
}

static int set_iab_text(spawnx_attr *a, const char *text)
{
	const errno_kept kept;
	errno = EINVAL; /* libcap does not set it for words it does not know */
	cap_iab_t iab = cap_iab_from_text(text);
	if (!iab)
		return errno == ENOMEM ? ENOMEM : EINVAL;
	const int error = set_iab(a, iab, text);
	(void)cap_free(iab);
	return error;
}

static int set_iab_object(spawnx_attr *a, cap_iab_t iab)
{
	const errno_kept kept;
	/* To libcap what is no such object is not even equal to itself, but has a text. */
	if (cap_iab_compare(iab, iab) != 0)
		return EINVAL;
	errno = EINVAL;
	char *text = cap_iab_to_text(iab);
	if (!text)
		return errno == ENOMEM ? ENOMEM : EINVAL;
	const int error = set_iab(a, iab, text);
	(void)cap_free(text);
	return error;
}

int spawnxattr_setcap_iab_text(spawnxattr_t *attr, const char *text) noexcept
{
	if (!attr || !*attr || !text)
		return finish(EINVAL);
	return finish(set_iab_text(*attr, text));
}

int spawnxattr_getcap_iab_text(const spawnxattr_t *attr, const char **ret) noexcept
{
	if (!attr || !*attr || !ret)
		return finish(EINVAL);
	if (!(*attr)->caps.has_iab)
		return finish(ENOENT);
	*ret = (*attr)->cap_iab_text;
	return 0;
}

/* <spawnx/libcap.h>: declared there, as cap_iab_t needs libcap's header. */
extern "C" {
[[gnu::visibility("default")]] int spawnxattr_setcap_iab(
	spawnxattr_t *attr, cap_iab_t iab) noexcept;
[[gnu::visibility("default")]] int spawnxattr_getcap_iab(
	const spawnxattr_t *attr, cap_iab_t *ret_iab) noexcept;
}

int spawnxattr_setcap_iab(spawnxattr_t *attr, cap_iab_t iab) noexcept
{
	if (!attr || !*attr || !iab)
		return finish(EINVAL);
	return finish(set_iab_object(*attr, iab));
}

int spawnxattr_getcap_iab(const spawnxattr_t *attr, cap_iab_t *ret_iab) noexcept
{
	if (!attr || !*attr || !ret_iab)
		return finish(EINVAL);
	if (!(*attr)->caps.has_iab)
		return finish(ENOENT);
	cap_iab_t iab;
	{
		const errno_kept kept;
		iab = cap_iab_from_text((*attr)->cap_iab_text);
	}
	if (!iab)
		return finish(ENOMEM);
	*ret_iab = iab;
	return 0;
}
