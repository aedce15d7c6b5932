/* SPDX-License-Identifier: MIT */
/* A seccomp filter of the child's own: the last thing before its signal mask and exec. */
#include "confined.hpp"

#include <cerrno>
#include <csignal>
#include <memory>
#include <sys/resource.h>

using namespace confined;

static const std::string getppid_call = "call:" + std::to_string(SYS_getppid);

static std::string exec_of_idle()
{
	return "exec \"" + helper("idle") + "\": ";
}

SPAWNX_TEST("seccomp: the child has the filter, the parent has not")
{
	const int before = own_filters();
	REQUIRE(before >= 0);
	sandbox attr;
	report r = report_of(attr, {getppid_call});
	CHECK(r["Seccomp_filters"] == std::to_string(before));
	CHECK(r[getppid_call] == "0");

	attr.seccomp(filter({SYS_getppid}, answer(EXDEV)));
	r = report_of(attr, {getppid_call});
	CHECK(r["Seccomp"] == "2");
	CHECK(r["Seccomp_filters"] == std::to_string(before + 1));
	CHECK(r["NoNewPrivs"] == "1");
	CHECK(r[getppid_call] == std::to_string(EXDEV));
	CHECK(own_filters() == before);
	CHECK(getppid() > 0);
}

SPAWNX_TEST("seccomp: the program is copied when it is set")
{
	sandbox attr;
	{
		auto gone = std::make_unique<filter>(
			std::vector<long>{SYS_getppid}, answer(EXDEV));
		attr.seccomp(*gone);
		for (sock_filter &line : gone->code)
			line = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	}
	CHECK(report_of(attr, {getppid_call})[getppid_call] == std::to_string(EXDEV));
	/* The object may be used again, and takes another program. */
	attr.seccomp(filter({SYS_getppid}, answer(ENOTTY)));
	CHECK(report_of(attr, {getppid_call})[getppid_call] == std::to_string(ENOTTY));
}

SPAWNX_TEST("seccomp: the getter hands out the copy")
{
	attributes attr;
	sock_fprog got = {};
	CHECK(CALL(spawnxattr_getseccomp(attr, &got)) == ENOENT);
	const filter f({SYS_getppid}, answer(EXDEV));
	REQUIRE(CALL(spawnxattr_setseccomp(attr, f.program())) == 0);
	REQUIRE(CALL(spawnxattr_getseccomp(attr, &got)) == 0);
	CHECK(got.len == f.code.size());
	CHECK(got.filter != f.code.data());
	CHECK(memcmp(got.filter, f.code.data(), got.len * sizeof(sock_filter)) == 0);
	CHECK(CALL(spawnxattr_getseccomp(attr, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_getseccomp(nullptr, &got)) == EINVAL);
}

SPAWNX_TEST("seccomp: no program, an empty or an over-long one is EINVAL when set")
{
	attributes attr;
	std::vector<sock_filter> allow(BPF_MAXINSNS + 1,
		sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	const auto set = [&](sock_filter *code, unsigned short length) {
		const sock_fprog program = {length, code};
		return CALL(spawnxattr_setseccomp(attr, &program));
	};
	CHECK(CALL(spawnxattr_setseccomp(attr, nullptr)) == EINVAL);
	CHECK(set(allow.data(), 0) == EINVAL);
	CHECK(set(nullptr, 1) == EINVAL);
	CHECK(set(allow.data(), BPF_MAXINSNS + 1) == EINVAL);
	sock_fprog got;
	CHECK(CALL(spawnxattr_getseccomp(attr, &got)) == ENOENT);
	const filter f({}, 0);
	CHECK(CALL(spawnxattr_setseccomp(nullptr, f.program())) == EINVAL);

	/* The longest there may be, and the kernel takes it. */
	CHECK(set(allow.data(), BPF_MAXINSNS) == 0);
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
	CHECK(report_of(attr)["Seccomp_filters"] == std::to_string(own_filters() + 1));
	/* A refused one leaves the one before. */
	CHECK(set(allow.data(), 0) == EINVAL);
	REQUIRE(CALL(spawnxattr_getseccomp(attr, &got)) == 0);
	CHECK(got.len == BPF_MAXINSNS);
}

SPAWNX_TEST("seccomp: a program the kernel rejects is EINVAL of stage SECCOMP")
{
	sandbox attr;
	sock_filter code[] = {{0xffff, 0, 0, 0}, BPF_STMT(BPF_RET | BPF_K, 0)};
	const sock_fprog program = {2, code};
	REQUIRE(CALL(spawnxattr_setseccomp(attr, &program)) == 0);
	const spawnx_failure f = refused(attr, EINVAL, SPAWNX_STAGE_SECCOMP);
	CHECK(f.index == -1);
	CHECK(f.fd == -1);
	CHECK(f.text[0] == '\0');
	CHECK(in_words(f) == "seccomp: Invalid argument");
}

static void check_is_told_what_it_needs(spawnxattr_t *attr)
{
	const spawnx_failure f = refused(attr, EACCES, SPAWNX_STAGE_SECCOMP);
	CHECK(f.index == -1);
	CHECK(f.fd == -1);
	CHECK(in_words(f) == "seccomp" + need + "Permission denied");
}

SPAWNX_TEST(
	"seccomp without no-new-privs is EACCES for a user, who is told why", "[user]")
{
	sandbox attr(false);
	attr.seccomp(filter({SYS_getppid}, answer(EXDEV)));
	if (have_no_new_privs())
		CHECK(report_of(attr, {getppid_call})[getppid_call] ==
			std::to_string(EXDEV));
	else
		check_is_told_what_it_needs(attr);
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
	CHECK(report_of(attr, {getppid_call})[getppid_call] == std::to_string(EXDEV));
}

SPAWNX_TEST("seccomp without no-new-privs works for root, who stays root", "[root]")
{
	sandbox attr(false);
	attr.seccomp(filter({SYS_getppid}, answer(EXDEV)));
	report r = report_of(attr, {getppid_call});
	CHECK(r[getppid_call] == std::to_string(EXDEV));
	CHECK(r["NoNewPrivs"] == "0");

	/* The change of the user comes first, and takes CAP_SYS_ADMIN. */
	REQUIRE(CALL(spawnxattr_setuid(attr, 4321)) == 0);
	check_is_told_what_it_needs(attr);
	REQUIRE(CALL(spawnxattr_setnonewprivs(attr, 1)) == 0);
	r = report_of(attr, {getppid_call});
	CHECK(r[getppid_call] == std::to_string(EXDEV));
	CHECK(r["Uid"] == "4321\t4321\t4321\t4321");
}

SPAWNX_TEST("seccomp: a filter that refuses execve is exec's error")
{
	sandbox attr;
	attr.seccomp(filter({SYS_execve}, answer(EXDEV)));
	const spawnx_failure f = refused(attr, EXDEV, SPAWNX_STAGE_EXEC);
	CHECK(std::string(f.text) == helper("idle"));
	CHECK(in_words(f) == exec_of_idle() + "Invalid cross-device link");
}

SPAWNX_TEST("seccomp: a filter that kills at execve is ECANCELED with SIGSYS")
{
	for (const unsigned action :
		{SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD}) {
		sandbox attr;
		attr.seccomp(filter({SYS_execve}, action));
		const spawnx_failure f = refused(attr, ECANCELED, SPAWNX_STAGE_EXEC);
		CHECK(in_words(f) ==
			exec_of_idle() + "killed by signal " + std::to_string(SIGSYS) +
				" before it: Operation canceled");
	}
}

SPAWNX_TEST("seccomp: a child that may not even exit does not hang its parent")
{
	for (const std::vector<long> &calls : {std::vector<long>{SYS_exit_group},
		     std::vector<long>{SYS_exit_group, SYS_exit}}) {
		sandbox attr;
		attr.seccomp(filter(calls, answer(EPERM)));
		for (const bool hidden : {false, true}) {
			/* Nor does one that blocks and ignores whatever signal there is. */
			sigset_t every;
			sigfillset(&every);
			REQUIRE(CALL(spawnxattr_setsigmask(attr, &every)) == 0);
			REQUIRE(CALL(spawnxattr_setsigignore(attr, &every)) == 0);
			REQUIRE(CALL(spawnxattr_setflags(
					attr, hidden ? SPAWNX_SETSIGMASK : 0)) == 0);
			refused(attr, ENOENT, SPAWNX_STAGE_EXEC, "/nonexistent");
		}
	}
}

SPAWNX_TEST("seccomp: the error is not lost where the filter kills at what comes after")
{
	for (const long call : {SYS_exit_group, SYS_openat}) {
		INFO(call);
		sandbox attr;
		attr.seccomp(filter({call}, SECCOMP_RET_KILL_PROCESS));
		const spawnx_failure f =
			refused(attr, ENOENT, SPAWNX_STAGE_EXEC, "/nonexistent");
		/* The open would have told that it is the program that is missing. */
		CHECK(in_words(f) ==
			std::string("exec \"/nonexistent\": ") +
				(call == SYS_openat ? "" : "no such program: ") +
				"No such file or directory");
	}
}

SPAWNX_TEST("seccomp comes before the signal mask, which it may refuse")
{
	sandbox attr;
	attr.seccomp(filter({SYS_rt_sigprocmask}, answer(EXDEV)));
	sigset_t none;
	sigemptyset(&none);
	REQUIRE(CALL(spawnxattr_setsigmask(attr, &none)) == 0);
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETSIGMASK)) == 0);
	const spawnx_failure f = refused(attr, EXDEV, SPAWNX_STAGE_SIGNALS);
	CHECK(in_words(f) == "signals: Invalid cross-device link");
}

/* All that the child does to itself is done before the filter. */
SPAWNX_TEST("seccomp may refuse what the child needed before")
{
	sandbox attr;
	attr.seccomp(filter({SYS_openat, SYS_dup3, SYS_chdir, SYS_umask, SYS_setpgid,
				    SYS_setsid, SYS_prctl, SYS_close},
		SECCOMP_RET_KILL_PROCESS));
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addopen(actions, 7, "/dev/null", O_RDONLY, 0)) ==
		0);
	REQUIRE(CALL(spawnx_file_actions_addchdir(actions, "/")) == 0);
	REQUIRE(CALL(spawnxattr_setumask(attr, 077)) == 0);
	REQUIRE(CALL(spawnxattr_setflags(attr, SPAWNX_SETSID)) == 0);
	const strings argv({"idle", "signal:15"}), envp({});
	pid_t pid = -1;
	REQUIRE(CALL(spawnx(&pid, helper("idle").c_str(), actions, attr, argv, envp)) ==
		0);
	CHECK(wait_pid(pid) == SIGTERM);
}
