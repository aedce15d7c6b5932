/* SPDX-License-Identifier: MIT */
/*
 * long spawnx_clone(long nr, long a, long b, long c, void (*child)(void *), void *arg)
 *                        a0       a1      a2      a3      a4                      a5
 *
 * Calls nr(a, b, c): clone3(args, size, -) or clone(flags, stack 0, pidfd). In the
 * parent it returns what the kernel returned. In the child it calls child(arg), which
 * never returns.
 *
 * No new stack: with CLONE_VM|CLONE_VFORK the parent is suspended while the child calls
 * down from the same stack pointer. The parent's return address is in ra, which the
 * kernel keeps for it, so the child may clear its own copy.
 *
 * clone(2)'s fourth and fifth arguments (a3 tls, a4 child_tid) are only looked at with
 * flags we never set, so a4 may keep the function.
 */
	.text
	.balign 4
	.globl spawnx_clone
	.hidden spawnx_clone
	.type spawnx_clone, @function
spawnx_clone:
	.cfi_startproc
	mv a7, a0
	mv a0, a1
	mv a1, a2
	mv a2, a3
	li a3, 0
	ecall
	beqz a0, .Lchild
	ret

.Lchild:
	/* The outermost frame of a new process: nothing to unwind to. */
	.cfi_undefined ra
	li s0, 0
	li ra, 0
	mv a0, a5
	jalr a4
	unimp
	.cfi_endproc
	.size spawnx_clone, . - spawnx_clone

	.section .note.GNU-stack, "", @progbits
