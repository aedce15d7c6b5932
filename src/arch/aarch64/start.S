/* SPDX-License-Identifier: MIT */
/* spawnx-guard begins here: at sp the kernel has put argc, argv and the environment. */
	.text
	.globl _start
	.type _start, %function
_start:
	hint #34 /* bti c */
	mov x29, xzr
	mov x30, xzr
	ldr x0, [sp]
	add x1, sp, #8
	bl guard_main
	brk #1
	.size _start, . - _start
	.section .note.GNU-stack, "", %progbits
