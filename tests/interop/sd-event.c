/* SPDX-License-Identifier: MIT */
/* A pidfd in sd-event: an I/O source. sd_event_add_child(3) would want SIGCHLD blocked. */
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "children.h"

static int on_readable(sd_event_source *source, int pidfd, uint32_t events, void *loop)
{
	(void)events;
	/* First: an epoll instance forgets a descriptor by its number, while it is open. */
	sd_event_source_disable_unref(source);
	child_ended(pidfd);
	return running ? 0 : sd_event_exit((sd_event *)loop, 0);
}

int main(int argc, char *argv[])
{
	sd_event *loop;

	if (argc != 2 || sd_event_new(&loop) < 0)
		return 2;
	start_children(argv[1]);
	for (int i = 0; i < CHILDREN; i++) {
		sd_event_source *source;
		if (sd_event_add_io(
			    loop, &source, pidfds[i], EPOLLIN, on_readable, loop) < 0)
			return 2;
	}
	if (sd_event_loop(loop) < 0)
		return 2;
	sd_event_unref(loop);
	return finish();
}
