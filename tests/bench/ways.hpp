/* SPDX-License-Identifier: MIT */
/* The contenders: ways to start a program, all with the same two moments to measure. */
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace bench
{

struct job {
	pid_t pid = -1;
	int pidfd = -1;
	void *more = nullptr;
};

struct way {
	const char *name;
	int (*start)(job &);   /* 0 or an error number; has returned: spawn-to-return */
	void (*finish)(job &); /* the child is gone and reaped: spawn-to-exit */
};

inline constexpr char floor_name[] = "vfork + execve";

/* What all start: set once, before anything. */
extern const char *program;
extern char *program_argv[];
extern char *program_envp[];

/* A way that fails at its first try is not to be had here, and is left out. */
const std::vector<way> &ways();

void reap(job &);

int start_libuv(job &);
void finish_libuv(job &);
int start_glib(job &);

/* The worker: the parent to be measured, as big as told. Returns main's status. */
int serve(double gib, int descriptors, int threads, unsigned rounds);

/* µs a child, from the first spawn until all are gone; empty: not to be had here. */
struct throughput {
	std::string name;
	double us;
	std::string why;
};
std::vector<throughput> fire_and_forget(int rounds);

double now_us();
double median(std::vector<double> &);

} // namespace bench
