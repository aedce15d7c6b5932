/* SPDX-License-Identifier: MIT */
/*
 * mortal WORD [MICROSECONDS]: lives so long, then exit:N exits, signal:N kills itself, and
 * pause outlives every test, but not by much. Without libc, whose start-up takes longer
 * than all the rest, so that a hundred thousand of these are a matter of seconds.
 */
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "raw.hpp"

using spawnx_core::sys::raw;

#if defined __x86_64__
__asm__(".globl _start\n"
	"_start:\n"
	"	xor	%ebp, %ebp\n"
	"	mov	%rsp, %rdi\n"
	"	and	$-16, %rsp\n"
	"	call	mortal\n");
#elif defined __aarch64__
__asm__(".globl _start\n"
	"_start:\n"
	"	mov	x29, xzr\n"
	"	mov	x0, sp\n"
	"	bl	mortal\n");
#elif defined __riscv
__asm__(".globl _start\n"
	"_start:\n"
	"	.option push\n"
	"	.option norelax\n"
	"	lla	gp, __global_pointer$\n"
	"	.option pop\n"
	"	mv	a0, sp\n"
	"	call	mortal\n");
#endif

static long number(const char *digits)
{
	long n = 0;
	for (; *digits >= '0' && *digits <= '9'; digits++)
		n = 10 * n + (*digits - '0');
	return n;
}

static void pass(long us)
{
	timespec t = {us / 1000000, us % 1000000 * 1000};
	(void)raw(SYS_ppoll, 0, 0, reinterpret_cast<long>(&t));
}

extern "C" [[noreturn, gnu::used]] void mortal(long *stack);

/* What the kernel leaves on the stack: argc, then argv. */
extern "C" void mortal(long *stack)
{
	const char *const *const argv = reinterpret_cast<char **>(stack + 1);
	const char *const word = stack[0] > 1 ? argv[1] : "";

	if (stack[0] > 2)
		pass(number(argv[2]));
	if (word[0] == 'e')
		(void)raw(SYS_exit_group, number(word + sizeof("exit")));
	if (word[0] == 's')
		(void)raw(SYS_kill, raw(SYS_getpid), number(word + sizeof("signal")));
	if (word[0] == 'p')
		pass(900000000);
	for (;;)
		(void)raw(SYS_exit_group, 254);
}
