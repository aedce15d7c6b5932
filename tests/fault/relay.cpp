/* SPDX-License-Identifier: MIT */
/*
 * One system call of a relay refused, or deadly: the error says so, and neither child, guard,
 * descriptor nor zombie is left. Each in a fork, for a filter is for life.
 */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>

#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;

static const char before_7_1[] = "[lacks:autokill][has:clone3]";

namespace
{

constexpr unsigned any = 0;
constexpr unsigned deadly = SECCOMP_RET_KILL_PROCESS;

struct refusal {
	long call;
	unsigned second; /* its second argument; any: whatever it is */
	unsigned answer;
};

constexpr unsigned with(int error)
{
	return SECCOMP_RET_ERRNO | static_cast<unsigned>(error);
}

struct outcome {
	int error, stage, pidfd, waited, waited_errno;
	bool hung_up; /* nobody holds what the child has inherited */
	std::size_t descriptors_before, descriptors_after;
	char text[256], words[512];
};

bool install(const refusal &r)
{
	const unsigned short compare =
		BPF_JMP | BPF_K | (r.second == any ? BPF_JGE : BPF_JEQ);
	sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(r.call), 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
		BPF_JUMP(compare, r.second, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, r.answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const sock_fprog program = {6, code};
	return (geteuid() == 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) &&
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

int start(bool autokill, int *pidfd, bool lasting)
{
	const strings argv(lasting ? std::vector<std::string>{"idle"}
				   : std::vector<std::string>{"idle", "exit:0"}),
		envp({});
	attributes attr;
	if (spawnxattr_setfallback(attr, SPAWNX_FALLBACK_WEAKER) ||
		spawnxattr_setnonewprivs(attr, 1) ||
		(autokill ? spawnxattr_setautokill(attr, 1)
			  : spawnxattr_setautoreap(attr, 1)))
		return -1;
	return pidfd_spawnx(pidfd, helper("idle").c_str(), nullptr, attr, argv, envp);
}

void spawn_under(const refusal &r, bool autokill, outcome &o)
{
	int pidfd = -1, pipe[2];
	/* The features are known then: the filter is a surprise. */
	if (start(autokill, &pidfd, false) != 0 || ::pipe(pipe) != 0 || !install(r))
		_exit(2);
	/* The kernel's own is our child until it is gone. */
	while (waitpid(-1, nullptr, WNOHANG | __WALL) == 0)
		usleep(1000);
	close(pidfd);
	o.descriptors_before = snapshot::take().descriptors.size();
	o.pidfd = -7;
	o.error = start(autokill, &o.pidfd, true);
	o.descriptors_after = snapshot::take().descriptors.size();
	o.waited = waitpid(-1, nullptr, WNOHANG | __WALL);
	o.waited_errno = errno;
	spawnx_failure f = {};
	f.size = sizeof(f);
	if (o.error) {
		(void)spawnx_lastfailure(&f);
		o.stage = f.stage;
		std::memcpy(o.text, f.text, sizeof(f.text));
		(void)spawnx_strfailure(&f, o.words, sizeof(o.words));
	} else {
		close(o.pidfd);
	}
	close(pipe[1]);
	pollfd p = {pipe[0], POLLIN, 0};
	o.hung_up = poll(&p, 1, 10000) == 1 && (p.revents & POLLHUP);
}

outcome under(const refusal &r, bool autokill)
{
	void *shared = mmap(nullptr, sizeof(outcome), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(shared != MAP_FAILED);
	const pid_t pid = fork();
	if (pid == 0) {
		spawn_under(r, autokill, *static_cast<outcome *>(shared));
		_exit(0);
	}
	CHECK(wait_pid(pid) == 0);
	const outcome o = *static_cast<outcome *>(shared);
	munmap(shared, sizeof(outcome));
	return o;
}

void check_nothing_left(const outcome &o)
{
	CHECK(o.hung_up);
	CHECK(o.waited == -1);
	CHECK(o.waited_errno == ECHILD);
	CHECK(o.descriptors_after == o.descriptors_before + (o.error ? 0 : 1));
	CHECK((o.pidfd == -7) == (o.error != 0));
}

} // namespace

SPAWNX_TEST(
	"guard: a refused call of the relay's: ENOTSUP, and nothing is left", before_7_1)
{
	const refusal rows[] = {
		{SYS_fcntl, 37 /* F_OFD_SETLK */, with(EINVAL)},
		{SYS_fcntl, F_SETFD, with(EPERM)},
		{SYS_close_range, any, with(ENOSYS)},
		{SYS_close_range, any, with(EPERM)},
		{SYS_pidfd_open, any, with(ENOSYS)},
		{SYS_pidfd_open, any, with(EMFILE)},
		{SYS_pidfd_send_signal, any, with(EPERM)},
		{SYS_pidfd_send_signal, any, with(ENOSYS)},
		{SYS_execveat, any, with(EPERM)},
		{SYS_execveat, any, with(ENOMEM)},
	};
	for (const refusal &r : rows) {
		INFO("call " << r.call << " answer " << std::hex << r.answer);
		const outcome o = under(r, true);
		CHECK(o.error == ENOTSUP);
		CHECK(o.stage == SPAWNX_STAGE_GUARD);
		CHECK(std::string(o.text).find("spawnx-guard") != std::string::npos);
		CHECK(std::string(o.words) ==
			"guard \"" + std::string(o.text) + "\": Operation not supported");
		check_nothing_left(o);
	}
}

SPAWNX_TEST("guard: what is only for comfort may be refused", before_7_1)
{
	for (const refusal &r : {refusal{SYS_setsid, any, with(EPERM)},
		     refusal{SYS_chdir, any, with(EACCES)},
		     refusal{SYS_faccessat2, any, with(ENOSYS)},
		     refusal{SYS_futex, any, with(ENOSYS)}}) {
		INFO("call " << r.call);
		const outcome o = under(r, true);
		CHECK(o.error == 0);
		check_nothing_left(o);
	}
}

SPAWNX_TEST("guard: a call that kills the relay: ECANCELED, and the child is dead",
	before_7_1)
{
	for (const refusal &r :
		{refusal{SYS_setsid, any, deadly}, refusal{SYS_execveat, any, deadly},
			refusal{SYS_pidfd_open, any, deadly},
			refusal{SYS_close_range, any, deadly}}) {
		INFO("call " << r.call);
		const outcome o = under(r, true);
		CHECK(o.error == ECANCELED);
		CHECK(o.stage == SPAWNX_STAGE_GUARD);
		CHECK(std::string(o.words) ==
			"guard \"" + std::string(o.text) + "\": Operation canceled");
		check_nothing_left(o);
	}
}

/* The kernel's own autokill takes another way to the same answers. */
SPAWNX_TEST("relay: clone3 refused comes back as itself", "[has:clone3]")
{
	for (const int error : {EAGAIN, ENOMEM}) {
		for (const bool autokill : {false, true}) {
			INFO("error " << error << " autokill " << autokill);
			const outcome o = under({SYS_clone3, any, with(error)}, autokill);
			CHECK(o.error == error);
			CHECK(o.stage == SPAWNX_STAGE_CLONE);
			CHECK(o.text[0] == '\0');
			check_nothing_left(o);
		}
	}
	/* The probe says so too, then: the feature is missing. */
	for (const int error : {ENOSYS, EPERM}) {
		const outcome o = under({SYS_clone3, any, with(error)}, true);
		INFO(o.words);
		CHECK(o.error == ENOTSUP);
		CHECK(o.stage == SPAWNX_STAGE_FEATURE);
		/* The cause, though weaker would do: that needs clone3, too. */
		CHECK(std::string(o.words).find(
			      error == EPERM ? "seccomp filter (EPERM)" : "(ENOSYS)") !=
			std::string::npos);
		check_nothing_left(o);
	}
}
