/* SPDX-License-Identifier: MIT */
/* A pidfd in libuv: a poll handle. uv_spawn would install a handler for SIGCHLD. */
#include <uv.h>

#include "children.h"

static void on_readable(uv_poll_t *handle, int status, int events)
{
	uv_os_fd_t pidfd;

	(void)status, (void)events;
	uv_fileno((uv_handle_t *)handle, &pidfd);
	uv_poll_stop(handle);
	uv_close((uv_handle_t *)handle, NULL);
	child_ended(pidfd);
}

int main(int argc, char *argv[])
{
	uv_poll_t handles[CHILDREN];
	uv_loop_t *loop = uv_default_loop();

	if (argc != 2)
		return 2;
	start_children(argv[1]);
	for (int i = 0; i < CHILDREN; i++)
		if (uv_poll_init(loop, &handles[i], pidfds[i]) ||
			uv_poll_start(&handles[i], UV_READABLE, on_readable))
			return 2;
	uv_run(loop, UV_RUN_DEFAULT); /* until there is no handle */
	return uv_loop_close(loop) ? 2 : finish();
}
