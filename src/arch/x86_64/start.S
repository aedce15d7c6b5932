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

/* rt_sigreturn(2) */
	.globl guard_restorer
	.type guard_restorer, @function
guard_restorer:
	movl $15, %eax
	syscall
	ud2
	.size guard_restorer, . - guard_restorer
	.section .note.GNU-stack, "", @progbits
