/* SPDX-License-Identifier: MIT */
#include <spawnx.hpp>

#include <cerrno>
#include <iostream>
#include <string>
#include <sys/epoll.h>

struct worker {
	std::string name, command; /* $0 is which start this is */
	int starts = 0;
	spx::child child = {};
	spx::exit_status end = {};
};

static constexpr int max_starts = 5;

static bool start(worker &w, const spx::attributes &attr, int epoll)
{
	epoll_event event = {};
	event.events = EPOLLIN;
	event.data.ptr = &w;
	const std::string number = std::to_string(++w.starts);
	try {
		w.child = spx::start("/bin/sh", {"sh", "-c", w.command, number}, attr);
	} catch (const spx::error &e) {
		std::cerr << w.name << ": " << e.what() << '\n';
		return false;
	}
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, w.child.pidfd(), &event) == 0)
		return true;
	throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

/* Whether it has to be started again. */
static bool ended(worker &w, int epoll)
{
	/* Closing alone is not enough while a child being started has a copy. */
	epoll_ctl(epoll, EPOLL_CTL_DEL, w.child.pidfd(), nullptr);
	std::error_code ec; /* ENODATA: somebody else has waited for it */
	w.end = w.child.wait(ec);
	w.child = {};
	return !w.end.success() && w.starts < max_starts;
}

int main()
try {
	/* autokill is also autoreap; without it wait() reaps. */
	const bool autokill = spawnx_feature(SPAWNX_FEATURE_AUTOKILL) >= SPAWNX_EXACT;
	const auto attr = spx::attributes().autokill(autokill).no_new_privs();
	const int epoll = epoll_create1(EPOLL_CLOEXEC);
	int running = 0;
	worker workers[] = {{"once", "exit 0"}, {"flaky", "test $0 -eq 3"},
		{"broken", "kill -KILL $$"}};

	if (!autokill)
		std::cerr
			<< "before Linux 7.1: workers outlive a supervisor that is killed\n";
	for (worker &w : workers)
		running += start(w, attr, epoll);
	while (running > 0) {
		epoll_event event;
		if (epoll_wait(epoll, &event, 1, -1) < 0) {
			if (errno == EINTR)
				continue;
			throw std::system_error(
				errno, std::generic_category(), "epoll_wait");
		}
		worker &w = *static_cast<worker *>(event.data.ptr);
		if (!ended(w, epoll) || !start(w, attr, epoll))
			running--;
	}
	close(epoll);

	for (const worker &w : workers) {
		std::cout << w.name;
		if (w.end.exited())
			std::cout << ": exit status " << w.end.code();
		else if (w.end.signaled())
			std::cout << ": killed by signal " << w.end.signal();
		else
			std::cout << ": no status";
		std::cout << " at start " << w.starts << '\n';
	}
} catch (const std::exception &e) {
	std::cerr << "restart: " << e.what() << '\n';
	return 1;
}
