/* SPDX-License-Identifier: MIT */
/* Attributes: what the child cannot do, and which namespaces it lives in. */
#include "attr.hpp"

using namespace spawnx_core;

int spawnxattr_setseccomp(spawnxattr_t *attr, const sock_fprog *program) noexcept
{
	if (!attr || !*attr || !program || !program->filter || program->len == 0 ||
		program->len > BPF_MAXINSNS)
		return finish(EINVAL);
	spawnx_attr *a = *attr;
	if (const int error = replace(a->seccomp.filter,
		    copy_of(program->filter, program->len * sizeof(*program->filter))))
		return error;
	a->seccomp.len = program->len;
	a->has_seccomp = true;
	return 0;
}

int spawnxattr_getseccomp(const spawnxattr_t *attr, sock_fprog *ret) noexcept
{
	return get_if_asked(attr, &spawnx_attr::seccomp, &spawnx_attr::has_seccomp, ret);
}

int spawnxattr_setlandlock(spawnxattr_t *attr, int ruleset_fd) noexcept
{
	if (!descriptor_in_range(ruleset_fd))
		return finish(EBADF);
	return set_once_asked(
		attr, &spawnx_attr::landlock, &spawnx_attr::has_landlock, ruleset_fd);
}

int spawnxattr_getlandlock(const spawnxattr_t *attr, int *ret) noexcept
{
	return get_if_asked(
		attr, &spawnx_attr::landlock, &spawnx_attr::has_landlock, ret);
}

int spawnxattr_setnamespaces(spawnxattr_t *attr, uint64_t flags) noexcept
{
	if (flags & ~kernel::clone_new_all)
		return finish(EINVAL);
	return set_once_asked(
		attr, &spawnx_attr::namespaces, &spawnx_attr::has_namespaces, flags);
}

int spawnxattr_getnamespaces(const spawnxattr_t *attr, uint64_t *ret) noexcept
{
	return get_if_asked(
		attr, &spawnx_attr::namespaces, &spawnx_attr::has_namespaces, ret);
}

/* A decimal number of 32 bits; nullptr: there is none. */
static const char *skip_number(const char *at, uint64_t &value)
{
	at += strspn(at, " \t");
	if (*at < '0' || *at > '9')
		return nullptr;
	for (value = 0; *at >= '0' && *at <= '9'; at++)
		if ((value = 10 * value + static_cast<uint64_t>(*at - '0')) > UINT32_MAX)
			return nullptr;
	return at;
}

/* Lines of "inside outside count", user_namespaces(7); whose ids do not wrap around. */
static bool is_id_map(const char *map)
{
	if (!*map)
		return false;
	for (;;) {
		uint64_t inside, outside, count;
		if (!(map = skip_number(map, inside)) ||
			!(map = skip_number(map, outside)) ||
			!(map = skip_number(map, count)))
			return false;
		if (count == 0 || inside + count > UINT32_MAX ||
			outside + count > UINT32_MAX)
			return false;
		map += strspn(map, " \t");
		if (*map != '\n')
			return !*map;
		if (!*++map)
			return true;
	}
}

int spawnxattr_setidmap(
	spawnxattr_t *attr, const char *uid_map, const char *gid_map) noexcept
{
	if (!attr || !*attr || (!uid_map && !gid_map) || (uid_map && !is_id_map(uid_map)) ||
		(gid_map && !is_id_map(gid_map)))
		return finish(EINVAL);
	char *uid = uid_map ? strdup(uid_map) : nullptr;
	char *gid = gid_map ? strdup(gid_map) : nullptr;
	if ((uid_map && !uid) || (gid_map && !gid)) {
		free(uid);
		free(gid);
		return finish(ENOMEM);
	}
	spawnx_attr *a = *attr;
	free(a->idmap.uid);
	free(a->idmap.gid);
	a->idmap = {uid, gid};
	a->has_idmap = true;
	return 0;
}

int spawnxattr_getidmap(const spawnxattr_t *attr, const char **ret_uid_map,
	const char **ret_gid_map) noexcept
{
	if (!attr || !*attr || !ret_uid_map || !ret_gid_map)
		return finish(EINVAL);
	if (!(*attr)->has_idmap)
		return finish(ENOENT);
	*ret_uid_map = (*attr)->idmap.uid;
	*ret_gid_map = (*attr)->idmap.gid;
	return 0;
}
