/* SPDX-License-Identifier: MIT */
/* The program is there, what it names as its interpreter is not: ENOENT all the same. */
#include "failing.hpp"

#include <cerrno>
#include <elf.h>
#include <unistd.h>

using namespace failing;

namespace
{

/* The smallest program that the kernel would ask an interpreter to run. */
template <typename Header, typename Segment>
std::string elf(unsigned char bits, Elf64_Half machine, Elf64_Word flags,
	const std::string &interpreter)
{
	struct {
		Header header;
		Segment segments[3];
	} head = {};
	std::memcpy(head.header.e_ident, ELFMAG, SELFMAG);
	head.header.e_ident[EI_CLASS] = bits;
	head.header.e_ident[EI_DATA] = ELFDATA2LSB;
	head.header.e_ident[EI_VERSION] = EV_CURRENT;
	head.header.e_type = ET_EXEC;
	head.header.e_machine = machine;
	head.header.e_version = EV_CURRENT;
	head.header.e_flags = flags;
	head.header.e_phoff = offsetof(decltype(head), segments);
	head.header.e_ehsize = sizeof(Header);
	head.header.e_phentsize = sizeof(Segment);
	head.header.e_phnum = 3;
	head.segments[0].p_type = PT_NOTE;
	head.segments[1].p_type = PT_INTERP;
	head.segments[1].p_offset = sizeof(head);
	head.segments[1].p_filesz =
		static_cast<decltype(head.segments[1].p_filesz)>(interpreter.size() + 1);
	return std::string(reinterpret_cast<const char *>(&head), sizeof(head)) +
		interpreter + '\0';
}

#if defined(__x86_64__)
constexpr Elf64_Half machine = EM_X86_64, machine_32 = EM_386;
constexpr Elf64_Word flags_32 = 0;
#elif defined(__aarch64__)
constexpr Elf64_Half machine = EM_AARCH64, machine_32 = EM_ARM;
constexpr Elf64_Word flags_32 = EF_ARM_EABI_VER5;
#else
constexpr Elf64_Half machine = EM_RISCV, machine_32 = EM_RISCV;
constexpr Elf64_Word flags_32 = 0;
#endif

std::string elf_64(const std::string &interpreter)
{
	return elf<Elf64_Ehdr, Elf64_Phdr>(ELFCLASS64, machine, 0, interpreter);
}

} // namespace

SPAWNX_TEST("the interpreter of a script is missing, and named as the kernel reads it")
{
	const directory here;
	const std::string none = "/nonexistent/interpreter";
	for (const std::string &line :
		{"#!" + none + "\n", "#!" + none, "#! " + none + "\n",
			"#! \t " + none + "\n", "#!" + none + " -a b\tc\n",
			"#!\t" + none + "\t-x", "#!" + none + " \nexec true\n",
			"#!" + none + std::string("\0/more\n", 7)}) {
		INFO(line);
		const std::string script = here.file("script", line);
		CHECK(words(script, ENOENT) == lacks(script, none));
	}
	for (const std::string name : {"x", "./x", "no/such/x", "a-b_c.d@e"}) {
		const std::string script = here.file("script", "#!" + name + "\n");
		CHECK(words(script, ENOENT) == lacks(script, name));
	}
	const std::string below = here.file("below", "#!/dev/null/x\n");
	CHECK(words(below, ENOTDIR) ==
		exec_of(below) +
			"the program exists, its interpreter \"/dev/null/x\" does not: "
			"Not a directory");
}

SPAWNX_TEST("a script that names no interpreter, or none that can be: the plain error")
{
	const directory here;
	for (const std::string line : {"#!\n", "#! \t \n", "#", "", "true\n"}) {
		INFO(line);
		const std::string script = here.file("script", line);
		CHECK(words(script, ENOEXEC) == exec_of(script) + "Exec format error");
	}
	const std::string closed = here.file("closed", "", 0644);
	for (const std::string &name :
		{closed, std::string("/"), std::string("/dev/null")}) {
		const std::string script = here.file("script", "#!" + name + "\n");
		CHECK(words(script, EACCES) == exec_of(script) + "Permission denied");
	}
}

SPAWNX_TEST("an interpreter that is a script: the one at the end is missing")
{
	const directory here;
	const std::string last = "#!/nonexistent/last\n";
	for (int length = 1;; length++) {
		REQUIRE(length < 10);
		std::string first = here.file("s1", last);
		for (int i = 2; i <= length; i++)
			first = here.file("s" + std::to_string(i), "#!" + first + "\n");
		INFO(length << " scripts");
		attempt a;
		const strings argv({"x"}), envp({});
		const int error =
			spawnx(nullptr, first.c_str(), nullptr, nullptr, argv, envp);
		if (error == ENOENT) {
			CHECK(a.words(first, ENOENT) ==
				lacks(first, "/nonexistent/last"));
			continue;
		}
		/* The kernel has had enough of it. */
		CHECK(length > 4);
		CHECK(a.words(first, ELOOP) ==
			exec_of(first) + "Too many levels of symbolic links");
		return;
	}
}

SPAWNX_TEST("the interpreter of an ELF program is missing: a real one, patched")
{
	const directory here;
	const std::string copy = here.path + "/copy";
	std::filesystem::copy_file("/proc/self/exe", copy);
	std::fstream file(copy, std::ios::binary | std::ios::in | std::ios::out);
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	REQUIRE(file.read(reinterpret_cast<char *>(&header), sizeof(header)));
	file.seekg(static_cast<std::streamoff>(header.e_phoff));
	do
		REQUIRE(file.read(reinterpret_cast<char *>(&segment), sizeof(segment)));
	while (segment.p_type != PT_INTERP);
	std::string interpreter(segment.p_filesz - 1, '\0');
	file.seekg(static_cast<std::streamoff>(segment.p_offset));
	REQUIRE(file.read(
		interpreter.data(), static_cast<std::streamsize>(interpreter.size())));
	REQUIRE(access(interpreter.c_str(), X_OK) == 0);
	interpreter.back() = '?';
	file.seekp(static_cast<std::streamoff>(segment.p_offset + segment.p_filesz - 2));
	file.put('?');
	file.close();
	REQUIRE(chmod(copy.c_str(), 0755) == 0);
	CHECK(words(copy, ENOENT) == lacks(copy, interpreter));

	/* As the interpreter of a script, too. */
	const std::string script = here.file("script", "#!" + copy + "\n");
	CHECK(words(script, ENOENT) == lacks(script, interpreter));
}

SPAWNX_TEST("the interpreter of an ELF program is missing: 64 and 32 bits, made by hand")
{
	const directory here;
	const std::string none = "/nonexistent/ld.so";
	const std::string wide = here.file("wide", elf_64(none));
	CHECK(words(wide, ENOENT) == lacks(wide, none));
	const std::string narrow = here.file("narrow",
		elf<Elf32_Ehdr, Elf32_Phdr>(ELFCLASS32, machine_32, flags_32, none));
	const strings argv({"x"}), envp({});
	const int error = spawnx(nullptr, narrow.c_str(), nullptr, nullptr, argv, envp);
	if (error == ENOEXEC) /* this kernel, or machine, runs no such programs */
		CHECK(words(narrow, ENOEXEC) == exec_of(narrow) + "Exec format error");
	else
		CHECK(words(narrow, ENOENT) == lacks(narrow, none));
}

SPAWNX_TEST("a program that may be executed but not read: its interpreter is not named",
	"[user]")
{
	const directory here;
	const std::string script = here.file("script", "#!/nonexistent/i\n", 0111);
	CHECK(words(script, ENOENT) == lacks_some(script));
	const std::string program = here.file("program", elf_64("/nonexistent/i"), 0111);
	CHECK(words(program, ENOENT) == lacks_some(program));
	/* Nor is the interpreter's own, where that cannot be read. */
	const std::string outer = here.file("outer", "#!" + script + "\n");
	CHECK(words(outer, ENOENT) == lacks_some(outer));
}

SPAWNX_TEST("a path and an interpreter too long together: the interpreter is not named")
{
	const directory here;
	/* text holds both, with a null after each. */
	constexpr std::size_t room = sizeof(spawnx_failure::text) - 2;
	const std::string name = "/nonexistent/" + std::string(87, 'i');
	for (std::size_t length = room - name.size() - 3; length <= room; length++) {
		const std::string file = std::string(length - here.path.size() - 1, 's');
		const std::string script = here.file(file, "#!" + name + "\n");
		REQUIRE(script.size() == length);
		INFO(length << " bytes");
		CHECK(words(script, ENOENT) ==
			(length + name.size() <= room ? lacks(script, name)
						      : lacks_some(script)));
	}
}

SPAWNX_TEST("a long interpreter: its whole name or none, never a part of it")
{
	const directory here;
	for (std::size_t length = 100; length < 300; length += length < 120 ? 10 : 1) {
		INFO(length << " bytes");
		std::string name = "/nonexistent/";
		name.resize(length, 'i');
		const std::string program = here.file("program", elf_64(name));
		const std::string said = words(program, ENOENT);
		CHECK((said == lacks(program, name) || said == lacks_some(program)));
		if (length < 127)
			CHECK(said == lacks(program, name));
		const std::string script = here.file("script", "#! " + name + " x\n");
		if (length + 3 >= 256) { /* the kernel reads no further */
			CHECK(words(script, ENOEXEC) ==
				exec_of(script) + "Exec format error");
			continue;
		}
		const std::string says = words(script, ENOENT);
		CHECK((says == lacks(script, name) || says == lacks_some(script)));
		if (length < 126)
			CHECK(says == lacks(script, name));
	}
}
