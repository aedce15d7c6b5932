/* SPDX-License-Identifier: MIT */
#include <spawnx.hpp>

#include <fcntl.h>
#include <iostream>

using namespace std::chrono_literals;

int main()
try {
	auto safe = spx::attributes().no_new_privs();
	auto quiet = spx::file_actions().open(0, "/dev/null", O_RDONLY);
	auto env = spx::environment().inherit("PATH").set("LEVEL", "7");

	auto shell = spx::start("/bin/sh", {"sh", "-c", "exit $LEVEL"}, safe, quiet, env);
	std::cout << "exit status " << shell.wait().code() << '\n';

	auto sleep = spx::start("sleep", {"sleep", "60"}, spx::search::path, quiet);
	if (!sleep.wait_for(100ms)) /* it still runs */
		std::cout << "killed by signal " << sleep.stop(1s).signal() << '\n';

	auto none = spx::start("/nonexistent", {"none"});
} catch (const spx::error &e) {
	std::cout << "stage " << e.failure().stage << ": " << e.what() << '\n';
}
