/* SPDX-License-Identifier: MIT */
/*
 * A child that becomes somebody else before exec shares our memory, and the flag that
 * keeps others out of it is the memory's: closed meanwhile, as it was afterwards.
 */
#include "others.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <functional>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>

using namespace others;
using namespace std::chrono_literals;

static const strings argv({"idle", "exit:0"}), envp({});

static int dumpable()
{
	return prctl(PR_GET_DUMPABLE);
}

/* Becomes somebody: another user as root, who we are otherwise. */
struct somebody : attributes {
	somebody()
	{
		const bool root = geteuid() == 0;
		REQUIRE(CALL(spawnxattr_setuid(*this, root ? 1000 : getuid())) == 0);
		REQUIRE(CALL(spawnxattr_setgid(*this, root ? 1000 : getgid())) == 0);
		if (root)
			REQUIRE(CALL(spawnxattr_setgroups(*this, 0, nullptr)) == 0);
	}
};

SPAWNX_TEST("dumpable is what it was, after a success and after every failure")
{
	const public_helper idle("idle");
	somebody fine, no_filter;
	attributes no_right, no_caps;
	/* Without no-new-privs a filter is for root, whom the child is no longer. */
	sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const sock_fprog program = {1, &allow};
	REQUIRE(CALL(spawnxattr_setseccomp(no_filter, &program)) == 0);
	REQUIRE(CALL(spawnxattr_setsecurebits(no_caps, 0x10000)) == 0);
	REQUIRE(CALL(spawnxattr_setuid(no_right, getuid())) == 0);
	REQUIRE(CALL(spawnxattr_setsecurebits(no_right, 0x10000)) == 0);
	file_actions bad;
	REQUIRE(CALL(spawnx_file_actions_addinherit_np(bad, 1000)) == 0);
	const struct {
		spawnxattr_t *attr;
		spawnx_file_actions_t *actions;
		std::string path;
		int error;
	} cases[] = {{fine, nullptr, idle.path, 0},
		{fine, nullptr, "/nonexistent", ENOENT},
		{fine, nullptr, "/proc/self/mem", EACCES}, {fine, bad, idle.path, EBADF},
		{no_filter, nullptr, idle.path, EACCES},
		{no_right, nullptr, idle.path, EPERM},
		{no_caps, nullptr, idle.path, EPERM}};
	const int before = dumpable();
	for (const int value : {1, 0}) {
		for (const auto &c : cases) {
			INFO(c.path << " " << c.error);
			REQUIRE(prctl(PR_SET_DUMPABLE, value) == 0);
			pid_t pid = -1;
			const int error = spawnx(
				&pid, c.path.c_str(), c.actions, c.attr, argv, envp);
			const int after = dumpable();
			REQUIRE(prctl(PR_SET_DUMPABLE, before) == 0);
			CHECK(error == c.error);
			CHECK(after == value);
			if (!error)
				CHECK(wait_pid(pid) == 0);
		}
	}
}

/* Spawns until a thread that looks all the time has seen the memory closed, or a while. */
static bool seen_closed(spawnxattr_t *attr, std::chrono::milliseconds limit)
{
	std::atomic<bool> closed{false}, done{false};
	std::thread watcher([&] {
		while (!done)
			if (dumpable() == 0)
				closed = true;
	});
	const auto until = std::chrono::steady_clock::now() + limit;
	int wrong = 0;
	while (!closed && std::chrono::steady_clock::now() < until) {
		pid_t pid;
		wrong +=
			spawnx(&pid, "/nonexistent", nullptr, attr, argv, envp) != ENOENT;
	}
	done = true;
	watcher.join();
	CHECK(wrong == 0);
	return closed;
}

SPAWNX_TEST("resetids with nothing to reset leaves the memory open throughout", "[thread]")
{
	REQUIRE(prctl(PR_SET_DUMPABLE, 1) == 0);
	attributes reset, plain;
	somebody else_;
	REQUIRE(CALL(spawnxattr_setflags(reset, SPAWNX_RESETIDS)) == 0);
	CHECK(!seen_closed(reset, 500ms));
	CHECK(!seen_closed(plain, 100ms));
	/* The watcher can see it; an ordinary user has no other ids to change to. */
	if (geteuid() == 0)
		CHECK(seen_closed(else_, 20s));
	CHECK(dumpable() == 1);
}

/* The administrator's flag for processes that change their ids; put back at the end. */
struct suid_dumpable {
	const char *const path = "/proc/sys/fs/suid_dumpable";
	std::string before;

	suid_dumpable()
	{
		std::ifstream(path) >> before;
	}
	~suid_dumpable()
	{
		set(before);
	}
	suid_dumpable(const suid_dumpable &) = delete;
	suid_dumpable &operator=(const suid_dumpable &) = delete;

	void set(const std::string &value) const
	{
		std::ofstream(path) << value;
	}

	/* Those it can be set to here: where /proc/sys is read-only, what it is. */
	std::vector<std::string> values() const
	{
		std::vector<std::string> possible;
		for (const char *value : {"0", "1", "2"}) {
			set(value);
			std::string now;
			std::ifstream(path) >> now;
			if (now == value)
				possible.push_back(now);
		}
		set(before);
		return possible;
	}
};

/*
 * A program whose exec waits: the kernel asks the holder of a lease before it opens the
 * file for anybody else (fcntl(2), F_SETLEASE).
 */
struct held_program {
	const public_helper idle{"idle"};
	int lease;
	struct sigaction before;

	held_program()
	{
		struct sigaction ignore = {};
		ignore.sa_handler = SIG_IGN;
		REQUIRE(sigaction(SIGIO, &ignore, &before) == 0); /* how it asks */
		lease = open(idle.path.c_str(), O_RDONLY | O_CLOEXEC);
		REQUIRE(lease >= 0);
		REQUIRE(fcntl(lease, F_SETLEASE, F_WRLCK) == 0);
	}
	~held_program()
	{
		release();
		close(lease);
		sigaction(SIGIO, &before, nullptr);
	}
	held_program(const held_program &) = delete;
	held_program &operator=(const held_program &) = delete;

	void release() const
	{
		fcntl(lease, F_SETLEASE, F_UNLCK);
	}
};

/* The one child we have, when it has become that user and waits in exec; 0: it did not. */
static pid_t waiting_child(const char *uid)
{
	const auto until = std::chrono::steady_clock::now() + 20s;
	while (std::chrono::steady_clock::now() < until) {
		for (const std::string &pid : listed_children()) {
			std::ifstream in("/proc/" + pid + "/status");
			for (std::string key; in >> key;)
				if (key == "Uid:" && in >> key && key == uid &&
					state_of(std::stoi(pid)) == 'S')
					return std::stoi(pid);
		}
		std::this_thread::sleep_for(1ms);
	}
	return 0;
}

static std::string ids_of(pid_t pid)
{
	std::ifstream in("/proc/" + std::to_string(pid) + "/status");
	std::string found;
	for (std::string line; std::getline(in, line);)
		if (line.compare(0, 5, "Uid:\t") == 0 ||
			line.compare(0, 5, "Gid:\t") == 0)
			found += line.substr(5) + " ";
	return found;
}

/* Opens it as user 1000 with no more rights than that: an error number. */
static int error_for_user(const std::string &path, gid_t gid)
{
	const pid_t prober = fork();
	if (prober == 0) {
		if (syscall(SYS_setgroups, 0, nullptr) != 0 ||
			syscall(SYS_setresgid, gid, gid, gid) != 0 ||
			syscall(SYS_setresuid, 1000, 1000, 1000) != 0)
			_exit(255);
		_exit(open(path.c_str(), O_RDONLY) < 0 ? errno : 0);
	}
	const int status = wait_pid(prober);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct window {
	pid_t child;
	std::string ids; /* exec makes the saved one what the effective one is */
	int dumpable, dumpable_after_others, error, with_others;
};

/* What can be seen while a child that is already somebody else waits before its exec. */
static window look_into(
	spawnxattr_t *attr, gid_t gid, const std::function<void()> &prepare)
{
	const held_program held;
	window w = {};
	pid_t pid = -1;
	int error = -1;
	std::thread spawner([&] {
		prepare();
		error = spawnx(&pid, held.idle.path.c_str(), nullptr, attr, argv, envp);
	});
	w.child = waiting_child("1000");
	w.dumpable = dumpable();
	w.ids = ids_of(w.child);
	const std::string memory = "/proc/" + std::to_string(w.child) + "/environ";
	w.error = error_for_user(memory, gid);
	/* Another thread's spawns, which end earlier, do not open it. */
	somebody more;
	for (int i = 0; i < 5; i++) {
		pid_t none;
		w.with_others += spawnx(&none, "/nonexistent", nullptr, more, argv,
					 envp) != ENOENT;
	}
	w.dumpable_after_others = dumpable();
	held.release();
	spawner.join();
	CHECK(error == 0);
	CHECK(pid == w.child);
	CHECK(wait_pid(pid) == 0);
	return w;
}

static void check_closed(const window &w)
{
	CHECK(w.child > 0);
	CHECK(w.dumpable == 0);
	CHECK(w.error == EACCES);
	CHECK(w.with_others == 0);
	CHECK(w.dumpable_after_others == 0);
	CHECK(dumpable() == 1);
}

SPAWNX_TEST("whatever fs.suid_dumpable is, the child's new user cannot look into us",
	"[root][thread]")
{
	const suid_dumpable administrators;
	const auto values = administrators.values();
	REQUIRE(!values.empty());
	REQUIRE(prctl(PR_SET_DUMPABLE, 1) == 0);
	for (const std::string &value : values) {
		INFO("fs.suid_dumpable=" << value);
		administrators.set(value);
		somebody all;
		const window w = look_into(all, 1000, [] {});
		check_closed(w);
		CHECK(numbers_in(w.ids) == numbers(8, 1000));
		attributes uid_alone;
		REQUIRE(CALL(spawnxattr_setuid(uid_alone, 1000)) == 0);
		check_closed(look_into(uid_alone, 0, [] {}));
		/* A set-user-ID program of that user: the thread that spawns is one. */
		attributes reset;
		REQUIRE(CALL(spawnxattr_setflags(reset, SPAWNX_RESETIDS)) == 0);
		check_closed(look_into(reset, 0, [] {
			syscall(SYS_setresuid, 1000, 0, 0);
			prctl(PR_SET_DUMPABLE, 1);
		}));
	}
	administrators.set(administrators.before);

	/* The prober is not blind: the program itself it may look into. */
	const public_helper idle("idle");
	const strings sleeper({"idle"});
	somebody user;
	pid_t pid = -1;
	REQUIRE(CALL(spawnx(&pid, idle.path.c_str(), nullptr, user, sleeper, envp)) == 0);
	/* Not at once: exec lets go of our memory before it opens its new one to others. */
	const std::string memory = "/proc/" + std::to_string(pid) + "/environ";
	const auto until = std::chrono::steady_clock::now() + 20s;
	while (error_for_user(memory, 1000) && std::chrono::steady_clock::now() < until)
		std::this_thread::sleep_for(1ms);
	CHECK(error_for_user(memory, 1000) == 0);
	kill(pid, SIGKILL);
	CHECK(wait_pid(pid) == SIGKILL);
}

/* No SPAWNX_TEST: libc keeps the stacks of so many threads mapped. */
TEST_CASE("eight threads change ids at once: dumpable at the end is what it was", "[thread]")
{
	const public_helper idle("idle");
	const int before = dumpable();
	for (const int value : {1, 0}) {
		REQUIRE(prctl(PR_SET_DUMPABLE, value) == 0);
		somebody common;
		std::atomic<int> wrong{0}, spawned{0};
		const auto until = std::chrono::steady_clock::now() + 700ms;
		std::vector<std::thread> threads;
		for (unsigned t = 0; t < 8; t++)
			threads.emplace_back([&, t] {
				for (unsigned i = t;
					std::chrono::steady_clock::now() < until; i++) {
					const bool fails = i % 2;
					pid_t pid = -1;
					const int error = spawnx(&pid,
						fails ? "/nonexistent"
						      : idle.path.c_str(),
						nullptr, common, argv, envp);
					wrong += error != (fails ? ENOENT : 0);
					if (!error)
						wrong += wait_pid(pid) != 0;
					spawned++;
				}
			});
		for (auto &t : threads)
			t.join();
		const int after = dumpable();
		REQUIRE(prctl(PR_SET_DUMPABLE, before) == 0);
		CHECK(wrong == 0);
		CHECK(spawned >= 16);
		CHECK(after == value);
	}
	CHECK(snapshot::take().children.empty());
}
