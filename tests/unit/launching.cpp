/* SPDX-License-Identifier: MIT */
#include "launching.hpp"

#include <snapshot.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel.hpp"
#include "request.hpp"

using namespace spawnx_core;

namespace unit
{

spawnx_core::plan &trial::lower()
{
	static char *const no_environment[] = {nullptr};
	request r = {};
	names.clear();
	for (const std::string &name : programs)
		names.push_back(name.c_str());
	argv.clear();
	for (std::string &one : arguments)
		argv.push_back(one.data());
	argv.push_back(nullptr);
	r.attr = attr.handle;
	r.actions = actions.handle;
	r.pidfd = pidfd;
	r.candidates = names.data();
	r.candidate_count = names.size();
	r.no_candidate = ENOENT;
	r.argv = argv.data();
	r.envp = no_environment;

	unsigned missing = 0;
	const std::uint64_t native = feature::native(feature::all) & ~without;
	REQUIRE(spawnx_core::lower(r, native, plan, missing) == 0);
	if (forked)
		plan.clone_flags &= ~(kernel::clone_vm | kernel::clone_vfork);
	lowered = true;
	return plan;
}

spawnx_core::launched trial::launch()
{
	if (!lowered)
		lower();
	lowered = false;
	return launched = spawnx_core::launch(plan);
}

support::report trial::run()
{
	const support::scratch to;
	arguments = {"report", to.path};
	if (lowered) { /* the plan has been altered: keep that, and move argv in */
		argv = {arguments[0].data(), arguments[1].data(), nullptr};
		plan.argv = argv.data();
	}
	launch();
	INFO("error " << launched.error);
	REQUIRE(launched.error == 0);
	CHECK(plan.result.error == 0);
	CHECK(launched.pid > 0);
	CHECK((launched.pidfd >= 0) == pidfd);
	/* An ordinary wait finds it: exec has put SIGCHLD back. */
	REQUIRE(support::wait_pid(launched.pid) == 0);
	support::report r = support::parse_report(to.path);
	REQUIRE(r["complete"] == "1");
	CHECK(r["pid"] == std::to_string(launched.pid));
	CHECK(r["ppid"] == std::to_string(getpid()));
	if (pidfd) {
		CHECK(fcntl(launched.pidfd, F_GETFD) == FD_CLOEXEC);
		siginfo_t info = {};
		CHECK(waitid(P_PIDFD, static_cast<id_t>(launched.pidfd), &info,
			      WEXITED | WNOHANG) == -1);
		CHECK(errno == ECHILD);
		close(launched.pidfd);
	}
	return r;
}

void trial::fail(int error)
{
	const support::sigchld_counter sigchlds;
	launch();
	CHECK(launched.error == error);
	CHECK(launched.cloned);
	CHECK(plan.result.error == error);
	CHECK(launched.pidfd == -1);
	CHECK_FALSE(has_children());
	CHECK(sigchlds.count() == 0);
}

std::vector<std::string> descriptors(const support::report &r)
{
	std::vector<std::string> found;
	for (const auto &[key, value] : r)
		if (key.compare(0, 3, "fd.") == 0)
			found.push_back(key.substr(3) + "=" + value);
	return found;
}

std::vector<std::string> inherited()
{
	std::vector<std::string> found;
	for (const std::string &one : support::snapshot::take().descriptors) {
		const auto arrow = one.find(" -> ");
		if (!(fcntl(std::stoi(one), F_GETFD) & FD_CLOEXEC))
			found.push_back(
				one.substr(0, arrow) + "=" + one.substr(arrow + 4));
	}
	return found;
}

bool has_children()
{
	siginfo_t info;
	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

std::vector<int> free_descriptors(std::size_t count)
{
	std::vector<int> found;
	while (found.size() < count)
		found.push_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
	for (const int fd : found)
		close(fd);
	return found;
}

} // namespace unit
