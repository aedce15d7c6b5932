/* SPDX-License-Identifier: MIT */
/*
 * <spawnx.hpp>: spawnx.h for C++17 and later, header only. Every member is one call of
 * the C function it is named after; the manual pages of those are normative, and
 * spawnx-cpp(7) shows how the classes fit together.
 *
 * A call that fails throws spx::error. With a std::error_code as its last argument it
 * sets that instead; with -fno-exceptions there is only this form. A chain of setters
 * stops at the first failure: a setter leaves an error that is already there alone and
 * does nothing. The other calls clear it first, as the standard library does; but start()
 * starts nothing with an object one of whose setters has failed, or was passed over so.
 */
#ifndef SPAWNX_HPP
#define SPAWNX_HPP

#include <spawnx.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <initializer_list>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>
#if __cplusplus >= 202002L
#include <concepts>
#include <ranges>
#include <span>
#include <string_view>
#endif
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace spx
{

#ifdef __cpp_exceptions
#define SPX_OR_THROW = {}

/* failure() tells what failed in numbers, what() in words. No allocation to copy it. */
class error : public std::system_error {
      public:
	explicit error(const spawnx_failure &failure)
		: system_error(failure.error, std::generic_category()), failure_(failure)
	{
		(void)spawnx_strfailure(&failure_, text_, sizeof(text_));
	}

	/* A call that starts nothing: failure().stage is 0. */
	error(int number, const char *call)
		: system_error(number, std::generic_category())
	{
		failure_.size = sizeof(failure_);
		failure_.error = number;
		failure_.index = failure_.fd = -1;
		(void)std::snprintf(
			text_, sizeof(text_), "%s: %s", call, code().message().c_str());
	}

	const spawnx_failure &failure() const noexcept { return failure_; }
	const char *what() const noexcept override { return text_; }

      private:
	spawnx_failure failure_ = {};
	char text_[512];
};
#else
#define SPX_OR_THROW
#endif

/* The last argument of every call: a std::error_code, or nothing, which throws. */
class on_error {
      public:
#ifdef __cpp_exceptions
	on_error() = default;
#endif
	on_error(std::error_code &ec) noexcept : ec_(&ec) {}

	bool throws() const noexcept { return !ec_; }
	int value() const noexcept { return ec_ ? ec_->value() : 0; }
	/* Of a chain: whether nothing has failed so far. */
	bool goes_on() const noexcept { return !ec_ || !*ec_; }
	void clear() const noexcept
	{
		if (ec_)
			ec_->clear();
	}

	void report(int number, [[maybe_unused]] const char *call) const
	{
		if (number == 0)
			return;
#ifdef __cpp_exceptions
		if (!ec_)
			throw error(number, call);
#endif
		ec_->assign(number, std::generic_category());
	}

      private:
	std::error_code *ec_ = nullptr;
};

/*
 * A borrowed string that ends with a null byte. One that has a null byte inside would be
 * cut silently by every system call; here it becomes NULL, which is EINVAL everywhere.
 */
class c_string {
      public:
	c_string(const char *string) noexcept : string_(string) {}
	c_string(const std::string &string) noexcept
		: string_(string.find('\0') == string.npos ? string.c_str() : nullptr),
		  cut_(!string_)
	{
	}
	const char *get() const noexcept { return string_; }
	/* Where NULL means something else, and "" is EINVAL. */
	const char *get_or_empty() const noexcept { return cut_ ? "" : string_; }

      private:
	const char *string_;
	bool cut_ = false;
};

/* argv, the program's name included. The strings are borrowed, as those of a call are. */
class arguments {
      public:
	arguments() = default;
	arguments(std::initializer_list<c_string> strings) { borrow(strings); }
	arguments(const std::vector<std::string> &strings) { borrow(strings); }
	arguments(const std::vector<const char *> &strings)
	{
		/* It may end as argv does. */
		for (const char *string : strings) {
			if (!string)
				break;
			add(string);
		}
	}
	arguments(char *const *argv)
	{
		for (; argv && *argv; argv++)
			add(*argv);
	}
#if __cplusplus >= 202002L
	/* Any range of strings, std::span too. Its strings are copied: a view's are gone. */
	template <std::ranges::input_range Range>
		requires std::constructible_from<std::string,
			std::ranges::range_reference_t<Range>>
	arguments(Range &&range)
	{
		for (auto &&string : range) {
			/* An array that ends as argv does. */
			if constexpr (std::is_pointer_v<std::remove_cvref_t<decltype(string)>>)
				if (!string)
					break;
			copies_.emplace_back(std::forward<decltype(string)>(string));
		}
		borrow(copies_);
	}
#endif
	arguments(const arguments &) = delete;
	arguments &operator=(const arguments &) = delete;

	/* nullptr: one of the strings has a null byte inside. */
	char *const *get() const noexcept { return valid_ ? pointers_.data() : nullptr; }

      private:
	template <typename Strings> void borrow(const Strings &strings)
	{
		pointers_.reserve(strings.size() + 1);
		for (const auto &string : strings)
			add(string);
	}
	void add(c_string string)
	{
		valid_ = valid_ && string.get();
		pointers_.back() = const_cast<char *>(string.get());
		pointers_.push_back(nullptr);
	}

	std::vector<std::string> copies_;
	std::vector<char *> pointers_{nullptr};
	bool valid_ = true;
};

/* The program's environment; without one given to start() it is the caller's own. */
class environment {
      public:
	environment() = default;
#if __cplusplus >= 202002L
	/* Any range of "NAME=value". */
	template <std::ranges::input_range Range>
		requires std::constructible_from<std::string,
				 std::ranges::range_reference_t<Range>> &&
		(!std::same_as<std::remove_cvref_t<Range>, environment>)
	explicit environment(Range &&range)
	{
		for (auto &&string : range)
			variables_.emplace_back(std::forward<decltype(string)>(string));
	}
#endif

	/* All of the caller's variables, over those already here; or the one so named. */
	environment &inherit()
	{
		for (char **variable = environ; variable && *variable; variable++)
			replace(*variable);
		return *this;
	}
	environment &inherit(const std::string &name)
	{
		for (char **variable = environ; variable && *variable; variable++)
			if (is(*variable, name))
				replace(*variable);
		return *this;
	}
	/* EINVAL: a name that is empty or has '=' in it, a null byte in either. */
	environment &set(const std::string &name, const std::string &value,
		on_error e SPX_OR_THROW)
	{
		const bool bad = name.empty() || name.find('=') != name.npos ||
			name.find('\0') != name.npos || value.find('\0') != value.npos;
		const int number = e.goes_on() ? (bad ? EINVAL : 0) : e.value();
		if (!number)
			replace(name + '=' + value);
		failed_ = number && !e.throws() ? number : failed_;
		if (e.goes_on())
			e.report(number, "spx::environment::set");
		return *this;
	}
	environment &unset(const std::string &name)
	{
		for (auto at = variables_.begin(); at != variables_.end();)
			at = is(at->c_str(), name) ? variables_.erase(at) : at + 1;
		return *this;
	}
	const std::vector<std::string> &variables() const noexcept { return variables_; }
	int failed() const noexcept { return failed_; } /* as that of attributes */

      private:
	static bool is(const char *variable, const std::string &name)
	{
		return std::strncmp(variable, name.c_str(), name.size()) == 0 &&
			variable[name.size()] == '=';
	}
	void replace(const std::string &variable)
	{
		unset(variable.substr(0, variable.find('=')));
		variables_.push_back(variable);
	}

	std::vector<std::string> variables_;
	int failed_ = 0;
};

/* How a program ended. One made by default has not ended, or nobody knows how. */
class exit_status {
      public:
	exit_status() = default;
	explicit exit_status(const spawnx_exit &e) noexcept
		: code_(e.code), status_(e.status)
	{
	}

	bool exited() const noexcept { return code_ == CLD_EXITED; }
	bool signaled() const noexcept { return code_ == CLD_KILLED || core_dumped(); }
	bool core_dumped() const noexcept { return code_ == CLD_DUMPED; }
	bool success() const noexcept { return exited() && status_ == 0; }
	/* The exit code, -1 if it has not exited; the signal, 0 if none killed it. */
	int code() const noexcept { return exited() ? status_ : -1; }
	int signal() const noexcept { return signaled() ? status_ : 0; }

	friend bool operator==(const exit_status &a, const exit_status &b) noexcept
	{
		return a.code_ == b.code_ && a.status_ == b.status_;
	}
	friend bool operator!=(const exit_status &a, const exit_status &b) noexcept
	{
		return !(a == b);
	}

      private:
	int code_ = 0, status_ = 0;
};

} // namespace spx

#include <spawnx/objects.hpp>
#include <spawnx/child.hpp>

#undef SPX_OR_THROW
#endif
