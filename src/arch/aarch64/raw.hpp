/* SPDX-License-Identifier: MIT */
/*
 * System call, aarch64: number in x8, arguments in x0 to x5, result in x0; nothing else
 * is destroyed.
 */
#pragma once

namespace spawnx_core::sys
{

[[gnu::always_inline]] inline long raw(
	long nr, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory");
	return x0;
}

} // namespace spawnx_core::sys
