/* SPDX-License-Identifier: MIT */
#include <spawnx.hpp>

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <iostream>

/* What a helper gets. */
static spx::attributes confined(bool strict)
{
	/* Before Linux 7.1 there is a choice to make: no helper, because spx::start then
	   throws, with ENOTSUP, or one that lives on if we are killed. */
	const bool autokill =
		strict || spawnx_feature(SPAWNX_FEATURE_AUTOKILL) >= SPAWNX_EXACT;
	sigset_t all, none;

	if (!autokill)
		std::cerr << "before Linux 7.1: the helper lives on if we are killed\n";
	sigfillset(&all);
	sigemptyset(&none);
	return spx::attributes()
		.autokill(autokill)
		.no_new_privs()
		.signal_default(all)
		.signal_mask(none)
		.flags(SPAWNX_SETSIGDEF | SPAWNX_SETSIGMASK | SPAWNX_SETSID |
			SPAWNX_CLOEXEC_DEFAULT);
}

static spx::file_actions own_three()
{
	return spx::file_actions().open(0, "/dev/null", O_RDONLY).dup2(1, 1).dup2(2, 2);
}

/* What a daemon may have by the time it starts a helper. */
static void like_a_daemon()
{
	sigset_t term;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, nullptr);
	std::signal(SIGPIPE, SIG_IGN);
	dup2(2, 9); /* not close-on-exec */
}

int main(int argc, char **argv)
try {
	const bool strict = argc == 2 && std::strcmp(argv[1], "--strict") == 0;
	/* The helper looks at itself. */
	const char look[] =
		"ls /proc/$$/fd; while read -r line; do case $line in"
		" SigBlk*|SigIgn*|NoNewPrivs*) echo $line;; esac; done </proc/$$/status;"
		"read -r pid name state parent group session rest </proc/$$/stat;"
		"test $session -eq $$ && echo in a session of its own";

	like_a_daemon();
	/* With autokill it lives no longer than this object. */
	spx::child helper = spx::start("/bin/sh", {"sh", "-c", look}, confined(strict),
		own_three(), spx::environment().set("PATH", "/usr/bin:/bin"));
	return !helper.wait().success();
} catch (const std::exception &e) {
	std::cerr << "sandbox: " << e.what() << '\n';
	return 1;
}
