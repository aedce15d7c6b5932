/* SPDX-License-Identifier: MIT */
/*
 * Each system call of each step that posix_spawn has no attribute for is refused by a
 * filter: the right stage, and nothing is left. The filter is a thread's, which ends with
 * it; what is refused needs no privilege, so that anybody can run this anywhere.
 */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

using namespace support;

namespace
{

constexpr long any = -1;
constexpr int refusal = EDOM; /* no system call of these ever says that by itself */

/* Lower 32 bits: where they are in the filter's data. All our machines are little-endian. */
constexpr unsigned argument(unsigned n)
{
	return offsetof(seccomp_data, args) + 8 * n;
}

/* One call, or only with this value of one of its arguments. */
struct refused {
	long call;
	unsigned which = 0;
	long value = any;
};

bool refuse(const refused &r)
{
	const unsigned value = static_cast<unsigned>(r.value);
	const unsigned char skip = r.value == any ? 1 : 0;
	sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(r.call), 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument(r.which)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0,
			static_cast<unsigned char>(1 - skip)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | refusal),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const sock_fprog program = {6, code};
	if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return false;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

struct expected {
	int stage, index, fd;
	const char *text;
	const char *in_words; /* up to the error */
};

void start(spawnx_failure &f, spawnxattr_t *attr, spawnx_file_actions_t *actions)
{
	static const strings argv({"idle", "exit:0"}), envp({});
	spawnx_child child = {};
	f = {};
	child.size = sizeof(child);
	f.size = sizeof(f);
	if (spawnx_start(
		    &child, &f, 0, helper("idle").c_str(), actions, attr, argv, envp))
		return;
	close(child.pidfd);
	(void)wait_pid(child.pid);
}

/* What was asked for fails at the refused call, and is named for it. */
void check(attributes &attr, file_actions &actions, const refused &r, const expected &e)
{
	spawnx_failure f;
	bool filtered = false;
	/* Spawned once before: no pipe is in the way, and features are known. */
	start(f, nullptr, nullptr);
	REQUIRE(f.error == 0);
	std::thread([&] {
		if ((filtered = refuse(r)))
			start(f, attr, actions);
	}).join();
	INFO(e.in_words);
	REQUIRE(filtered);
	CHECK(f.error == refusal);
	CHECK(f.stage == e.stage);
	CHECK(f.index == e.index);
	CHECK(f.fd == e.fd);
	CHECK(std::string(f.text) == e.text);
	CHECK(in_words(f) ==
		std::string(e.in_words) + ": Numerical argument out of domain");
}

struct asked {
	attributes attr;
	file_actions actions;

	void fails(const refused &r, const expected &e)
	{
		check(attr, actions, r, e);
	}
};

expected at(
	int stage, const char *words, int index = -1, int fd = -1, const char *text = "")
{
	return {stage, index, fd, text, words};
}

} // namespace

SPAWNX_TEST("steps refused: what the child may use")
{
	{
		asked a;
		REQUIRE(CALL(spawnxattr_setumask(a.attr, 027)) == 0);
		a.fails({SYS_umask}, at(SPAWNX_STAGE_UMASK, "umask"));
	}
	{
		asked a;
		REQUIRE(CALL(spawnxattr_setnice(a.attr, 19)) == 0);
		a.fails({SYS_setpriority}, at(SPAWNX_STAGE_SCHED, "nice"));
	}
	{
		asked a;
		cpu_set_t set;
		REQUIRE(sched_getaffinity(0, sizeof(set), &set) == 0);
		REQUIRE(CALL(spawnxattr_setaffinity(a.attr, sizeof(set), &set)) == 0);
		a.fails({SYS_sched_setaffinity}, at(SPAWNX_STAGE_SCHED, "affinity"));
	}
	{
		asked a;
		const rlimit none = {0, 0};
		REQUIRE(CALL(spawnxattr_setrlimit(a.attr, RLIMIT_CORE, &none)) == 0);
		REQUIRE(CALL(spawnxattr_setrlimit(a.attr, RLIMIT_MSGQUEUE, &none)) == 0);
		a.fails({SYS_prlimit64},
			at(SPAWNX_STAGE_LIMITS, "RLIMIT_CORE", RLIMIT_CORE));
		a.fails({SYS_prlimit64, 1, RLIMIT_MSGQUEUE},
			at(SPAWNX_STAGE_LIMITS, "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE));
	}
	{
		asked a;
		REQUIRE(CALL(spawnxattr_setoomscoreadj(a.attr, 1000)) == 0);
		a.fails({SYS_openat}, at(SPAWNX_STAGE_LIMITS, "oom_score_adj"));
		a.fails({SYS_write}, at(SPAWNX_STAGE_LIMITS, "oom_score_adj"));
	}
}

SPAWNX_TEST("steps refused: who the child is")
{
	asked a;
	const gid_t group = getgid();
	REQUIRE(CALL(spawnxattr_setgroups(a.attr, 1, &group)) == 0);
	a.fails({SYS_setgroups}, at(SPAWNX_STAGE_IDS, "supplementary groups"));
	{
		asked ids;
		REQUIRE(CALL(spawnxattr_setuid(ids.attr, getuid())) == 0);
		REQUIRE(CALL(spawnxattr_setgid(ids.attr, getgid())) == 0);
		ids.fails({SYS_setresgid}, at(SPAWNX_STAGE_IDS, "gid"));
		ids.fails({SYS_setresuid}, at(SPAWNX_STAGE_IDS, "uid"));
	}
	{
		asked reset;
		REQUIRE(CALL(spawnxattr_setflags(reset.attr, SPAWNX_RESETIDS)) == 0);
		reset.fails({SYS_setresgid},
			at(SPAWNX_STAGE_IDS, "reset of the effective ids"));
		reset.fails({SYS_setresuid},
			at(SPAWNX_STAGE_IDS, "reset of the effective ids"));
	}
}

SPAWNX_TEST("steps refused: what the child has the right to")
{
	const int stage = SPAWNX_STAGE_CAPS;
	asked a;
	REQUIRE(CALL(spawnxattr_setcap_iab_text(a.attr, "")) == 0);
	REQUIRE(CALL(spawnxattr_setuid(a.attr, getuid())) == 0);
	a.fails({SYS_capget}, at(stage, "inheritable capabilities"));
	a.fails({SYS_capset}, at(stage, "inheritable capabilities"));
	a.fails({SYS_prctl, 0, PR_SET_KEEPCAPS},
		at(stage, "keeping of capabilities across the change of the user"));
	a.fails({SYS_prctl, 0, PR_CAP_AMBIENT}, at(stage, "clearing of the ambient set"));
	{
		asked bits;
		REQUIRE(CALL(spawnxattr_setsecurebits(bits.attr, 0)) == 0);
		bits.fails({SYS_capget}, at(stage, "securebits"));
		bits.fails({SYS_prctl, 0, PR_SET_SECUREBITS}, at(stage, "securebits"));
	}
	{
		asked drop;
		REQUIRE(cap_get_bound(CAP_CHOWN) == 1);
		REQUIRE(CALL(spawnxattr_setcap_iab_text(drop.attr, "!cap_chown")) == 0);
		drop.fails({SYS_prctl, 0, PR_CAPBSET_DROP},
			at(stage, "bounding set: drop of cap_chown", CAP_CHOWN));
	}
}

/* What is inheritable must be permitted first. */
SPAWNX_TEST("steps refused: an ambient capability", "[root]")
{
	asked a;
	REQUIRE(CALL(spawnxattr_setcap_iab_text(a.attr, "^cap_chown,^cap_kill")) == 0);
	a.fails({SYS_prctl, 1, PR_CAP_AMBIENT_RAISE},
		at(SPAWNX_STAGE_CAPS, "ambient capability cap_chown", CAP_CHOWN));
	a.fails({SYS_prctl, 2, CAP_KILL},
		at(SPAWNX_STAGE_CAPS, "ambient capability cap_kill", CAP_KILL));
}

SPAWNX_TEST("steps refused: the parent's death, and confinement")
{
	{
		asked a;
		REQUIRE(CALL(spawnxattr_setpdeathsig(a.attr, SIGTERM)) == 0);
		a.fails({SYS_prctl, 0, PR_SET_PDEATHSIG},
			at(SPAWNX_STAGE_PDEATHSIG, "pdeathsig"));
	}
	{
		asked a;
		/* Any descriptor will do: it is refused before it is looked at. */
		REQUIRE(CALL(spawnxattr_setlandlock(a.attr, 0)) == 0);
		a.fails({SYS_landlock_restrict_self},
			at(SPAWNX_STAGE_LANDLOCK, "landlock: ruleset of fd 0", -1, 0));
	}
	{
		asked a;
		sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
		const sock_fprog program = {1, &allow};
		REQUIRE(CALL(spawnxattr_setseccomp(a.attr, &program)) == 0);
		a.fails({SYS_seccomp}, at(SPAWNX_STAGE_SECCOMP, "seccomp"));
	}
}

SPAWNX_TEST("steps refused: descriptors")
{
	const int stage = SPAWNX_STAGE_ACTION;
	const int src[] = {40, 41, 42}, dst[] = {41, 40, 43};
	asked a;
	const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (const int fd : src)
		REQUIRE(fcntl(null, F_DUPFD_CLOEXEC, fd) == fd);
	close(null);
	REQUIRE(CALL(spawnx_file_actions_addmapfds(a.actions, 3, src, dst)) == 0);
	/* 42 to 43 first; then 40 waits, 41 moves, and 40 comes back. */
	a.fails({SYS_dup3, 1, 43}, at(stage, "file action 0: map of fd 42", 0, 42));
	a.fails({SYS_fcntl, 1, F_DUPFD_CLOEXEC},
		at(stage, "file action 0: map of fd 40", 0, 40));
	a.fails({SYS_dup3, 1, 40}, at(stage, "file action 0: map of fd 41", 0, 41));
	a.fails({SYS_dup3, 1, 41}, at(stage, "file action 0: map", 0));
	for (const int fd : src)
		close(fd);
	{
		asked b;
		REQUIRE(CALL(spawnx_file_actions_addinherit_np(b.actions, 0)) == 0);
		b.fails({SYS_fcntl, 1, F_GETFD},
			at(stage, "file action 0: inherit fd 0", 0, 0));
		b.fails({SYS_fcntl, 1, F_SETFD},
			at(stage, "file action 0: inherit fd 0", 0, 0));
	}
	{
		asked b;
		REQUIRE(CALL(spawnx_file_actions_addopenat(
				b.actions, 5, AT_FDCWD, "x", O_RDONLY, 0)) == 0);
		b.fails({SYS_openat},
			at(stage, "file action 0: open \"x\" for fd 5", 0, 5, "x"));
	}
	{
		asked b;
		REQUIRE(CALL(spawnx_file_actions_addsetctty(b.actions, 0)) == 0);
		b.fails({SYS_ioctl, 1, TIOCSCTTY},
			at(stage, "file action 0: fd 0 as controlling terminal", 0, 0));
		b.fails({SYS_setsid}, at(SPAWNX_STAGE_SESSION, "setsid"));
	}
}

SPAWNX_TEST("steps refused: id maps, at each of the files", "[root]")
{
	const int stage = SPAWNX_STAGE_IDMAP;
	asked a;
	REQUIRE(CALL(spawnxattr_setnamespaces(a.attr, CLONE_NEWUSER)) == 0);
	REQUIRE(CALL(spawnxattr_setidmap(a.attr, "0 0 1", "0 0 1")) == 0);
	a.fails({SYS_openat},
		at(stage, "idmap \"/proc/self/setgroups\"", -1, -1,
			"/proc/self/setgroups"));
	a.fails({SYS_write, 2, 4}, /* "deny" */
		at(stage, "idmap \"/proc/self/setgroups\"", -1, -1,
			"/proc/self/setgroups"));
	a.fails({SYS_write, 2, 5},
		at(stage, "idmap \"/proc/self/uid_map\"", -1, -1, "/proc/self/uid_map"));
	asked group;
	REQUIRE(CALL(spawnxattr_setnamespaces(group.attr, CLONE_NEWUSER)) == 0);
	REQUIRE(CALL(spawnxattr_setidmap(group.attr, nullptr, "0 0 1")) == 0);
	group.fails({SYS_write, 2, 5},
		at(stage, "idmap \"/proc/self/gid_map\"", -1, -1, "/proc/self/gid_map"));
}
