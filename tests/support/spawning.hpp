/* SPDX-License-Identifier: MIT */
/* The library as the tests use it, with errno's promise checked at every call. */
#pragma once

#include <spawnx.h>

#include <chrono>
#include <map>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace support
{

/*
 * errno is a number nobody returns before the call; afterwards it must be that number on
 * success and the result on failure.
 */
int errno_checked(int before, int result);
#define CALL(expression)                                                                 \
	([&] {                                                                           \
		errno = 4095;                                                            \
		const int call_result = (expression);                                    \
		return ::support::errno_checked(errno, call_result);                     \
	}())

/* Arguments or environment as exec wants them. */
class strings
{
public:
	strings(std::vector<std::string> s);
	char *const *get() const
	{
		return pointers.data();
	}
	operator char * const *() const
	{
		return get();
	}

private:
	std::vector<std::string> owned;
	std::vector<char *> pointers;
};

struct attributes {
	attributes();
	~attributes();
	attributes(const attributes &) = delete;
	attributes &operator=(const attributes &) = delete;
	operator spawnxattr_t *()
	{
		return &handle;
	}
	spawnxattr_t handle;
};

struct file_actions {
	file_actions();
	~file_actions();
	file_actions(const file_actions &) = delete;
	file_actions &operator=(const file_actions &) = delete;
	operator spawnx_file_actions_t *()
	{
		return &handle;
	}
	spawnx_file_actions_t handle;
};

/* A file name nobody else has; removed with the object. */
struct scratch {
	scratch();
	~scratch();
	scratch(const scratch &) = delete;
	scratch &operator=(const scratch &) = delete;
	std::string path;
};

using report = std::map<std::string, std::string>;
report parse_report(const std::string &path);

/* Spawns report, waits for it by pid (it must exit with 0), and returns what it said. */
report spawn_report(spawnx_file_actions_t *actions = nullptr,
	spawnxattr_t *attr = nullptr, std::vector<std::string> environment = {});

/* The calling thread's last failure, and in words. */
spawnx_failure last_failure();
std::string in_words(const spawnx_failure &);

/* waitpid: the raw status; -errno if there was nothing. */
int wait_pid(pid_t pid);

/* State letter of /proc/PID/stat; 0 when there is no such process. */
char state_of(pid_t pid);
bool becomes(char state, pid_t pid, std::chrono::milliseconds limit);

/* Neither process nor zombie within 10 s. A second pidfd does not keep it alive. */
bool goes(pid_t pid);
/* The same, or a zombie of init's for as long as that is slow. */
bool ends(pid_t pid);

/* The helper idle, told what to do by these words; the test ends if it does not start. */
spawnx_child start_idle(spawnxattr_t *attr, std::vector<std::string> words = {});

/* How many SIGCHLDs have come while one of these lives. */
struct sigchld_counter {
	sigchld_counter();
	~sigchld_counter();
	int count() const;
	/* The same, where a failed spawn should send none; 0 where it cannot be helped. */
	int stray() const;
};

pid_t pid_of(int pidfd);

/* From now on this system call fails here, and in what we start: a seccomp filter. */
bool refuse_from_now_on(long call, int error);

} // namespace support
