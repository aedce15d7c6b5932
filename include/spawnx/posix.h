/* SPDX-License-Identifier: MIT */
/*
 * The POSIX names are libspawnx's, by macro: spawnx-migrate(7).
 *
 *     cc -include spawnx/posix.h ... -lspawnx
 *
 * The source is untouched. This header includes nothing when it comes first, so the
 * source's own feature macros (_GNU_SOURCE, _POSIX_C_SOURCE) still decide. The system's
 * <spawn.h> is then read under our names: its types are larger than our handles, which
 * are kept inside, and its prototypes are ours to the letter. Where <spawn.h> was there
 * before, its types have their own names already, and ours come from <spawnx.h>.
 */
#ifndef SPAWNX_POSIX_H
#define SPAWNX_POSIX_H

#ifdef _SPAWN_H
#include <spawnx.h>
#else
#define SPAWNX_POSIX_FIRST
#endif

#define posix_spawn  spawnx
#define posix_spawnp spawnxp
#define pidfd_spawn  pidfd_spawnx
#define pidfd_spawnp pidfd_spawnxp

#define posix_spawnattr_t             spawnxattr_t
#define posix_spawnattr_init          spawnxattr_init
#define posix_spawnattr_destroy       spawnxattr_destroy
#define posix_spawnattr_getflags      spawnxattr_getflags
#define posix_spawnattr_setflags      spawnxattr_setflags
#define posix_spawnattr_getpgroup     spawnxattr_getpgroup
#define posix_spawnattr_setpgroup     spawnxattr_setpgroup
#define posix_spawnattr_getsigdefault spawnxattr_getsigdefault
#define posix_spawnattr_setsigdefault spawnxattr_setsigdefault
#define posix_spawnattr_getsigmask    spawnxattr_getsigmask
#define posix_spawnattr_setsigmask    spawnxattr_setsigmask
#define posix_spawnattr_getschedpolicy spawnxattr_getschedpolicy
#define posix_spawnattr_setschedpolicy spawnxattr_setschedpolicy
#define posix_spawnattr_getschedparam spawnxattr_getschedparam
#define posix_spawnattr_setschedparam spawnxattr_setschedparam
#define posix_spawnattr_getcgroup_np  spawnxattr_getcgroup_np
#define posix_spawnattr_setcgroup_np  spawnxattr_setcgroup_np

#define posix_spawn_file_actions_t       spawnx_file_actions_t
#define posix_spawn_file_actions_init    spawnx_file_actions_init
#define posix_spawn_file_actions_destroy spawnx_file_actions_destroy
#define posix_spawn_file_actions_addopen spawnx_file_actions_addopen
#define posix_spawn_file_actions_addclose spawnx_file_actions_addclose
#define posix_spawn_file_actions_adddup2 spawnx_file_actions_adddup2
#define posix_spawn_file_actions_addchdir spawnx_file_actions_addchdir
#define posix_spawn_file_actions_addchdir_np spawnx_file_actions_addchdir_np
#define posix_spawn_file_actions_addfchdir spawnx_file_actions_addfchdir
#define posix_spawn_file_actions_addfchdir_np spawnx_file_actions_addfchdir_np
#define posix_spawn_file_actions_addclosefrom_np spawnx_file_actions_addclosefrom_np
#define posix_spawn_file_actions_addtcsetpgrp_np spawnx_file_actions_addtcsetpgrp_np

#endif
