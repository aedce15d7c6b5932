/* SPDX-License-Identifier: MIT */
/* What the setters and getters of all attributes have in common. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "failure.hpp"
#include "request.hpp"
#include "spawnx.h"

namespace spawnx_core
{

template <typename T, typename V>
int set(spawnxattr_t *attr, T spawnx_attr::*member, const V *value)
{
	if (!attr || !*attr || !value)
		return finish(EINVAL);
	(*attr)->*member = *value;
	return 0;
}

template <typename T, typename V>
int get(const spawnxattr_t *attr, T spawnx_attr::*member, V *ret)
{
	if (!attr || !*attr || !ret)
		return finish(EINVAL);
	*ret = (*attr)->*member;
	return 0;
}

/* Values that have no "nothing asked for": ENOENT until one is set. */
template <typename T>
int set_once_asked(spawnxattr_t *attr, T spawnx_attr::*member, bool spawnx_attr::*has,
	const T &value)
{
	const bool yes = true;
	const int error = set(attr, member, &value);
	return error ? error : set(attr, has, &yes);
}

template <typename T>
int get_if_asked(const spawnxattr_t *attr, T spawnx_attr::*member,
	bool spawnx_attr::*has, T *ret)
{
	if (!attr || !*attr || !ret)
		return finish(EINVAL);
	return (*attr)->*has ? get(attr, member, ret) : finish(ENOENT);
}

/* A copy to keep; nullptr: no memory. Not of 0 bytes, for which malloc may say NULL. */
inline void *copy_of(const void *from, size_t size)
{
	void *to = malloc(size ? size : 1);
	if (to && size)
		memcpy(to, from, size);
	return to;
}

/* Copies first, so that without memory the old value stays. */
template <typename T> int replace(T *&kept, void *copy)
{
	if (!copy)
		return finish(ENOMEM);
	free(kept);
	kept = static_cast<T *>(copy);
	return 0;
}

} // namespace spawnx_core
