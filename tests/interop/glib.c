/* SPDX-License-Identifier: MIT */
/* A pidfd in GLib's main loop: a file descriptor source. */
#include <glib-unix.h>

#include "children.h"

static gboolean on_readable(gint pidfd, GIOCondition condition, gpointer loop)
{
	(void)condition;
	child_ended(pidfd);
	if (!running)
		g_main_loop_quit((GMainLoop *)loop);
	return G_SOURCE_REMOVE;
}

int main(int argc, char *argv[])
{
	GMainLoop *loop = g_main_loop_new(NULL, FALSE);

	if (argc != 2)
		return 2;
	start_children(argv[1]);
	for (int i = 0; i < CHILDREN; i++)
		g_unix_fd_add(pidfds[i], G_IO_IN, on_readable, loop);
	g_main_loop_run(loop);
	g_main_loop_unref(loop);
	return finish();
}
