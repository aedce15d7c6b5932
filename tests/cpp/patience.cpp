/* SPDX-License-Identifier: MIT */
/* ~child() where the end of the process cannot be had: it gives up, and says how long. */
#include <machine.hpp>
#include <snapshot.hpp>
#include <spawning.hpp>
#include <spawnx.hpp>

#include <chrono>
#include <csignal>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;
using std::chrono::steady_clock;

SPAWNX_TEST(
	"a tracer that keeps the zombie holds the destructor up for its patience, no longer")
{
	int held[2], let_go[2];
	REQUIRE(pipe(held) == 0);
	REQUIRE(pipe(let_go) == 0);
	spx::child c = spx::start(helper("idle"), {"idle"});
	const pid_t pid = c.pid();
	const pid_t tracer = fork();
	if (tracer == 0) {
		char ok = ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0 ? 'y' : 'n';
		(void)!write(held[1], &ok, 1);
		(void)!read(let_go[0], &ok, 1);
		_exit(0);
	}
	char ok = 0;
	REQUIRE(read(held[0], &ok, 1) == 1);
	const auto begin = steady_clock::now();
	c = spx::child();
	const auto took = steady_clock::now() - begin;
	(void)!write(let_go[1], "x", 1);
	CHECK(wait_pid(tracer) == 0);
	for (const int fd : {held[0], held[1], let_go[0], let_go[1]})
		close(fd);
	if (ok != 'y') /* Yama, as an ordinary user: then there is nothing to wait for */
		return;
	CHECK(took >= spx::child::patience);
	CHECK(took < spx::child::patience + std::chrono::seconds(5));
	CHECK(wait_pid(pid) == SIGKILL); /* what is left, as the page says */
}
