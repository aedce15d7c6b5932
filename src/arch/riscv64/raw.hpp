/* SPDX-License-Identifier: MIT */
/*
 * System call, riscv64: number in a7, arguments in a0 to a5, result in a0; nothing else
 * is destroyed.
 */
#pragma once

namespace spawnx_core::sys
{

[[gnu::always_inline]] inline long raw(
	long nr, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0)
{
	register long a7 __asm__("a7") = nr;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;
	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4)
			 : "memory");
	return a0;
}

} // namespace spawnx_core::sys
