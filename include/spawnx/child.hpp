/* SPDX-License-Identifier: MIT */
/* A part of <spawnx.hpp>, which includes it: starting, and the process one then owns. */
#ifndef SPAWNX_CHILD_HPP
#define SPAWNX_CHILD_HPP

#ifndef SPAWNX_HPP
#error "include <spawnx.hpp>"
#endif

namespace spx
{

/* Where start() looks for a name without a slash. */
enum class search : unsigned {
	path = SPAWNX_SEARCH_PATH, /* the caller's PATH */
	envp = SPAWNX_SEARCH_ENVP, /* that of the new environment */
};

namespace detail
{

/* Far durations become one that counts as no limit; a negative one stays so: EINVAL. */
template <typename Rep, typename Period>
timespec to_timespec(const std::chrono::duration<Rep, Period> &d)
{
	using namespace std::chrono;
	constexpr long double far = 1e18L;
	const long double count = duration_cast<duration<long double>>(d).count();
	if (count != count || count < 0)
		return {-1, 0};
	if (count >= far)
		return {static_cast<time_t>(far), 0};
	const auto whole = duration_cast<seconds>(d);
	const auto rest = duration_cast<nanoseconds>(d - whole);
	return {static_cast<time_t>(whole.count()), static_cast<long>(rest.count())};
}

/* What start() is given behind path and arguments, in any order. */
struct options {
	const attributes *attr = nullptr;
	const file_actions *actions = nullptr;
	const environment *env = nullptr;
	unsigned how = 0;
	std::error_code *ec = nullptr;

	void take(const attributes &option) { attr = &option; }
	void take(const file_actions &option) { actions = &option; }
	void take(const environment &option) { env = &option; }
	void take(search option) { how = static_cast<unsigned>(option); }
	void take(std::error_code &option) { ec = &option; }

	int failed() const
	{
		const int first = attr ? attr->failed() : 0;
		const int second = actions ? actions->failed() : 0;
		return first ? first : second ? second : env ? env->failed() : 0;
	}
};

template <typename T, typename... Ts>
inline constexpr int count_of = (0 + ... + std::is_same_v<T, std::decay_t<Ts>>);

} // namespace detail

/*
 * A process of ours. The destructor ends it unless it was waited for or released: with
 * autokill by closing the pidfd, otherwise by SIGKILL; an ordinary child is then reaped,
 * so that no zombie stays. It waits for that no longer than patience: should the process
 * be in uninterruptible sleep, or one we may not signal, it is left to wait(2).
 * Members may not be called by two threads at once, but for signal() const.
 */
class child {
      public:
	static constexpr std::chrono::seconds patience{5};

	child() noexcept = default;
	child(child &&from) noexcept { swap(from); }
	child &operator=(child &&from) noexcept
	{
		child old(std::move(from));
		swap(old);
		return *this;
	}
	~child() { end(); }

	/* -1 if there is none: made by default, moved from or released. */
	pid_t pid() const noexcept { return child_.pid; }
	int pidfd() const noexcept { return child_.pidfd; }
	explicit operator bool() const noexcept { return child_.pidfd >= 0; }
	/* Features, bits 1 << SPAWNX_FEATURE_..., see spawnx_start(3). */
	uint64_t native() const noexcept { return child_.native; }
	uint64_t emulated() const noexcept { return child_.emulated; }

	/* spawnx_wait(3). Once it has told, it tells the same again. */
	exit_status wait(on_error e SPX_OR_THROW)
	{
		return wait_until(nullptr, e, 0).value_or(exit_status());
	}
	/* Empty: it still runs. */
	template <typename Rep, typename Period>
	std::optional<exit_status> wait_for(
		const std::chrono::duration<Rep, Period> &d, on_error e SPX_OR_THROW)
	{
		const timespec timeout = detail::to_timespec(d);
		return wait_until(&timeout, e, ETIMEDOUT);
	}
	std::optional<exit_status> try_wait(on_error e SPX_OR_THROW)
	{
		constexpr timespec now = {0, 0};
		return wait_until(&now, e, ETIMEDOUT);
	}

	/* spawnx_signal(3) */
	void signal(int sig, on_error e SPX_OR_THROW) const
	{
		e.clear();
		e.report(spawnx_signal(child_.pidfd, sig), "spx::child::signal");
	}

	/* spawnx_stop(3): SIGTERM, after the grace SIGKILL. */
	template <typename Rep, typename Period>
	exit_status stop(const std::chrono::duration<Rep, Period> &grace,
		on_error e SPX_OR_THROW)
	{
		e.clear();
		if (status_)
			return *status_;
		const timespec t = detail::to_timespec(grace);
		spawnx_exit result = {sizeof(result), 0, 0, 0};
		return ended(spawnx_stop(child_.pidfd, &t, &result), result, e,
			"spx::child::stop")
			.value_or(exit_status());
	}

	/* The process is no longer ours: the caller closes the pidfd that is returned. */
	int release() noexcept
	{
		const int pidfd = child_.pidfd;
		child_ = none;
		status_.reset();
		gone_ = false;
		return pidfd;
	}

	void swap(child &other) noexcept
	{
		std::swap(child_, other.child_);
		std::swap(status_, other.status_);
		std::swap(gone_, other.gone_);
	}

	/* Takes over what spawnx_start(3) has made. */
	explicit child(const spawnx_child &made) noexcept : child_(made) {}

      private:
	static constexpr spawnx_child none = {sizeof(spawnx_child), -1, -1, 0, 0, 0};

	std::optional<exit_status> wait_until(
		const timespec *timeout, const on_error &e, int no_error)
	{
		e.clear();
		if (status_)
			return status_;
		spawnx_exit result = {sizeof(result), 0, 0, 0};
		const int number = spawnx_wait(child_.pidfd, &result, timeout);
		if (number && number == no_error)
			return std::nullopt;
		return ended(number, result, e, "spx::child::wait");
	}

	std::optional<exit_status> ended(
		int number, const spawnx_exit &result, const on_error &e, const char *call)
	{
		gone_ = number == 0 || number == ENODATA;
		if (number == 0)
			return status_ = exit_status(result);
		e.report(number, call);
		return std::nullopt;
	}

	bool has(unsigned id) const noexcept
	{
		return ((child_.native | child_.emulated) >> id & 1) != 0;
	}

	void end() noexcept
	{
		if (child_.pidfd < 0)
			return;
		const int saved = errno;
		if (!gone_ && !has(SPAWNX_FEATURE_AUTOKILL)) {
			const int number = spawnx_signal(child_.pidfd, SIGKILL);
			const timespec t = detail::to_timespec(patience);
			/* EPERM: it lives on, and there is nothing to wait for. */
			if (!has(SPAWNX_FEATURE_AUTOREAP) && number != EPERM)
				(void)spawnx_wait(child_.pidfd, nullptr, &t);
		}
		(void)::close(child_.pidfd);
		errno = saved;
	}

	spawnx_child child_ = none;
	std::optional<exit_status> status_;
	bool gone_ = false;
};

/*
 * spawnx_start(3): path, argv, and in any order, each only if wanted, attributes, file
 * actions, an environment (else the caller's) and where to search; last a std::error_code.
 */
template <typename... Options>
child start(c_string path, const arguments &args, Options &&...given)
{
	using namespace detail;
	static_assert(count_of<attributes, Options...> <= 1);
	static_assert(count_of<file_actions, Options...> <= 1);
	static_assert(count_of<environment, Options...> <= 1);
#ifndef __cpp_exceptions
	static_assert(count_of<std::error_code, Options...> == 1,
		"without exceptions the last argument is a std::error_code");
#endif
	detail::options o;
	(o.take(given), ...);
	std::optional<arguments> variables;
	if (o.env)
		variables.emplace(o.env->variables());
	char *const *const envp = variables ? variables->get() : environ;
	/* NULL would be no environment at all, instead of one that cannot be passed. */
	const bool broken = variables && !envp;

	if (const int before = o.failed()) {
#ifdef __cpp_exceptions
		if (!o.ec)
			throw error(before, "spx::start: a setter has failed");
#endif
		o.ec->assign(before, std::generic_category());
		return child();
	}

	spawnx_child made = {sizeof(made), -1, -1, 0, 0, 0};
	spawnx_failure failure = {};
	failure.size = sizeof(failure);
	const int number = spawnx_start(&made, &failure, o.how, path.get(),
		o.actions ? o.actions->get() : nullptr, o.attr ? o.attr->get() : nullptr,
		broken ? nullptr : args.get(), envp);
	if (number) {
#ifdef __cpp_exceptions
		if (!o.ec)
			throw error(failure);
#endif
		o.ec->assign(number, std::generic_category());
		return child();
	}
	if (o.ec)
		o.ec->clear();
	return child(made);
}

} // namespace spx

#endif
