/* SPDX-License-Identifier: MIT */
/*
 * long spawnx_clone(long nr, long a, long b, long c, void (*child)(void *), void *arg)
 *                        rdi      rsi     rdx     rcx     r8                      r9
 *
 * Calls nr(a, b, c): clone3(args, size, -) or clone(flags, stack 0, pidfd). In the
 * parent it returns what the kernel returned. In the child it calls child(arg), which
 * never returns.
 *
 * No new stack: with CLONE_VM|CLONE_VFORK the parent is suspended while the child calls
 * down from the same stack pointer, so the child overwrites nothing the parent still
 * needs: this frame's return address lies above. The same holds for the shadow stack,
 * which a vfork child shares with its parent (Linux 6.6, shstk_alloc_thread_stack).
 * That is why this is a function of its own, and why the child may not return.
 *
 * clone(2)'s fourth and fifth arguments (r10 child_tid, r8 tls) are only looked at with
 * flags we never set, so r8 may keep the function.
 */
	.text
	.balign 16
	.globl spawnx_clone
	.hidden spawnx_clone
	.type spawnx_clone, @function
spawnx_clone:
	.cfi_startproc
	endbr64
	movq %rdi, %rax
	movq %rsi, %rdi
	movq %rdx, %rsi
	movq %rcx, %rdx
	xorl %r10d, %r10d
	syscall
	testq %rax, %rax
	jz .Lchild
	ret

.Lchild:
	/* The outermost frame of a new process: nothing to unwind to. */
	.cfi_undefined rip
	xorl %ebp, %ebp
	subq $8, %rsp /* the ABI wants 16-byte alignment at the call */
	movq %r9, %rdi
	call *%r8
	ud2
	.cfi_endproc
	.size spawnx_clone, . - spawnx_clone

	/* IBT and SHSTK: one object without the note would switch them off for the whole. */
	.section .note.gnu.property, "a", @note
	.balign 8
	.long 4, 16, 5
	.asciz "GNU"
	.long 0xc0000002, 4, 3, 0 /* GNU_PROPERTY_X86_FEATURE_1_AND: IBT | SHSTK */

	.section .note.GNU-stack, "", @progbits
