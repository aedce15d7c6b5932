/* SPDX-License-Identifier: MIT */
/* A pidfd in Boost.Asio: a stream descriptor that is waited for, never read. */
#include <boost/asio.hpp>
#include <spawnx.hpp>

#include <cstdio>
#include <list>

namespace asio = boost::asio;

namespace
{

struct watched {
	asio::posix::stream_descriptor descriptor;
	spx::child child;
	int code, signal;
};

int wrong, running;

void on_readable(std::list<watched>::iterator at)
{
	at->descriptor.release(); /* the pidfd is the child's */
	const auto status = at->child.try_wait();
	wrong += !status || status->code() != at->code || status->signal() != at->signal;
	running--;
}

} // namespace

int main(int argc, char *argv[])
{
	if (argc != 2)
		return 2;
	asio::io_context loop;
	std::list<watched> all;
	const auto watch = [&](const char *word, int code, int signal, bool autoreap) {
		auto attributes = spx::attributes();
		attributes.autoreap(autoreap &&
			spawnx_feature(SPAWNX_FEATURE_AUTOREAP) == SPAWNX_NATIVE);
		auto child = spx::start(argv[1], {"idle", "ms:20", word}, attributes);
		const int pidfd = child.pidfd();
		all.push_back({asio::posix::stream_descriptor(loop, pidfd),
			std::move(child), code, signal});
		all.back().descriptor.async_wait(
			asio::posix::stream_descriptor::wait_read,
			[at = std::prev(all.end())](auto) { on_readable(at); });
		running++;
	};
	watch("exit:0", 0, 0, false);
	watch("exit:7", 7, 0, true);
	watch("signal:9", -1, 9, false);
	watch("signal:15", -1, 15, true);
	loop.run();
	all.clear();
	if (wrong || running)
		std::fprintf(stderr, "%d wrong, %d not told\n", wrong, running);
	const bool left = waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD;
	return wrong || running || left;
}
