/* SPDX-License-Identifier: MIT */
/*
 * The child's last step, and what is missing where the kernel says ENOENT. Part of
 * child.cpp, whose rules hold here: raw system calls only.
 */
#pragma once

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h> /* freestanding, <limits.h> need not have NAME_MAX */

#include "plan.hpp"
#include "syscall.hpp"

namespace spawnx_core
{

/*
 * As execvp(3): a candidate that is not there is passed over, also one on a file system
 * that has gone; EACCES is remembered in case nothing better comes; anything else is
 * this program's own failure and ends the search.
 */
inline long exec_candidates(const plan &p, struct result &failed)
{
	long error = -p.no_candidate;

	for (size_t i = 0; i < p.candidate_count; i++) {
		const char *path = p.candidates[i];
		const long refused = sys::execve(path, p.argv, p.envp);
		switch (refused) {
		case -ENOENT:
		case -ENOTDIR:
		case -ESTALE:
		case -ENODEV:
		case -ETIMEDOUT:
			if (!failed.path)
				error = refused;
			break;
		case -EACCES:
			error = refused;
			failed.path = path;
			break;
		default:
			failed.path = path;
			return refused;
		}
	}
	return error;
}

/*
 * A script's interpreter opens the script as /dev/fd/N. One that is close-on-exec would
 * not be there, and the kernel refuses with ENOENT (BINPRM_FLAGS_PATH_INACCESSIBLE); so
 * the flag goes, for scripts only.
 */
inline long exec_fd(const plan &p, int report)
{
	if (p.execfd == report)
		return -EBADF;
	const long refused = sys::execveat(p.execfd, "", p.argv, p.envp, AT_EMPTY_PATH);
	if (refused != -ENOENT)
		return refused;
	const long flags = sys::fcntl(p.execfd, kernel::f_getfd);
	if (flags < 0 || !(flags & kernel::fd_cloexec))
		return refused;
	(void)sys::fcntl(p.execfd, kernel::f_setfd, flags & ~kernel::fd_cloexec);
	return sys::execveat(p.execfd, "", p.argv, p.envp, AT_EMPTY_PATH);
}

/* A name of so many bytes; false: none, or one that does not fit. */
inline bool read_name(int fd, uint64_t at, uint64_t length, char *name, size_t size)
{
	if (length >= size)
		return false;
	const long n = sys::pread(fd, name, static_cast<size_t>(length), at);
	name[n > 0 ? n : 0] = '\0';
	return n > 0;
}

template <typename Header, typename Segment>
inline bool elf_interpreter(int fd, char *name, size_t size)
{
	Header header;
	Segment segment;
	if (sys::pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return false;
	for (unsigned i = 0; i < header.e_phnum; i++) {
		const uint64_t at = header.e_phoff + i * sizeof(segment);
		if (sys::pread(fd, &segment, sizeof(segment), at) != sizeof(segment))
			return false;
		if (segment.p_type == PT_INTERP)
			return read_name(fd, segment.p_offset,
				static_cast<uint64_t>(segment.p_filesz), name, size);
	}
	return false;
}

/* #! [blanks] NAME [blank ...]: what is left in name is NAME, as fs/binfmt_script.c. */
inline bool script_interpreter(int fd, char *name, size_t size)
{
	const long n = sys::pread(fd, name, size - 1, 2);
	if (n <= 0)
		return false;
	name[n] = '\0';
	const char *from = name;
	while (*from == ' ' || *from == '\t')
		from++;
	char *to = name;
	while (*from && *from != ' ' && *from != '\t' && *from != '\n')
		*to++ = *from++;
	const bool whole = from != name + size - 1; /* else it goes on in the file */
	*to = '\0';
	return whole && to != name;
}

/* Which program an open file names as its interpreter; false: it names none. */
inline bool interpreter_of(int fd, char *name, size_t size)
{
	unsigned char start[EI_CLASS + 1];
	const long n = sys::pread(fd, start, sizeof(start), 0);
	if (n >= 2 && start[0] == '#' && start[1] == '!')
		return script_interpreter(fd, name, size);
	if (n != sizeof(start) || start[0] != ELFMAG0 || start[1] != ELFMAG1 || start[2] != ELFMAG2)
		return false;
	return start[EI_CLASS] == ELFCLASS64
		? elf_interpreter<Elf64_Ehdr, Elf64_Phdr>(fd, name, size)
		: elf_interpreter<Elf32_Ehdr, Elf32_Phdr>(fd, name, size);
}

/*
 * From a program that is there to the interpreter that is not: an interpreter may be a
 * script itself (the kernel follows five). No name is left where none can be read.
 */
inline void find_interpreter(int fd, struct result &failed)
{
	constexpr int most = 6;
	failed.missing = missing::interpreter;
	for (int i = 0; i < most; i++) {
		const bool named =
			interpreter_of(fd, failed.interpreter, sizeof(failed.interpreter));
		(void)sys::close(fd);
		if (!named)
			break;
		fd = static_cast<int>(sys::open_to_read(failed.interpreter));
		if (fd == -ENOENT || fd == -ENOTDIR)
			return;
		if (fd < 0)
			break;
	}
	failed.interpreter[0] = '\0';
}

/* The length of the first part of path that is no directory; 0: none, or not known. */
inline int32_t no_directory(const char *path)
{
	constexpr int directory = O_PATH | O_DIRECTORY | O_CLOEXEC;
	char name[NAME_MAX + 1];
	long at = sys::openat(kernel::at_fdcwd, *path == '/' ? "/" : ".", directory, 0);

	for (const char *from = path; at >= 0;) {
		size_t length = 0;
		while (*from == '/')
			from++;
		for (; from[length] && from[length] != '/'; length++)
			if (length < NAME_MAX)
				name[length] = from[length];
		if (!from[length] || length > NAME_MAX)
			break;
		name[length] = '\0';
		from += length;
		const int dir = static_cast<int>(at);
		at = sys::openat(dir, name, directory, 0);
		(void)sys::close(dir);
		if (at == -ENOENT || at == -ENOTDIR)
			return static_cast<int32_t>(from - path);
	}
	if (at >= 0)
		(void)sys::close(static_cast<int>(at));
	return 0;
}

/*
 * ENOENT has three faces, and only here, after the file actions, can they be told
 * apart. The error itself is already noted: should a filter kill us for looking, nothing
 * but the explanation is lost.
 */
inline void explain(const plan &p, struct result &failed)
{
	if (p.execfd >= 0)
		return find_interpreter(p.execfd, failed);
	for (size_t i = 0; i < p.candidate_count; i++) {
		const int fd = static_cast<int>(sys::open_to_read(p.candidates[i]));
		if (fd == -ENOENT || fd == -ENOTDIR)
			continue;
		if (fd >= 0 || fd == -EACCES)
			failed.path = p.candidates[i];
		if (fd >= 0)
			return find_interpreter(fd, failed);
		/* There, but we may not read it: so its interpreter it must be. */
		if (fd == -EACCES)
			failed.missing = missing::interpreter;
		return; /* no room to look (EMFILE): not known */
	}
	failed.missing = missing::program;
	if (p.candidate_count == 1)
		failed.directory = no_directory(p.candidates[0]);
}

} // namespace spawnx_core
