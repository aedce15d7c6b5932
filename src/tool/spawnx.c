/* SPDX-License-Identifier: MIT */
/* spawnx(1): says what the library can do on this kernel. Its first user, too. */
#include <spawnx.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	unsigned int id;
	const char *name, *since, *what, *instead;
} features[] = {
#define X(id, NAME, name, since, probe, without, what, instead) \
	{id, name, since, what, instead},
#include "features.def"
#undef X
};

static const char *const grades[] = {
	[SPAWNX_ABSENT] = "absent",
	[SPAWNX_WEAK] = "weaker",
	[SPAWNX_EXACT] = "exact",
	[SPAWNX_NATIVE] = "native",
};

static void print_features(void)
{
	printf("%-14s %-6s  %-7s  %s\n", "FEATURE", "SINCE", "HERE", "WHAT");
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		const int grade = spawnx_feature(features[i].id);
		printf("%-14s %-6s  %-7s  %s\n", features[i].name, features[i].since,
			grades[grade],
			grade == SPAWNX_NATIVE ? features[i].what : features[i].instead);
	}
}

static void print_usage(FILE *to)
{
	fputs("usage: spawnx --features    what this kernel can, and what stands in\n"
	      "       spawnx --version     of the library\n"
	      "       spawnx --help\n",
		to);
}

int main(int argc, char *argv[])
{
	const char *what = argc == 2 ? argv[1] : "";

	if (strcmp(what, "--features") == 0)
		print_features();
	else if (strcmp(what, "--version") == 0)
		printf("libspawnx %s\n", spawnx_version());
	else if (strcmp(what, "--help") == 0)
		print_usage(stdout);
	else
		return print_usage(stderr), 2;
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "spawnx: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
