/* SPDX-License-Identifier: MIT */
/* A failure in words: file action 2: open "/var/log/x" for fd 1: No such file … */
#include "failure.hpp"

#include <stdarg.h>
#include <stdio.h>
#include <sys/capability.h>

#include "features.hpp"
#include "plan.hpp"

namespace spawnx_core
{

namespace
{

/* A buffer that is filled from the left and always terminated. */
struct words {
	char *buf;
	size_t len;
	size_t used; /* what all of it needs, also past len */

	[[gnu::format(printf, 2, 3)]] void add(const char *format, ...)
	{
		va_list args;
		const bool room = used < len;
		va_start(args, format);
		const int n = vsnprintf(
			room ? buf + used : nullptr, room ? len - used : 0, format, args);
		va_end(args);
		used += n > 0 ? static_cast<size_t>(n) : 0;
	}

	/*
	 * In quotes and on one line: a script that was saved with CR LF wants the
	 * interpreter "/bin/sh\r", and a terminal must not obey what a name has in it.
	 */
	void add_quoted(const char *name, size_t length = SIZE_MAX)
	{
		add("\"");
		for (; *name && length; name++, length--) {
			const unsigned char c = static_cast<unsigned char>(*name);
			if (c == '\\')
				add("\\\\");
			else if (c < ' ' || c == 0177)
				add("\\%03o", c);
			else
				add("%c", c);
		}
		add("\"");
	}
};

const char *argument_words(int which)
{
	switch (static_cast<argument>(which)) {
	case argument::path:
		return "path is NULL";
	case argument::argv:
		return "argv is NULL";
	case argument::pidfd:
		return "the place for the pidfd is NULL";
	case argument::attr:
		return "the attributes object is not initialized";
	case argument::actions:
		return "the file actions object is not initialized";
	case argument::how:
		return "unknown bits in how";
	case argument::size:
		return "the size of an output struct is 0";
	case argument::autokill_without_pidfd:
		return "autokill needs a call that returns a pidfd";
	case argument::idmap_without_newuser:
		return "id maps need CLONE_NEWUSER among the namespaces";
	case argument::memory:
		return "no memory";
	}
	return "not accepted";
}

const char *stage_words(int stage)
{
	static const char *const name[] = {"unknown stage", "argument", "feature",
		"clone3", "signals", "scheduling", "limits", "setsid", "setpgid", "ids",
		"file action", "umask", "capabilities", "pdeathsig", "landlock",
		"seccomp", "idmap", "guard", "exec"};
	return stage > 0 && stage < static_cast<int>(sizeof(name) / sizeof(name[0]))
		? name[stage]
		: name[0];
}

op op_of(const spawnx_failure &f)
{
	return static_cast<op>(
		f.reserved & ~(without_no_new_privs | of_the_whole | of_inheritable_set));
}

void add_action(words &w, const spawnx_failure &f)
{
	const op what = op_of(f);
	if (what == op::unshare_files)
		return w.add("a descriptor table of its own");
	if (what == op::cloexec_all)
		return w.add("close-on-exec for every descriptor");
	if (what == op::listenfds)
		return w.add("fd %d, which listenfds announces", f.fd);
	w.add("file action %d: ", f.index);
	switch (what) {
	case op::open:
	case op::openat:
		w.add("open ");
		w.add_quoted(f.text);
		w.add(" for fd %d", f.fd);
		break;
	case op::close:
		w.add("close fd %d", f.fd);
		break;
	case op::dup2:
		w.add("dup2 of fd %d", f.fd);
		break;
	case op::chdir:
		w.add("chdir to ");
		w.add_quoted(f.text);
		break;
	case op::fchdir:
		w.add("fchdir to fd %d", f.fd);
		break;
	case op::closefrom:
		w.add("closefrom fd %d", f.fd);
		break;
	case op::tcsetpgrp:
		w.add("tcsetpgrp of fd %d", f.fd);
		break;
	case op::inherit:
		w.add("inherit fd %d", f.fd);
		break;
	case op::map:
	case op::map_save:
	case op::map_saved:
		w.add("map");
		if (f.fd >= 0)
			w.add(" of fd %d", f.fd);
		break;
	case op::setctty:
		w.add("fd %d as controlling terminal", f.fd);
		break;
	default: /* a failure that somebody put together by hand */
		w.add("fd %d ", f.fd);
		w.add_quoted(f.text);
		break;
	}
}

void add_feature(words &w, const spawnx_failure &f)
{
	const unsigned id = static_cast<unsigned>(f.index);
	const char *what = feature::what(id);

	w.add("%s: ", f.text);
	if (f.reserved == EPERM)
		w.add("clone3(2) is blocked, as by a seccomp filter (EPERM)");
	else if (f.reserved == ENOSYS)
		w.add("clone3(2) is absent or blocked (ENOSYS)");
	else if (f.reserved == emulation_refused)
		w.add("prctl(2), which stands in for %s, is refused", what ? what : "it");
	else if (what)
		w.add("this kernel has no %s (since Linux %s)", what, feature::since(id));
	else
		w.add("this kernel lacks it");
}

/* What failure.cpp has put behind the path; empty if there was no room. */
const char *detail_of(const spawnx_failure &f)
{
	const size_t at = strlen(f.text) + 1;
	return at < sizeof(f.text) ? f.text + at : "";
}

void add_exec(words &w, const spawnx_failure &f)
{
	w.add("exec ");
	if (f.fd < 0)
		w.add_quoted(f.text);
	else
		w.add("fd %d", f.fd);
	if (f.error == ECANCELED && !f.reserved) /* see launch.cpp */
		return w.add(": ended before it");
	if (f.error == ECANCELED)
		return w.add(": killed by signal %d before it", f.reserved);

	const char *interpreter = detail_of(f);
	const size_t length = static_cast<size_t>(f.reserved / exec_detail_length);
	switch (static_cast<exec_detail>(f.reserved % exec_detail_length)) {
	case exec_detail::program:
		return w.add(": no such program");
	case exec_detail::directory:
		if (length > strlen(f.text))
			return w.add(": a directory before it is missing");
		w.add(": ");
		w.add_quoted(f.text, length);
		return w.add(" is no directory");
	case exec_detail::interpreter:
		w.add(": the program exists, its interpreter ");
		if (interpreter[0]) {
			w.add_quoted(interpreter);
			w.add(" ");
		}
		return w.add("does not");
	case exec_detail::not_in_path:
		return w.add(": not found in PATH");
	}
}

/* What is said of a stage that needs no more; and of failures made by hand. */
void add_stage(words &w, const spawnx_failure &f)
{
	w.add("%s", stage_words(f.stage));
	if (f.text[0]) {
		w.add(" ");
		w.add_quoted(f.text);
	}
}

void add_limit(words &w, const spawnx_failure &f)
{
	static const char *const names[] = {"CPU", "FSIZE", "DATA", "STACK", "CORE",
		"RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING",
		"MSGQUEUE", "NICE", "RTPRIO", "RTTIME"};
	static_assert(sizeof(names) / sizeof(names[0]) == RLIM_NLIMITS);
	if (f.index >= 0 && f.index < static_cast<int>(RLIM_NLIMITS))
		w.add("RLIMIT_%s", names[f.index]);
	else if (op_of(f) == op::oom_score_adj)
		w.add("oom_score_adj");
	else
		add_stage(w, f);
}

void add_caps(words &w, const spawnx_failure &f)
{
	const bool after = op_of(f) == op::caps_after_ids;
	if (!after && op_of(f) != op::caps_before_ids)
		return add_stage(w, f);
	if (f.reserved & of_the_whole)
		return w.add(after ? "clearing of the ambient set"
				   : "keeping of capabilities across the change of the user");
	if (f.index < 0)
		return w.add(after ? "securebits" : "inheritable capabilities");
	char *name = cap_to_name(f.index);
	if (f.reserved & of_inheritable_set)
		w.add("inheritable capability ");
	else
		w.add(after ? "ambient capability " : "bounding set: drop of ");
	if (name)
		w.add("%s", name);
	else
		w.add("%d", f.index);
	(void)cap_free(name);
}

void add_ids(words &w, const spawnx_failure &f)
{
	switch (op_of(f)) {
	case op::groups:
		return w.add("supplementary groups");
	case op::gid:
		return w.add("gid");
	case op::uid:
		return w.add("uid");
	case op::resetids:
		return w.add("reset of the effective ids");
	default:
		return add_stage(w, f);
	}
}

void add_clone(words &w, const spawnx_failure &f)
{
	w.add("clone3");
	if (f.index == feature::AUTOKILL)
		return w.add(": autokill needs no-new-privs or CAP_SYS_ADMIN");
	if (f.index == feature::INTO_CGROUP) {
		w.add(" into the cgroup of fd %d", f.fd);
		if (f.error == EBUSY)
			w.add(": it has controllers for the cgroups below it, and so takes no "
			      "process");
		else if (f.error == EOPNOTSUPP)
			w.add(": its type is \"domain invalid\", as there are threaded "
			      "cgroups beside or above it");
		else if (f.error == EACCES)
			w.add(": its cgroup.procs, or that of a common ancestor, is not ours to "
			      "write");
		return;
	}
	if (f.reserved == with_namespaces || f.reserved == with_user_namespace) {
		w.add(" with new namespaces");
		if (f.error == EPERM && f.reserved == with_namespaces)
			w.add(": they need CAP_SYS_ADMIN, or CLONE_NEWUSER with them");
	}
}

/* The kernel says EPERM for Landlock, and EACCES for seccomp. */
void add_confinement(words &w, const spawnx_failure &f)
{
	add_stage(w, f);
	if (f.fd >= 0)
		w.add(": ruleset of fd %d", f.fd);
	const int refused = f.stage == SPAWNX_STAGE_LANDLOCK ? EPERM : EACCES;
	if (f.error == refused && (f.reserved & without_no_new_privs))
		w.add(": it needs no-new-privs or CAP_SYS_ADMIN");
}

void add_where(words &w, const spawnx_failure &f)
{
	switch (f.stage) {
	case SPAWNX_STAGE_ACTION:
		return add_action(w, f);
	case SPAWNX_STAGE_FEATURE:
		return add_feature(w, f);
	case SPAWNX_STAGE_ARGUMENT:
		return w.add("argument: %s", argument_words(f.reserved));
	case SPAWNX_STAGE_EXEC:
		return add_exec(w, f);
	case SPAWNX_STAGE_CLONE:
		return add_clone(w, f);
	case SPAWNX_STAGE_LIMITS:
		return add_limit(w, f);
	case SPAWNX_STAGE_IDS:
		return add_ids(w, f);
	case SPAWNX_STAGE_CAPS:
		return add_caps(w, f);
	case SPAWNX_STAGE_LANDLOCK:
	case SPAWNX_STAGE_SECCOMP:
		return add_confinement(w, f);
	case SPAWNX_STAGE_SCHED:
		if (op_of(f) == op::affinity)
			return w.add("affinity");
		if (op_of(f) == op::nice)
			return w.add("nice");
		[[fallthrough]];
	default:
		return add_stage(w, f);
	}
}

} // namespace

} // namespace spawnx_core

int spawnx_strfailure(const spawnx_failure *failure, char *buf, size_t len) noexcept
{
	using namespace spawnx_core;
	if (!failure || failure->size == 0 || !buf || len == 0)
		return finish(EINVAL);

	const int saved = errno;
	spawnx_failure f = {};
	memcpy(&f, failure, failure->size < sizeof(f) ? failure->size : sizeof(f));
	f.text[sizeof(f.text) - 1] = '\0';

	words w = {buf, len, 0};
	add_where(w, f);
	w.add(": %s", strerror(f.error));
	errno = saved;
	return finish(w.used < len ? 0 : ERANGE);
}
