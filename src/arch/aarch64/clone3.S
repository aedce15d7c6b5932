/* SPDX-License-Identifier: MIT */
/*
 * long spawnx_clone(long nr, long a, long b, long c, void (*child)(void *), void *arg)
 *                        x0       x1      x2      x3      x4                      x5
 *
 * Calls nr(a, b, c): clone3(args, size, -) or clone(flags, stack 0, pidfd). In the
 * parent it returns what the kernel returned. In the child it calls child(arg), which
 * never returns.
 *
 * No new stack: with CLONE_VM|CLONE_VFORK the parent is suspended while the child calls
 * down from the same stack pointer. The parent's return address is in x30, which the
 * kernel keeps for it, so the child may clear its own copy.
 *
 * clone(2)'s fourth and fifth arguments (x3 tls, x4 child_tid) are only looked at with
 * flags we never set, so x4 may keep the function. A system call leaves streaming SVE
 * mode, and the kernel gives a clone child no ZA state (Linux 6.16 for all forms).
 */
	.text
	.balign 16
	.globl spawnx_clone
	.hidden spawnx_clone
	.type spawnx_clone, %function
spawnx_clone:
	.cfi_startproc
	hint #34 /* bti c */
	mov x8, x0
	mov x0, x1
	mov x1, x2
	mov x2, x3
	mov x3, xzr
	svc #0
	cbz x0, .Lchild
	ret

.Lchild:
	/* The outermost frame of a new process: nothing to unwind to. */
	.cfi_undefined x30
	mov x29, xzr
	mov x30, xzr
	mov x0, x5
	blr x4
	brk #1
	.cfi_endproc
	.size spawnx_clone, . - spawnx_clone

	/* BTI and PAC: one object without the note would switch BTI off for the whole. */
	.section .note.gnu.property, "a", %note
	.balign 8
	.long 4, 16, 5
	.asciz "GNU"
	.long 0xc0000000, 4, 3, 0 /* GNU_PROPERTY_AARCH64_FEATURE_1_AND: BTI | PAC */

	.section .note.GNU-stack, "", %progbits
