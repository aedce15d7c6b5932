/* SPDX-License-Identifier: MIT */

/*
 * How the guest's init talks to the host.
 *
 * All that the host learns goes over the serial console, which the kernel
 * writes to as well, at any moment and in the middle of a line. So every
 * message is a frame: one line with a sequence number and a checksum, its
 * payload free of control characters. console.py is the other end.
 *
 *	@vm SEQUENCE KIND JOB PAYLOAD CRC32
 *
 * Kinds: B machine is up (payload: kernel release), S job starts, O its output,
 * X its end ("exited 0", "killed 9", "timeout 60"; then " left N" if N
 * processes outlived it), K an error of the kernel, F init itself failed,
 * E all done.
 */
#pragma once

#include <stddef.h>

/* No frame holds more. */
#define CHUNK 1024

void set_up_console(void);
void frame(char kind, unsigned job, const char *data, size_t size);
void message(char kind, unsigned job, const char *text);
void flush_console(void);
void write_all(int fd, const char *data, size_t size);

/* Tells that something failed, with errno. */
void failed(const char *what);
