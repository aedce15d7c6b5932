/* SPDX-License-Identifier: MIT */
#include "failure.hpp"

#include <sys/capability.h>

#include "features.hpp"
#include "launch.hpp"
#include "relayed.hpp"
#include "plan.hpp"

namespace spawnx_core
{

/*
 * Initial-exec, so that no call to the dynamic linker is behind an access (nor libc's
 * allocator, nor another NEEDED); the 256 bytes fit what glibc keeps for dlopen.
 */
[[gnu::tls_model("initial-exec")]] static thread_local spawnx_failure last;

void remember(const spawnx_failure &f)
{
	last = f;
}

static spawnx_failure plain_failure(int error, int stage, const char *text)
{
	spawnx_failure f = {};
	f.size = sizeof(f);
	f.error = error;
	f.stage = stage;
	f.index = f.fd = -1;
	if (text)
		strncpy(f.text, text, sizeof(f.text) - 1);
	return f;
}

spawnx_failure argument_failure(argument a, int error)
{
	spawnx_failure f = plain_failure(error, SPAWNX_STAGE_ARGUMENT, nullptr);
	f.reserved = static_cast<int>(a);
	return f;
}

spawnx_failure feature_failure(unsigned missing)
{
	spawnx_failure f =
		plain_failure(ENOTSUP, SPAWNX_STAGE_FEATURE, feature::name(missing));
	f.index = static_cast<int>(missing);
	/* pidfds do without clone3; all else that can be missing needs it. */
	f.reserved = missing == feature::PIDFD ? 0 : feature::clone3_error();
	return f;
}

static int stage_of(op what)
{
	switch (what) {
	case op::no_new_privs:
		return SPAWNX_STAGE_FEATURE;
	case op::idmap:
		return SPAWNX_STAGE_IDMAP;
	case op::cgroup_procs:
		return SPAWNX_STAGE_CLONE;
	case op::clear_handlers:
	case op::default_signals:
	case op::ignore_signals:
	case op::sigmask:
	case op::restore_sigmask:
		return SPAWNX_STAGE_SIGNALS;
	case op::setscheduler:
	case op::setparam:
	case op::affinity:
	case op::nice:
		return SPAWNX_STAGE_SCHED;
	case op::rlimits:
	case op::oom_score_adj:
		return SPAWNX_STAGE_LIMITS;
	case op::setsid:
		return SPAWNX_STAGE_SESSION;
	case op::setpgid:
		return SPAWNX_STAGE_PGROUP;
	case op::resetids:
	case op::groups:
	case op::gid:
	case op::uid:
		return SPAWNX_STAGE_IDS;
	case op::umask:
		return SPAWNX_STAGE_UMASK;
	case op::caps_before_ids:
	case op::caps_after_ids:
		return SPAWNX_STAGE_CAPS;
	case op::pdeathsig:
		return SPAWNX_STAGE_PDEATHSIG;
	case op::landlock:
		return SPAWNX_STAGE_LANDLOCK;
	case op::seccomp:
		return SPAWNX_STAGE_SECCOMP;
	case op::open:
	case op::openat:
	case op::close:
	case op::dup2:
	case op::inherit:
	case op::map:
	case op::map_save:
	case op::map_saved:
	case op::setctty:
	case op::chdir:
	case op::fchdir:
	case op::cloexec_all:
	case op::unshare_files:
	case op::closefrom:
	case op::tcsetpgrp:
	case op::listenfds:
		return SPAWNX_STAGE_ACTION;
	}
	return SPAWNX_STAGE_EXEC;
}

/*
 * autokill needs CLONE_NNP or CAP_SYS_ADMIN in the caller's user namespace. clone3 has
 * other reasons for EPERM too, so that only a caller without the capability is told so.
 */
bool lacks_right_to_autokill(const plan &p)
{
	const uint64_t used = p.native | p.emulated;
	if (!(used & feature::bit(feature::AUTOKILL)) ||
		(used & feature::bit(feature::NONEWPRIVS)))
		return false;
	cap_flag_value_t has = CAP_CLEAR;
	if (cap_t caps = cap_get_proc()) {
		(void)cap_get_flag(caps, CAP_SYS_ADMIN, CAP_EFFECTIVE, &has);
		(void)cap_free(caps);
	}
	return has == CAP_CLEAR;
}

/* No room for one more, or not for these: what only new namespaces are refused with. */
static bool refused_by_namespaces(const plan &p, int error)
{
	return (p.clone_flags & kernel::clone_new_all) &&
		(error == ENOSPC || error == EUSERS || error == EINVAL);
}

/* Which of clone3's refusals are about the cgroup: those no other flag of ours makes. */
static bool refused_by_cgroup(const plan &p, int error)
{
	return (p.clone_flags & kernel::clone_into_cgroup) && error != EAGAIN &&
		error != ENOMEM && error != EMFILE && error != ENFILE &&
		error != EPERM && !refused_by_namespaces(p, error);
}

static spawnx_failure cgroup_failure(const plan &p, int error)
{
	spawnx_failure f = plain_failure(
		error, SPAWNX_STAGE_CLONE, feature::name(feature::INTO_CGROUP));
	f.index = feature::INTO_CGROUP;
	f.fd = p.cgroup;
	return f;
}

static spawnx_failure clone_failure(const plan &p, int error)
{
	spawnx_failure f = plain_failure(error, SPAWNX_STAGE_CLONE, nullptr);
	if (error == EPERM && lacks_right_to_autokill(p)) {
		f = plain_failure(
			error, SPAWNX_STAGE_CLONE, feature::name(feature::AUTOKILL));
		f.index = feature::AUTOKILL;
	} else if (refused_by_cgroup(p, error)) {
		f = cgroup_failure(p, error);
	} else if (p.clone_flags & kernel::clone_new_all) {
		f.reserved = p.clone_flags & kernel::clone_newuser ? with_user_namespace
								   : with_namespaces;
	}
	return f;
}

/* A second string behind the path, if there is room: for spawnx_strfailure alone. */
static void add_detail(spawnx_failure &f, const char *detail)
{
	const size_t at = strlen(f.text) + 1, length = strlen(detail);
	if (at + length < sizeof(f.text))
		memcpy(f.text + at, detail, length);
}

static spawnx_failure exec_failure(
	const plan &p, const launched &l, const char *given_path)
{
	const result &r = p.result;
	const char *path = r.path ? r.path : given_path;
	spawnx_failure f = plain_failure(l.error, SPAWNX_STAGE_EXEC, path);
	f.fd = p.execfd;
	if (l.killed_by) {
		f.reserved = l.killed_by;
	} else if (r.missing == missing::interpreter) {
		f.reserved = static_cast<int>(exec_detail::interpreter);
		add_detail(f, r.interpreter);
	} else if (r.missing == missing::program) {
		const bool searched =
			p.candidate_count != 1 || p.candidates[0] != given_path;
		f.reserved = static_cast<int>(searched ? exec_detail::not_in_path
				: r.directory	   ? exec_detail::directory
						   : exec_detail::program);
		if (!searched)
			f.reserved += exec_detail_length * r.directory;
	}
	return f;
}

static spawnx_failure guard_failure(const plan &p, int error)
{
	if (error == EPERM)
		return clone_failure(p, error);
	return plain_failure(error, SPAWNX_STAGE_GUARD, guard_path);
}

static bool names_path(op what)
{
	return what == op::open || what == op::openat || what == op::chdir;
}

/* Those with a descriptor in a, which is the one the kernel refused. */
static bool is_about_descriptor(op what)
{
	return (stage_of(what) == SPAWNX_STAGE_ACTION && what != op::chdir &&
		       what != op::cloexec_all && what != op::unshare_files &&
		       what != op::map_saved) ||
		what == op::landlock;
}

spawnx_failure launch_failure(const plan &p, const launched &l, const char *given_path)
{
	if (p.relay.guard_error && !p.result.error)
		return guard_failure(p, l.error);
	if (p.parent != parent::us && !l.cloned && l.error == ENOTSUP)
		return feature_failure(p.parent == parent::guard ? feature::AUTOKILL
								 : feature::AUTOREAP);
	if (!l.cloned)
		return clone_failure(p, l.error);
	const step *at = p.result.at;
	/* Killed while it noted the step that had failed: the kill is what counts. */
	if (!at || l.killed_by)
		return exec_failure(p, l, given_path);
	if (at->what == op::no_new_privs) {
		spawnx_failure f = plain_failure(ENOTSUP, SPAWNX_STAGE_FEATURE,
			feature::name(feature::NONEWPRIVS));
		f.index = feature::NONEWPRIVS;
		f.reserved = emulation_refused;
		return f;
	}
	if (at->what == op::cgroup_procs)
		return cgroup_failure(p, l.error);
	spawnx_failure f = plain_failure(l.error, stage_of(at->what),
		names_path(at->what) ? at->path : p.result.path);
	f.index = at->index;
	if (at->what == op::listenfds)
		f.fd = p.result.element;
	else if (p.result.element >= 0)
		f.index = p.result.element;
	else if (is_about_descriptor(at->what))
		f.fd = at->a;
	f.reserved = static_cast<int>(at->what) | (p.result.whole ? of_the_whole : 0);
	/* For strfailure: the kernel wants no-new-privs, or a privilege. */
	if (!((p.native | p.emulated) & feature::bit(feature::NONEWPRIVS)))
		f.reserved |= without_no_new_privs;
	if (p.result.inheritable)
		f.reserved |= of_inheritable_set;
	return f;
}

} // namespace spawnx_core

int spawnx_lastfailure(spawnx_failure *ret) noexcept
{
	using namespace spawnx_core;
	if (!ret || ret->size == 0)
		return finish(EINVAL);
	if (last.error == 0)
		return finish(ENOENT);
	copy_out(ret, last);
	return 0;
}
