/* SPDX-License-Identifier: MIT */
#include "spawning.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "machine.hpp"

namespace support
{

int errno_checked(int now, int result)
{
	if (result == 0)
		CHECK(now == 4095);
	else
		CHECK(now == result);
	return result;
}

strings::strings(std::vector<std::string> s) : owned(std::move(s))
{
	for (auto &one : owned)
		pointers.push_back(one.data());
	pointers.push_back(nullptr);
}

attributes::attributes()
{
	REQUIRE(CALL(spawnxattr_init(&handle)) == 0);
}

attributes::~attributes()
{
	if (handle)
		CHECK(CALL(spawnxattr_destroy(&handle)) == 0);
}

file_actions::file_actions()
{
	REQUIRE(CALL(spawnx_file_actions_init(&handle)) == 0);
}

file_actions::~file_actions()
{
	if (handle)
		CHECK(CALL(spawnx_file_actions_destroy(&handle)) == 0);
}

scratch::scratch()
{
	char name[] = "/tmp/spawnx-test-XXXXXX";
	const int fd = mkstemp(name);
	REQUIRE(fd >= 0);
	close(fd);
	path = name;
}

scratch::~scratch()
{
	unlink(path.c_str());
}

report parse_report(const std::string &path)
{
	report r;
	std::ifstream in(path);
	for (std::string line; std::getline(in, line);) {
		const auto equals = line.find('=');
		REQUIRE(equals != std::string::npos);
		r[line.substr(0, equals)] = line.substr(equals + 1);
	}
	return r;
}

report spawn_report(spawnx_file_actions_t *actions, spawnxattr_t *attr,
	std::vector<std::string> environment)
{
	const scratch to;
	const std::string program = helper("report");
	const strings argv({"report", to.path});
	const strings envp(std::move(environment));
	pid_t pid = -1;
	REQUIRE(CALL(spawnx(&pid, program.c_str(), actions, attr, argv, envp)) == 0);
	REQUIRE(wait_pid(pid) == 0);
	report r = parse_report(to.path);
	REQUIRE(r["complete"] == "1");
	REQUIRE(r["pid"] == std::to_string(pid));
	return r;
}

spawnx_failure last_failure()
{
	spawnx_failure f = {};
	f.size = sizeof(f);
	REQUIRE(CALL(spawnx_lastfailure(&f)) == 0);
	return f;
}

std::string in_words(const spawnx_failure &f)
{
	char words[512];
	REQUIRE(CALL(spawnx_strfailure(&f, words, sizeof(words))) == 0);
	return words;
}

int wait_pid(pid_t pid)
{
	int status = 0;
	pid_t r;
	do
		r = waitpid(pid, &status, 0);
	while (r < 0 && errno == EINTR);
	return r == pid ? status : -errno;
}

char state_of(pid_t pid)
{
	std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
	std::string line;
	if (!std::getline(in, line))
		return 0;
	const auto paren = line.rfind(')');
	return paren == std::string::npos ? 0 : line[paren + 2];
}

bool becomes(char state, pid_t pid, std::chrono::milliseconds limit)
{
	const auto until = std::chrono::steady_clock::now() + limit;
	while (state_of(pid) != state) {
		if (std::chrono::steady_clock::now() > until)
			return false;
		std::this_thread::sleep_for(std::chrono::milliseconds(1));
	}
	return true;
}

bool goes(pid_t pid)
{
	return becomes(0, pid, std::chrono::seconds(10));
}

bool ends(pid_t pid)
{
	const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
	for (char state = 1; state != 0 && state != 'Z'; state = state_of(pid)) {
		if (std::chrono::steady_clock::now() > until)
			return false;
		std::this_thread::sleep_for(std::chrono::milliseconds(1));
	}
	return true;
}

spawnx_child start_idle(spawnxattr_t *attr, std::vector<std::string> words)
{
	words.insert(words.begin(), "idle");
	const strings argv(words), envp({});
	spawnx_child child = {};
	child.size = sizeof(child);
	REQUIRE(CALL(spawnx_start(&child, nullptr, 0, helper("idle").c_str(), nullptr,
			attr, argv, envp)) == 0);
	return child;
}

static volatile std::sig_atomic_t sigchlds;
static struct sigaction before;

sigchld_counter::sigchld_counter()
{
	struct sigaction act = {};
	act.sa_handler = [](int) { sigchlds = sigchlds + 1; };
	act.sa_flags = SA_RESTART;
	sigchlds = 0;
	sigaction(SIGCHLD, &act, &before);
}

sigchld_counter::~sigchld_counter()
{
	sigaction(SIGCHLD, &before, nullptr);
}

int sigchld_counter::count() const
{
	return sigchlds;
}

int sigchld_counter::stray() const
{
	return has_exit_signal() ? sigchlds : 0;
}

pid_t pid_of(int pidfd)
{
	std::ifstream in("/proc/self/fdinfo/" + std::to_string(pidfd));
	for (std::string key; in >> key;) {
		if (key == "Pid:") {
			pid_t pid = -1;
			in >> pid;
			return pid;
		}
	}
	return -1;
}

} // namespace support
