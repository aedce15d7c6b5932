/* SPDX-License-Identifier: MIT */
/*
 * Leaves out what cannot be on this machine, so that nothing needs to skip: cases tagged
 * [root] or [user] by who runs them, [has:X] and [lacks:X] by what the kernel should have.
 * [cgroup] needs a cgroup2 hierarchy that may be written to: the guests of tests/vm do.
 * Both sides run somewhere: tests/vm runs each program as root and as an ordinary user on
 * kernels of both kinds.
 */
#include <catch2/catch_session.hpp>

#include <csignal>
#include <string>
#include <unistd.h>
#include <vector>

#include "machine.hpp"

static std::string with_each(const std::string &unfit, const std::string &filters)
{
	std::string all = unfit;
	for (std::size_t i = 0; i < filters.size(); i++) {
		all += filters[i];
		if (filters[i] == ',' && (i == 0 || filters[i - 1] != '\\'))
			all += unfit;
	}
	return all;
}

int main(int argc, char *argv[])
{
	/* A shell's background job, or nohup, has them ignored, and so would every child. */
	for (const int sig : {SIGHUP, SIGINT, SIGQUIT})
		std::signal(sig, SIG_DFL);
	std::string unfit = geteuid() == 0 ? "~[user]" : "~[root]";
	for (const char *name : {
#define X(id, NAME, name, ...) name,
#include "features.def"
#undef X
	     })
		unfit += support::should_have(name) == support::oracle::has
			? "~[lacks:" + std::string(name) + "]"
			: "~[has:" + std::string(name) + "]";

	if (!support::has_writable_cgroups())
		unfit += "~[cgroup]";

	Catch::Session session;
	if (const int bad = session.applyCommandLine(argc, argv))
		return bad;
	/* Ours joins each one given: "," is "or" ("\\," is not), juxtaposition is "and". */
	auto data = session.configData();
	if (data.testsOrTags.empty())
		data.testsOrTags.push_back(unfit);
	else
		for (auto &filter : data.testsOrTags)
			filter = with_each(unfit, filter);
	session.useConfigData(data);
	return session.run();
}
