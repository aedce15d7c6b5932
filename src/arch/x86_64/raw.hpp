/* SPDX-License-Identifier: MIT */
/*
 * System call, x86_64: number in rax, arguments in rdi rsi rdx r10 r8 r9, result in rax;
 * the instruction itself destroys rcx (return address) and r11 (flags).
 */
#pragma once

namespace spawnx_core::sys
{

[[gnu::always_inline]] inline long raw(
	long nr, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0)
{
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return ret;
}

} // namespace spawnx_core::sys
