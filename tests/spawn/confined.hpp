/* SPDX-License-Identifier: MIT */
/* A child that may do less than its parent: what it says, and why there is none. */
#pragma once

#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <csignal>
#include <cstddef>
#include <fcntl.h>
#include <fstream>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace confined
{

using namespace support;

inline const std::string need = ": it needs no-new-privs or CAP_SYS_ADMIN: ";

/*
 * The report of a child that may not be able to open the file: it gets it as descriptor
 * 1. "parent's pid" is the child's, as the parent has it.
 */
inline report report_of(spawnxattr_t *attr, std::vector<std::string> words = {},
	std::vector<std::string> environment = {}, bool from_pidfd = false)
{
	const scratch to;
	const int out = open(to.path.c_str(), O_WRONLY | O_CLOEXEC);
	REQUIRE(out >= 0);
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_adddup2(actions, out, 1)) == 0);
	words.insert(words.begin(), {"report", "-"});
	const strings argv(words), envp(std::move(environment));
	spawnx_child child = {};
	child.size = from_pidfd ? sizeof(child) : offsetof(spawnx_child, pidfd);
	const int error = CALL(spawnx_start(
		&child, nullptr, 0, helper("report").c_str(), actions, attr, argv, envp));
	close(out);
	INFO((error ? in_words(last_failure()) : ""));
	REQUIRE(error == 0);
	if (from_pidfd) {
		spawnx_exit e = {};
		e.size = sizeof(e);
		CHECK(CALL(spawnx_wait(child.pidfd, &e, nullptr)) == 0);
		CHECK(e.code == CLD_EXITED);
		CHECK(e.status == 0);
		close(child.pidfd);
	} else {
		REQUIRE(wait_pid(child.pid) == 0);
	}
	report r = parse_report(to.path);
	REQUIRE(r["complete"] == "1");
	r["parent's pid"] = std::to_string(child.pid);
	return r;
}

/* A spawn that must fail so; nothing is left of it, and nobody hears of it. */
inline spawnx_failure refused(spawnxattr_t *attr, int error, int stage,
	const std::string &path = helper("idle"),
	spawnx_file_actions_t *actions = nullptr)
{
	const sigchld_counter sigchld;
	const strings argv({"x"}), envp({});
	spawnx_child child = {};
	child.size = sizeof(child);
	spawnx_failure f = {};
	f.size = sizeof(f);
	CHECK(CALL(spawnx_start(
		      &child, &f, 0, path.c_str(), actions, attr, argv, envp)) == error);
	if (child.pidfd > 0)
		close(child.pidfd); /* it should not be there */
	CHECK(child.pid == 0);
	CHECK(f.error == error);
	CHECK(f.stage == stage);
	CHECK(sigchld.count() == 0);
	CHECK(in_words(last_failure()) == in_words(f));
	return f;
}

/* A filter that answers some system calls with an action, and lets the others through. */
class filter
{
public:
	filter(std::vector<long> calls, unsigned action)
	{
		code.push_back(
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
		for (const long call : calls) {
			code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
				static_cast<unsigned>(call), 0, 1));
			code.push_back(BPF_STMT(BPF_RET | BPF_K, action));
		}
		code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
		whole = {static_cast<unsigned short>(code.size()), code.data()};
	}
	filter(const filter &) = delete;
	filter &operator=(const filter &) = delete;
	const sock_fprog *program() const
	{
		return &whole;
	}
	std::vector<sock_filter> code;

private:
	sock_fprog whole;
};

inline unsigned answer(int error)
{
	return SECCOMP_RET_ERRNO | static_cast<unsigned>(error);
}

/* Attributes with no-new-privs, and no core file of a child that is killed. */
struct sandbox : attributes {
	explicit sandbox(bool no_new_privs = true)
	{
		const rlimit none = {0, 0};
		REQUIRE(CALL(spawnxattr_setrlimit(*this, RLIMIT_CORE, &none)) == 0);
		if (no_new_privs)
			REQUIRE(CALL(spawnxattr_setnonewprivs(*this, 1)) == 0);
	}
	sandbox &seccomp(const filter &f)
	{
		REQUIRE(CALL(spawnxattr_setseccomp(*this, f.program())) == 0);
		return *this;
	}
};

/* A test program that runs under a filter already may have it itself. */
inline bool have_no_new_privs()
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

/* How many filters this process has, which the child inherits. */
inline int own_filters()
{
	std::ifstream in("/proc/self/status");
	for (std::string key; in >> key;)
		if (int n; key == "Seccomp_filters:" && in >> n)
			return n;
	return -1;
}

} // namespace confined
