/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE
#include "init-console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static int console = 1;
static unsigned sequence;

static uint32_t crc32(const char *data, size_t size)
{
	uint32_t crc = 0xffffffff;

	while (size--) {
		crc ^= (unsigned char)*data++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

void write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
}

void frame(char kind, unsigned job, const char *data, size_t size)
{
	static char line[CHUNK * 3 + 80];
	int length;

	length = sprintf(line, "@vm %u %c %u ", sequence++, kind, job);
	for (size_t i = 0; i < size && i < CHUNK; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c < ' ' || c > '~' || c == '%')
			length += sprintf(line + length, "%%%02X", c);
		else
			line[length++] = (char)c;
	}
	length += sprintf(line + length, " %08x\n", crc32(line, (size_t)length));
	write_all(console, line, (size_t)length);
}

void message(char kind, unsigned job, const char *text)
{
	frame(kind, job, text, strlen(text));
}

void failed(const char *what)
{
	char text[200];

	snprintf(text, sizeof text, "%s: %s", what, strerror(errno));
	message('F', 0, text);
}

void set_up_console(void)
{
	struct termios settings;
	int fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return;
	console = fd;
	/* Frames are lines already; nothing is to be added or echoed. */
	if (tcgetattr(fd, &settings) == 0) {
		cfmakeraw(&settings);
		tcsetattr(fd, TCSANOW, &settings);
	}
	/* A message of the kernel that came before may have left half a line. */
	write_all(fd, "\n", 1);
}

void flush_console(void)
{
	tcdrain(console);
}
