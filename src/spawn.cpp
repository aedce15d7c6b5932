/* SPDX-License-Identifier: MIT */
/* The public entry points: check → lower → launch → report. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failure.hpp"
#include "features.hpp"
#include "gap.hpp"
#include "launch.hpp"
#include "listen.hpp"
#include "plan.hpp"
#include "request.hpp"
#include "search.hpp"
#include "spawnx.h"

namespace spawnx_core
{

namespace
{

struct call {
	unsigned how;
	bool pidfd; /* the caller takes one */
	const char *path;
	const spawnx_file_actions_t *actions;
	const spawnxattr_t *attr;
	char *const *argv;
	char *const *envp;
};

/* A NULL pointer is "none"; a NULL handle was never made, or is destroyed. */
int check(const call &c, request &r, spawnx_failure &f)
{
	const auto refuse = [&f](argument which) {
		f = argument_failure(which);
		return f.error;
	};
	if (!c.argv)
		return refuse(argument::argv);
	if (c.how != 0 && c.how != SPAWNX_SEARCH_PATH && c.how != SPAWNX_SEARCH_ENVP)
		return refuse(argument::how);
	if (c.actions && !*c.actions)
		return refuse(argument::actions);
	if (c.attr && !*c.attr)
		return refuse(argument::attr);
	r.actions = c.actions ? *c.actions : nullptr;
	r.attr = c.attr ? *c.attr : nullptr;
	if (!c.path && !(r.attr && r.attr->has_execfd))
		return refuse(argument::path);
	r.argv = c.argv;
	static char *const empty[] = {nullptr}; /* as glibc: no envp, no environment */
	r.envp = c.envp ? c.envp : empty;
	r.pidfd = c.pidfd;
	/* Nobody would hold what keeps the child alive. */
	if (r.attr && r.attr->autokill && !r.pidfd)
		return refuse(argument::autokill_without_pidfd);
	if (r.attr && r.attr->has_idmap && !(r.attr->namespaces & kernel::clone_newuser))
		return refuse(argument::idmap_without_newuser);
	r.self = r.attr && r.attr->pdeathsig ? getpid() : 0;
	r.table_size = wants_table_size(r) ? table_size() : 0;
	return 0;
}

/*
 * A filter may have been installed since clone3 was probed, and clone3 refuses for many
 * reasons. Ask again; only another answer is a reason to try another plan.
 */
bool features_changed(int error, uint64_t wanted, uint64_t &native)
{
	if (error != ENOSYS && error != EPERM && error != EINVAL && error != E2BIG)
		return false;
	const uint64_t now = feature::native_after(error, wanted, native);
	const bool changed = now != native;
	native = now;
	return changed;
}

int lower_and_launch(
	const call &c, const request &r, spawnx_child &child, spawnx_failure &f)
{
	const uint64_t wanted = features_wanted(r);
	uint64_t native = feature::native_or_unasked(wanted);
	plan p;
	launched l;

	/* New flags, old ones, clone3 at all: not more often than that. */
	for (int retries = 3;; retries--) {
		unsigned missing;
		if (lower(r, native, p, missing)) {
			f = feature_failure(missing);
			return f.error;
		}
		l = launch(p);
		if (!l.error || l.cloned || !retries ||
			!features_changed(l.error, wanted, native))
			break;
	}

	if (l.error) {
		f = launch_failure(p, l, c.path);
		return f.error;
	}
	child.pid = l.pid;
	child.pidfd = l.pidfd;
	child.native = p.native;
	child.emulated = p.emulated;
	return 0;
}

/* With a slash there is nothing to look for; an empty name is ENOENT from exec itself. */
bool wants_search(const call &c, const request &r)
{
	if (r.attr && r.attr->has_execfd)
		return false;
	return c.how != 0 && c.path[0] && !strchr(c.path, '/');
}

int search_and_launch(const call &c, request &r, spawnx_child &child, spawnx_failure &f)
{
	r.no_candidate = ENOENT;
	r.candidates = &c.path;
	r.candidate_count = 1;
	if (!wants_search(c, r))
		return lower_and_launch(c, r, child, f);
	if (strlen(c.path) > NAME_MAX) {
		/* In no directory, whatever PATH has; still after the file actions. */
		r.candidate_count = 0;
		r.no_candidate = ENAMETOOLONG;
		return lower_and_launch(c, r, child, f);
	}

	const char *list = c.how == SPAWNX_SEARCH_ENVP ? path_of(c.envp) : getenv("PATH");
	const char **candidates = search_candidates(list, c.path, r.candidate_count);
	if (!candidates) {
		f = argument_failure(argument::memory, ENOMEM);
		return f.error;
	}
	r.candidates = candidates;
	const int error = lower_and_launch(c, r, child, f);
	free(candidates);
	return error;
}

int start(const call &c, spawnx_child &child, spawnx_failure &f)
{
	const int saved = errno; /* malloc and free may touch it */
	request r = {};
	char **environment = nullptr;

	if (const int error = check(c, r, f))
		return error;
	if (r.attr && r.attr->has_listenfds) {
		environment = listen_environment(r.envp, r.attr->listenfds, r.listen_pid);
		if (!environment) {
			f = argument_failure(argument::memory, ENOMEM);
			return f.error;
		}
		r.envp = environment;
	}
	const int error = search_and_launch(c, r, child, f);
	free(environment);
	errno = saved;
	return error;
}

/* Kept out of line: the 256 bytes of a failure are on no successful path's stack. */
int start_and_report(const call &c, spawnx_child &child, spawnx_failure *reterr)
{
	spawnx_failure f;
	const int error = start(c, child, f);
	if (error) {
		remember(f);
		if (reterr)
			copy_out(reterr, f);
	}
	return finish(error);
}

int refuse(argument which, spawnx_failure *reterr)
{
	const spawnx_failure f = argument_failure(which);
	remember(f);
	if (reterr && reterr->size)
		copy_out(reterr, f);
	return finish(f.error);
}

int start_for_pid(pid_t *ret_pid, const call &c)
{
	spawnx_child child;
	const int error = start_and_report(c, child, nullptr);
	if (!error && ret_pid)
		*ret_pid = child.pid;
	return error;
}

int start_for_pidfd(int *ret_pidfd, const call &c)
{
	if (!ret_pidfd)
		return refuse(argument::pidfd, nullptr);
	spawnx_child child;
	const int error = start_and_report(c, child, nullptr);
	if (!error)
		*ret_pidfd = child.pidfd;
	return error;
}

} // namespace

} // namespace spawnx_core

using namespace spawnx_core;

int spawnx(pid_t *ret_pid, const char *path, const spawnx_file_actions_t *actions,
	const spawnxattr_t *attr, char *const argv[], char *const envp[])
{
	return start_for_pid(ret_pid, {0, false, path, actions, attr, argv, envp});
}

int spawnxp(pid_t *ret_pid, const char *file, const spawnx_file_actions_t *actions,
	const spawnxattr_t *attr, char *const argv[], char *const envp[])
{
	return start_for_pid(
		ret_pid, {SPAWNX_SEARCH_PATH, false, file, actions, attr, argv, envp});
}

int pidfd_spawnx(int *ret_pidfd, const char *path, const spawnx_file_actions_t *actions,
	const spawnxattr_t *attr, char *const argv[], char *const envp[])
{
	return start_for_pidfd(ret_pidfd, {0, true, path, actions, attr, argv, envp});
}

int pidfd_spawnxp(int *ret_pidfd, const char *file, const spawnx_file_actions_t *actions,
	const spawnxattr_t *attr, char *const argv[], char *const envp[])
{
	return start_for_pidfd(
		ret_pidfd, {SPAWNX_SEARCH_PATH, true, file, actions, attr, argv, envp});
}

int spawnx_start(spawnx_child *ret_child, spawnx_failure *reterr_failure,
	unsigned int how, const char *path, const spawnx_file_actions_t *actions,
	const spawnxattr_t *attr, char *const argv[], char *const envp[])
{
	if ((ret_child && !ret_child->size) || (reterr_failure && !reterr_failure->size))
		return refuse(argument::size, reterr_failure);
	/* A struct too short for the pidfd asks for none: none can be lost. */
	constexpr size_t with_pidfd = offsetof(spawnx_child, pidfd) + sizeof(int);
	const bool pidfd = ret_child && ret_child->size >= with_pidfd;

	spawnx_child child = {};
	const int error = start_and_report(
		{how, pidfd, path, actions, attr, argv, envp}, child, reterr_failure);
	if (!error && ret_child)
		copy_out(ret_child, child);
	return error;
}
