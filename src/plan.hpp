/* SPDX-License-Identifier: MIT */
/*
 * The plan: what one spawn does, flat and trivially copyable. lower() makes it from a
 * request and the kernel's features; launch() runs it; the child interprets it. The
 * child never sees a handle, a feature or a fallback: that is all decided here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <type_traits>

#include "kernel.hpp"
#include "plan_parts.hpp"

namespace spawnx_core
{

struct request;

/* What the child can do. The order of steps is lower()'s and child.cpp's business. */
enum class op : uint16_t {
	unshare_files = 1, /* a, b: a range to leave behind */
	no_new_privs,
	idmap,           /* data: id_maps */
	cgroup_procs,    /* a: the cgroup */
	clear_handlers,  /* every caught signal to its default */
	default_signals, /* those in set */
	ignore_signals,  /* those in set */
	setscheduler, /* a: policy, b: priority */
	setparam,     /* b: priority */
	affinity,     /* data: the mask, set: its size */
	nice,         /* a */
	rlimits,      /* data: limits */
	oom_score_adj, /* path: the number */
	setsid,
	setpgid,  /* a: the group */
	resetids,
	cloexec_all, /* every open descriptor to close-on-exec */
	open,     /* a: descriptor, b: flags, set: mode, path */
	openat,   /* the same, and set's upper half: the directory */
	close,    /* a: descriptor */
	dup2,     /* a: from, b: to */
	chdir,    /* path */
	fchdir,   /* a: descriptor */
	closefrom, /* a: the lowest */
	tcsetpgrp, /* a: the terminal */
	inherit,   /* a: descriptor */
	map,       /* a: from, b: to */
	map_save,  /* a: from; for the one that closes a circle */
	map_saved, /* b: to */
	setctty,   /* a: the terminal */
	listenfds, /* a: how many, from 3 on */
	umask,     /* a */
	caps_before_ids, /* data: capabilities, a: keep those permitted */
	groups,    /* data, set: how many */
	gid,       /* set */
	uid,       /* set */
	caps_after_ids, /* data: capabilities */
	pdeathsig, /* a: signal, b: the parent */
	landlock,  /* a: the ruleset */
	seccomp,   /* data: a sock_fprog */
	sigmask,  /* set */
	restore_sigmask, /* what launch() found before it blocked all signals */
};

/* A file action is held in its handle as the very step the child will do. */
struct step {
	op what;
	uint16_t reserved;
	int32_t index; /* which file action, from 0; else -1 */
	int32_t a, b;
	uint64_t set;
	union {
		const char *path;
		const void *data; /* in the attributes object */
	};
};
static_assert(std::is_trivially_copyable_v<step> && std::is_standard_layout_v<step>);
static_assert(sizeof(step) == 32);

/* What is not there when exec says ENOENT. */
enum class missing : int32_t { unknown, program, interpreter };

/*
 * What the child writes, and the only thing: that memory is shared, and what failed.
 * With fork instead of vfork it comes through a pipe, pointers and all: they point into
 * the parent, of which the child is a copy.
 */
struct result {
	int32_t entered; /* 1: the parent sees what the child writes */
	int32_t error;   /* 0: nothing failed */
	const step *at;  /* the step that failed; nullptr: exec */
	const char *path; /* what exec was refused; nullptr: no candidate was there */
	int32_t element = -1; /* a descriptor, a resource, a capability; -1: none of them */
	bool whole = false; /* all capabilities: that they are kept, the ambient set cleared */
	enum missing missing;
	int32_t directory; /* so many bytes of the path are no directory; 0: not that */
	int32_t inheritable; /* 1: element is what may not become inheritable */
	char interpreter[128]; /* which one is missing; empty: not known */
};

/* Whose child it becomes. The others are the weaker fallbacks, which take a relay. */
enum class parent : uint8_t { us, init, guard };

inline constexpr size_t most_head_steps = 16;
inline constexpr size_t most_tail_steps = 12;

struct plan {
	uint64_t clone_flags; /* as clone3(2) takes them */
	uint64_t native;      /* features (1 << id) the kernel does for this spawn */
	uint64_t emulated;    /* features the library does for it */
	bool clone3;          /* or clone(2), where clone3 is absent or blocked */
	bool autoreap;        /* nobody can wait for the child, not even us */
	bool block_signals;   /* in the parent, round the clone; the last step unblocks */
	bool close_range;     /* the kernel has it */
	enum parent parent;
	bool changes_ids;     /* clears the parent's dumpable flag: dumpable.hpp */
	uint16_t head_count, tail_count;
	int cgroup; /* with CLONE_INTO_CGROUP */
	int pidfd;  /* written by the kernel before the child runs; -1 */

	const step *actions; /* between the two below */
	size_t action_count;

	const char *const *candidates; /* what to exec, in turn: one, or a PATH's */
	size_t candidate_count;
	int no_candidate; /* the error where there is none */
	int execfd;       /* run this descriptor instead; -1: none */
	char *listen_pid; /* in envp, where the child writes its pid; ends with a null */
	char *const *argv;
	char *const *envp;

	/* launch() and the child: */
	kernel::sigset caller_mask;
	int report[2]; /* pipe for the result until memory is proved shared; else -1 */
	struct result result;
	struct relay relay;
	guard_program guard;

	/* Last, and not cleared: memory that is not touched costs nothing. */
	step head[most_head_steps]; /* before the file actions */
	step tail[most_tail_steps]; /* after them */
};
static_assert(std::is_trivially_copyable_v<plan> && std::is_standard_layout_v<plan>);

/* Features this request makes use of, to be probed before lower(). */
uint64_t features_wanted(const request &);

/*
 * Pure: no system call, no global. Returns 0, or ENOTSUP and the missing feature's id.
 * plan.candidates point into the request.
 */
int lower(const request &, uint64_t native, plan &, unsigned &missing);

} // namespace spawnx_core
