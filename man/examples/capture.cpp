#include <spawnx.hpp>
#include <iostream>
#include <sys/mman.h>
int main()
{
	const int file = memfd_create("output", MFD_CLOEXEC);
	auto os = spx::start("/bin/uname", {"uname"}, spx::file_actions().dup2(file, 1));
	if (!os.wait_for(std::chrono::seconds(10)))
		os.stop(std::chrono::seconds(1));
	std::string output(lseek(file, 0, SEEK_END), '\0');
	std::cout << output.substr(0, pread(file, output.data(), output.size(), 0));
}
