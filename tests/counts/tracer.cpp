/* SPDX-License-Identifier: MIT */
#include "tracer.hpp"

#include <cerrno>
#include <csignal>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace counts
{

namespace
{

/* getppid takes no argument, so an argument is a message to the tracer. */
constexpr long begins = 0x5b0001, ends = 0x5b0002;

std::string name_of(uint64_t nr)
{
	switch (nr) {
	case SYS_clone:
		return "clone";
	case SYS_clone3:
		return "clone3";
	case SYS_execve:
		return "execve";
	case SYS_waitid:
		return "waitid";
	case SYS_close:
		return "close";
	case SYS_close_range:
		return "close_range";
	case SYS_pipe2:
		return "pipe2";
	case SYS_prctl:
		return "prctl";
	case SYS_setgroups:
		return "setgroups";
	case SYS_setresgid:
		return "setresgid";
	case SYS_setresuid:
		return "setresuid";
	case SYS_rt_sigprocmask:
		return "rt_sigprocmask";
	default:
		return std::to_string(nr);
	}
}

[[noreturn]] void traced_process(int (*before)(), int (*body)())
{
	int error = before();
	if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0 || raise(SIGSTOP) != 0)
		_exit(1);
	syscall(SYS_getppid, begins);
	error |= body();
	syscall(SYS_getppid, ends);
	_exit(error != 0);
}

long request(unsigned what, pid_t pid, unsigned long address, void *data)
{
	return ptrace(static_cast<__ptrace_request>(what), pid,
		reinterpret_cast<void *>(address), data);
}

class tracer
{
public:
	explicit tracer(pid_t spawner) : parent(spawner) {}

	traced run()
	{
		int status;
		if (waitpid(parent, &status, 0) != parent || !WIFSTOPPED(status))
			return result;
		request(PTRACE_SETOPTIONS, parent, 0,
			reinterpret_cast<void *>(PTRACE_O_TRACESYSGOOD |
				PTRACE_O_TRACEVFORK | PTRACE_O_TRACEFORK |
				PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
				PTRACE_O_EXITKILL));
		request(PTRACE_SYSCALL, parent, 0, nullptr);
		for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
			if (WIFSTOPPED(status))
				stopped(pid, status >> 8);
			else if (pid == parent)
				result.complete = begun && ended && status == 0;
		}
		return result;
	}

private:
	void stopped(pid_t pid, int why)
	{
		const int sig = why & 0xff;
		if (sig == (SIGTRAP | 0x80)) {
			entered(pid);
		} else if (why >> 8 == PTRACE_EVENT_EXEC) {
			request(PTRACE_DETACH, pid, 0, nullptr);
			return;
		}
		/* The first stop of a new process is no signal of its own. */
		const bool pass_on = sig != SIGSTOP && sig != SIGTRAP &&
			sig != (SIGTRAP | 0x80) && why >> 8 == 0;
		request(PTRACE_SYSCALL, pid, 0,
			reinterpret_cast<void *>(static_cast<long>(pass_on ? sig : 0)));
	}

	void entered(pid_t pid)
	{
		__ptrace_syscall_info info = {};
		if (request(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 ||
			info.op != PTRACE_SYSCALL_INFO_ENTRY)
			return;
		if (info.entry.nr == SYS_getppid && info.entry.args[0] == begins) {
			begun = true;
			return;
		}
		if (info.entry.nr == SYS_getppid && info.entry.args[0] == ends)
			ended = true;
		if (!begun || ended)
			return;
		result.calls.push_back(name_of(info.entry.nr));
		if (info.entry.nr == SYS_clone3) {
			errno = 0;
			result.clone_flags = static_cast<uint64_t>(request(
				PTRACE_PEEKDATA, pid,
				static_cast<unsigned long>(info.entry.args[0]), nullptr));
		}
	}

	pid_t parent;
	bool begun = false, ended = false;
	traced result;
};

} // namespace

traced trace(int (*before)(), int (*body)())
{
	const pid_t pid = fork();
	if (pid == 0)
		traced_process(before, body);
	return tracer(pid).run();
}

} // namespace counts
