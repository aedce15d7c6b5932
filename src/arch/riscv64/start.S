/* SPDX-License-Identifier: MIT */
/* spawnx-guard begins here: at sp the kernel has put argc, argv and the environment. */
	.text
	.globl _start
	.type _start, @function
_start:
	.option push
	.option norelax
	lla gp, __global_pointer$
	.option pop
	mv s0, zero
	ld a0, 0(sp)
	addi a1, sp, 8
	call guard_main
	ebreak
	.size _start, . - _start
	.section .note.GNU-stack, "", @progbits
