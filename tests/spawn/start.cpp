/* SPDX-License-Identifier: MIT */
/* Starting a program: the plain calls. */
#include <spawning.hpp>
#include <snapshot.hpp>
#include <machine.hpp>

#include <cerrno>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace support;

SPAWNX_TEST("a plain child is the program, with its arguments and environment")
{
	const report r = spawn_report(nullptr, nullptr, {"A=1", "B=two words", "A=again"});
	CHECK(r.at("argv.0") == "report");
	CHECK(r.at("env.0") == "A=1");
	CHECK(r.at("env.1") == "B=two words");
	CHECK(r.at("env.2") == "A=again");
	CHECK(r.count("env.3") == 0);
	CHECK(r.at("ppid") == std::to_string(getpid()));
	CHECK(r.at("pgid") == std::to_string(getpgid(0)));
	CHECK(r.at("sid") == std::to_string(getsid(0)));
	CHECK(r.at("SigBlk") == "0000000000000000");
	CHECK(r.at("SigCgt") == "0000000000000000");
	CHECK(r.at("NoNewPrivs") == "0");
}
