/* SPDX-License-Identifier: MIT */
/* The two calls that take libcap's type: spawnxattr_setuid(3). */
#ifndef SPAWNX_LIBCAP_H
#define SPAWNX_LIBCAP_H

#include <sys/capability.h>
#include <spawnx.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Copies; the caller still frees iab with cap_free(3). ENOMEM. */
int spawnxattr_setcap_iab(spawnxattr_t *attr, cap_iab_t iab) SPAWNX_NOTHROW;
/* Makes a new object, which the caller frees with cap_free(3). ENOENT, ENOMEM. */
int spawnxattr_getcap_iab(const spawnxattr_t *attr, cap_iab_t *ret_iab) SPAWNX_NOTHROW;

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
