/* SPDX-License-Identifier: MIT */
/* spawnx-guard begins here: at rsp the kernel has put argc, argv and the environment. */
	.text
	.globl _start
	.type _start, @function
_start:
	endbr64
	xorl %ebp, %ebp
	movq (%rsp), %rdi
	leaq 8(%rsp), %rsi
	andq $-16, %rsp
	call guard_main
	ud2
	.size _start, . - _start
	.section .note.GNU-stack, "", @progbits
