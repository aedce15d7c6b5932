/* SPDX-License-Identifier: MIT */
/* A part of <spawnx.hpp>, which includes it: attributes and file actions. */
#ifndef SPAWNX_OBJECTS_HPP
#define SPAWNX_OBJECTS_HPP

#ifndef SPAWNX_HPP
#error "include <spawnx.hpp>"
#endif

namespace spx
{

/*
 * One line makes a setter for a named object and one for a temporary, so that both
 * attributes a = attributes().autokill() and a.autokill() are what they look like.
 */
#define SPX_SETTER(type, name, parameters, call)                                         \
	type &name parameters &                                                          \
	{                                                                                \
		return apply(e, [&] { return call; }, "spx::" #type "::" #name), *this;    \
	}                                                                                \
	type &&name parameters &&                                                        \
	{                                                                                \
		apply(e, [&] { return call; }, "spx::" #type "::" #name);                  \
		return std::move(*this);                                                 \
	}

/* Owns a C handle. A moved-from one, or one there was no memory for, is EINVAL. */
template <typename Handle, int (*Init)(Handle *), int (*Destroy)(Handle *)> class handle {
      public:
	explicit handle(on_error e) { apply(e, [&] { return Init(&handle_); }, "spx: no object"); }
	handle(handle &&from) noexcept
		: handle_(std::exchange(from.handle_, nullptr)), failed_(from.failed_)
	{
	}
	handle &operator=(handle &&from) noexcept
	{
		std::swap(handle_, from.handle_);
		std::swap(failed_, from.failed_);
		return *this;
	}
	~handle()
	{
		if (handle_)
			(void)Destroy(&handle_);
	}

	/* For the C functions. */
	Handle *get() noexcept { return &handle_; }
	const Handle *get() const noexcept { return &handle_; }
	/* What a setter has told a std::error_code last; not 0: start() starts nothing. */
	int failed() const noexcept { return failed_; }

      protected:
	template <typename Call> void apply(const on_error &e, const Call &call, const char *name)
	{
		const int number = e.goes_on() ? call() : e.value();
		failed_ = number && !e.throws() ? number : failed_;
		if (e.goes_on())
			e.report(number, name);
	}

	Handle handle_ = nullptr;

      private:
	int failed_ = 0;
};

/* spawnxattr_init(3). Those of POSIX need their flag in flags(), the others do not. */
class attributes : public handle<spawnxattr_t, spawnxattr_init, spawnxattr_destroy> {
      public:
	explicit attributes(on_error e SPX_OR_THROW) : handle(e) {}

	SPX_SETTER(attributes, flags, (short flags, on_error e SPX_OR_THROW),
		spawnxattr_setflags(&handle_, flags))
	SPX_SETTER(attributes, pgroup, (pid_t group, on_error e SPX_OR_THROW),
		spawnxattr_setpgroup(&handle_, group))
	SPX_SETTER(attributes, signal_default, (const sigset_t &set, on_error e SPX_OR_THROW),
		spawnxattr_setsigdefault(&handle_, &set))
	SPX_SETTER(attributes, signal_mask, (const sigset_t &mask, on_error e SPX_OR_THROW),
		spawnxattr_setsigmask(&handle_, &mask))
	SPX_SETTER(attributes, schedpolicy, (int policy, on_error e SPX_OR_THROW),
		spawnxattr_setschedpolicy(&handle_, policy))
	SPX_SETTER(attributes, schedparam,
		(const sched_param &param, on_error e SPX_OR_THROW),
		spawnxattr_setschedparam(&handle_, &param))
	SPX_SETTER(attributes, cgroup, (int fd, on_error e SPX_OR_THROW),
		spawnxattr_setcgroup_np(&handle_, fd))

	SPX_SETTER(attributes, autoreap, (bool on, on_error e SPX_OR_THROW),
		spawnxattr_setautoreap(&handle_, on))
	SPX_SETTER(attributes, autokill, (bool on, on_error e SPX_OR_THROW),
		spawnxattr_setautokill(&handle_, on))
	SPX_SETTER(attributes, no_new_privs, (bool on, on_error e SPX_OR_THROW),
		spawnxattr_setnonewprivs(&handle_, on))
	SPX_SETTER(attributes, autoreap, (on_error e SPX_OR_THROW),
		spawnxattr_setautoreap(&handle_, 1))
	SPX_SETTER(attributes, autokill, (on_error e SPX_OR_THROW),
		spawnxattr_setautokill(&handle_, 1))
	SPX_SETTER(attributes, no_new_privs, (on_error e SPX_OR_THROW),
		spawnxattr_setnonewprivs(&handle_, 1))
	SPX_SETTER(attributes, pdeathsig, (int sig, on_error e SPX_OR_THROW),
		spawnxattr_setpdeathsig(&handle_, sig))
	SPX_SETTER(attributes, fallback, (int fallback, on_error e SPX_OR_THROW),
		spawnxattr_setfallback(&handle_, fallback))
	SPX_SETTER(attributes, exec_fd, (int fd, on_error e SPX_OR_THROW),
		spawnxattr_setexecfd(&handle_, fd))
	SPX_SETTER(attributes, listen_fds, (int n, on_error e SPX_OR_THROW),
		spawnxattr_setlistenfds(&handle_, n))

	/* spawnxattr_setuid(3) */
	SPX_SETTER(attributes, uid, (uid_t uid, on_error e SPX_OR_THROW),
		spawnxattr_setuid(&handle_, uid))
	SPX_SETTER(attributes, gid, (gid_t gid, on_error e SPX_OR_THROW),
		spawnxattr_setgid(&handle_, gid))
	SPX_SETTER(attributes, groups,
		(std::initializer_list<gid_t> groups, on_error e SPX_OR_THROW),
		spawnxattr_setgroups(&handle_, groups.size(), groups.begin()))
	SPX_SETTER(attributes, groups,
		(const std::vector<gid_t> &groups, on_error e SPX_OR_THROW),
		spawnxattr_setgroups(&handle_, groups.size(), groups.data()))
#if __cplusplus >= 202002L
	/* Any range that has them one beside the other. */
	SPX_SETTER(attributes, groups,
		(std::span<const gid_t> groups, on_error e SPX_OR_THROW),
		spawnxattr_setgroups(&handle_, groups.size(), groups.data()))
#endif
	SPX_SETTER(attributes, cap_iab, (c_string text, on_error e SPX_OR_THROW),
		spawnxattr_setcap_iab_text(&handle_, text.get()))
	SPX_SETTER(attributes, secure_bits, (unsigned bits, on_error e SPX_OR_THROW),
		spawnxattr_setsecurebits(&handle_, bits))

	/* spawnxattr_setseccomp(3); a map that is nullptr is not written. */
	SPX_SETTER(attributes, seccomp,
		(const ::sock_fprog &program, on_error e SPX_OR_THROW),
		spawnxattr_setseccomp(&handle_, &program))
	SPX_SETTER(attributes, landlock, (int ruleset_fd, on_error e SPX_OR_THROW),
		spawnxattr_setlandlock(&handle_, ruleset_fd))
	SPX_SETTER(attributes, namespaces, (uint64_t flags, on_error e SPX_OR_THROW),
		spawnxattr_setnamespaces(&handle_, flags))
	SPX_SETTER(attributes, id_map,
		(c_string uid_map, c_string gid_map, on_error e SPX_OR_THROW),
		spawnxattr_setidmap(&handle_, uid_map.get_or_empty(), gid_map.get_or_empty()))

	/* spawnxattr_setrlimit(3) */
	SPX_SETTER(attributes, rlimit,
		(int resource, const struct ::rlimit &limit, on_error e SPX_OR_THROW),
		spawnxattr_setrlimit(&handle_, resource, &limit))
	SPX_SETTER(attributes, rlimit,
		(int resource, rlim_t cur, rlim_t max, on_error e SPX_OR_THROW),
		set_limit(resource, {cur, max}))
	SPX_SETTER(attributes, umask, (mode_t mask, on_error e SPX_OR_THROW),
		spawnxattr_setumask(&handle_, mask))
	SPX_SETTER(attributes, nice, (int nice, on_error e SPX_OR_THROW),
		spawnxattr_setnice(&handle_, nice))
	SPX_SETTER(attributes, affinity, (const cpu_set_t &set, on_error e SPX_OR_THROW),
		spawnxattr_setaffinity(&handle_, sizeof(set), &set))
	SPX_SETTER(attributes, oom_score_adj, (int value, on_error e SPX_OR_THROW),
		spawnxattr_setoomscoreadj(&handle_, value))
	SPX_SETTER(attributes, signal_ignore, (const sigset_t &set, on_error e SPX_OR_THROW),
		spawnxattr_setsigignore(&handle_, &set))

      private:
	int set_limit(int resource, const struct ::rlimit &limit)
	{
		return spawnxattr_setrlimit(&handle_, resource, &limit);
	}
};

/* spawnx_file_actions_init(3). Done in the order in which they were added. */
class file_actions : public handle<spawnx_file_actions_t, spawnx_file_actions_init,
			     spawnx_file_actions_destroy> {
      public:
	explicit file_actions(on_error e SPX_OR_THROW) : handle(e) {}

	SPX_SETTER(file_actions, open,
		(int fd, c_string path, int flags, mode_t mode, on_error e SPX_OR_THROW),
		spawnx_file_actions_addopen(&handle_, fd, path.get(), flags, mode))
	SPX_SETTER(file_actions, open,
		(int fd, c_string path, int flags, on_error e SPX_OR_THROW),
		spawnx_file_actions_addopen(&handle_, fd, path.get(), flags, 0))
	SPX_SETTER(file_actions, close, (int fd, on_error e SPX_OR_THROW),
		spawnx_file_actions_addclose(&handle_, fd))
	SPX_SETTER(file_actions, dup2, (int fd, int newfd, on_error e SPX_OR_THROW),
		spawnx_file_actions_adddup2(&handle_, fd, newfd))
	SPX_SETTER(file_actions, chdir, (c_string path, on_error e SPX_OR_THROW),
		spawnx_file_actions_addchdir(&handle_, path.get()))
	SPX_SETTER(file_actions, fchdir, (int fd, on_error e SPX_OR_THROW),
		spawnx_file_actions_addfchdir(&handle_, fd))
	SPX_SETTER(file_actions, closefrom, (int from, on_error e SPX_OR_THROW),
		spawnx_file_actions_addclosefrom_np(&handle_, from))
	SPX_SETTER(file_actions, tcsetpgrp, (int fd, on_error e SPX_OR_THROW),
		spawnx_file_actions_addtcsetpgrp_np(&handle_, fd))
	SPX_SETTER(file_actions, inherit, (int fd, on_error e SPX_OR_THROW),
		spawnx_file_actions_addinherit_np(&handle_, fd))
	/* Pairs: what a descriptor is, and what it becomes; all at the same time. */
	SPX_SETTER(file_actions, map,
		(std::initializer_list<std::pair<int, int>> pairs, on_error e SPX_OR_THROW),
		add_map(pairs))
	SPX_SETTER(file_actions, map,
		(const std::vector<std::pair<int, int>> &pairs, on_error e SPX_OR_THROW),
		add_map(pairs))
	SPX_SETTER(file_actions, openat,
		(int fd, int dirfd, c_string path, int flags, mode_t mode,
			on_error e SPX_OR_THROW),
		spawnx_file_actions_addopenat(&handle_, fd, dirfd, path.get(), flags, mode))
	SPX_SETTER(file_actions, openat,
		(int fd, int dirfd, c_string path, int flags, on_error e SPX_OR_THROW),
		spawnx_file_actions_addopenat(&handle_, fd, dirfd, path.get(), flags, 0))
	SPX_SETTER(file_actions, setctty, (int fd, on_error e SPX_OR_THROW),
		spawnx_file_actions_addsetctty(&handle_, fd))

      private:
	template <typename Pairs> int add_map(const Pairs &pairs)
	{
		std::vector<int> from, to;
		for (const auto &pair : pairs) {
			from.push_back(pair.first);
			to.push_back(pair.second);
		}
		return spawnx_file_actions_addmapfds(
			&handle_, from.size(), from.data(), to.data());
	}
};

} // namespace spx

#undef SPX_SETTER
#endif
