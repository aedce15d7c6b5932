/* SPDX-License-Identifier: MIT */
/*
 * idle [WORD...]: does what the words say, in turn, and then nothing for ever.
 * ms:N sleeps, exit:N exits, signal:N kills itself, close:N closes a descriptor,
 * say:FD:TEXT writes TEXT, term:N makes SIGTERM exit with N, a tenth of a second later,
 * fork:N makes N children that do the rest of the words, as it does itself.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int number(const char *word)
{
	return atoi(strchr(word, ':') + 1);
}

static int after_term;

static void on_term(int sig)
{
	(void)sig;
	usleep(100000);
	_exit(after_term);
}

int main(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		if (strncmp(word, "ms:", 3) == 0) {
			usleep((useconds_t)number(word) * 1000);
		} else if (strncmp(word, "exit:", 5) == 0) {
			_exit(number(word));
		} else if (strncmp(word, "signal:", 7) == 0) {
			kill(getpid(), number(word));
		} else if (strncmp(word, "close:", 6) == 0) {
			close(number(word));
		} else if (strncmp(word, "term:", 5) == 0) {
			after_term = number(word);
			signal(SIGTERM, on_term);
		} else if (strncmp(word, "say:", 4) == 0) {
			const char *text = strchr(word + 4, ':') + 1;
			if (write(number(word), text, strlen(text)) < 0)
				return 9;
		} else if (strncmp(word, "fork:", 5) == 0) {
			for (int n = number(word); n > 0 && fork() != 0;)
				n--;
		} else {
			return 8;
		}
	}
	for (;;)
		pause();
}
