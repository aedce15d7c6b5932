/* SPDX-License-Identifier: MIT */
#include <spawnx.hpp>

#include <cerrno>
#include <iostream>
#include <poll.h>
#include <string>
#include <vector>

struct job {
	std::vector<std::string> argv;
	std::string result = {};
};

static spx::child start(job &j)
{
	try {
		return spx::start(j.argv[0], j.argv, spx::search::path);
	} catch (const spx::error &e) {
		j.result = e.what();
		return {};
	}
}

static void ended(job &j, spx::child child)
{
	std::error_code ec;
	const spx::exit_status end = child.wait(ec);
	if (ec) /* ENODATA: somebody else has waited for it */
		j.result = ec.message();
	else if (end.exited())
		j.result = "exit status " + std::to_string(end.code());
	else
		j.result = "killed by signal " + std::to_string(end.signal());
}

int main()
try {
	constexpr int workers = 3;
	std::vector<job> jobs = {{{"sleep", "0.3"}}, {{"true"}}, {{"sh", "-c", "exit 7"}},
		{{"no-such-program"}}, {{"sh", "-c", "kill -KILL $$"}},
		{{"sleep", "0.1"}}};
	spx::child child[workers];
	job *job_of[workers];
	auto next = jobs.begin();

	for (;;) {
		pollfd slot[workers];
		int running = 0;
		for (int i = 0; i < workers; i++) {
			while (!child[i] && next != jobs.end()) {
				job_of[i] = &*next++;
				child[i] = start(*job_of[i]);
			}
			/* -1 if there is none; poll() passes over it. */
			slot[i] = {child[i].pidfd(), POLLIN, 0};
			running += child[i] ? 1 : 0;
		}
		if (running == 0)
			break;
		if (poll(slot, workers, -1) < 0) {
			if (errno == EINTR)
				continue;
			throw std::system_error(errno, std::generic_category(), "poll");
		}
		for (int i = 0; i < workers; i++)
			if (child[i] && slot[i].revents)
				ended(*job_of[i], std::move(child[i]));
	}
	for (const job &j : jobs)
		std::cout << j.argv[0] << ": " << j.result << '\n';
} catch (const std::exception &e) {
	std::cerr << "pool: " << e.what() << '\n';
	return 1;
}
