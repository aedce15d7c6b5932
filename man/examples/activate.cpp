/* SPDX-License-Identifier: MIT */
#include <spawnx.hpp>

#include <cstdlib>
#include <fcntl.h>
#include <iostream>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* What sd_listen_fds(3) does: how many descriptors, from 3 on, this process was given. */
static int listen_fds()
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	int n = 0;

	if (pid && count && std::atol(pid) == getpid())
		n = std::atoi(count);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	for (int fd = 3; fd < 3 + n; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return n;
}

static int checked(int result, const char *call)
{
	if (result < 0)
		throw std::system_error(errno, std::generic_category(), call);
	return result;
}

/* The service: any program that systemd can start in this way. */
static int serve()
{
	const int n = listen_fds();
	if (n != 1)
		throw std::runtime_error(std::to_string(n) + " sockets instead of 1");
	const int client = checked(accept(3, nullptr, nullptr), "accept");
	checked(dprintf(client, "served from descriptor 3\n"), "dprintf");
	return close(client);
}

/* The manager. A client is served that came before the service was there. */
static int manage()
{
	sockaddr_un addr = {AF_UNIX, ""};
	sockaddr *const any = reinterpret_cast<sockaddr *>(&addr);
	socklen_t size = sizeof(addr);
	const int listener =
		checked(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	const int client =
		checked(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

	/* Without a name to bind to, the kernel makes one up. */
	checked(bind(listener, any, sizeof(addr.sun_family)), "bind");
	checked(listen(listener, 8), "listen");
	checked(getsockname(listener, any, &size), "getsockname");
	checked(connect(client, any, size), "connect");

	spx::child service = spx::start("/proc/self/exe", {"activate", "serve"},
		spx::attributes().listen_fds(1), spx::file_actions().dup2(listener, 3));
	close(listener); /* else the client would wait on after a service that failed */

	char text[256];
	ssize_t n;
	while ((n = read(client, text, sizeof(text))) > 0)
		std::cout.write(text, n);
	close(client);
	return !service.wait().success();
}

int main(int argc, char **argv)
try {
	return argc == 2 && argv[1] == std::string("serve") ? serve() : manage();
} catch (const std::exception &e) {
	std::cerr << "activate: " << e.what() << '\n';
	return 1;
}
