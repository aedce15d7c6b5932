/* SPDX-License-Identifier: MIT */
/* Two libraries whose users start programs through them, with their defaults. */
#include "ways.hpp"

#include <cerrno>

#ifdef HAVE_LIBUV
#include <uv.h>
#endif
#ifdef HAVE_GLIB
#include <glib.h>
#endif

namespace bench
{

#ifdef HAVE_LIBUV
static uv_loop_t *loop()
{
	static thread_local uv_loop_t own;
	static thread_local const int error = uv_loop_init(&own);
	return error ? nullptr : &own;
}

int start_libuv(job &j)
{
	uv_process_options_t options = {};
	auto *const process = new uv_process_t;
	options.file = program;
	options.args = program_argv;
	options.env = program_envp;
	options.exit_cb = [](uv_process_t *p, int64_t, int) {
		uv_close(reinterpret_cast<uv_handle_t *>(p), nullptr);
	};
	j.more = process;
	return -uv_spawn(loop(), process, &options);
}

void finish_libuv(job &j)
{
	uv_run(loop(), UV_RUN_DEFAULT);
	delete static_cast<uv_process_t *>(j.more);
}
#endif

#ifdef HAVE_GLIB
int start_glib(job &j)
{
	char *argv[] = {const_cast<char *>(program), program_argv[1], nullptr};
	return g_spawn_async(nullptr, argv, program_envp, G_SPAWN_DO_NOT_REAP_CHILD,
		       nullptr, nullptr, &j.pid, nullptr)
		? 0
		: EIO;
}
#endif

} // namespace bench
