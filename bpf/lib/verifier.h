/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is there for the verifier alone. */
#ifndef MESHD_LIB_VERIFIER_H
#define MESHD_LIB_VERIFIER_H

/*
 * The same value, of which the verifier knows nothing any more. It follows each way of reading a packet on to the end
 * of the program, unless the ways leave the same behind: without this it looks at four times as much.
 */
static __always_inline __u32 md_blur(__u32 value, __u32 any)
{
	__u32 same = any;

	asm volatile("%0 += %1" : "+r"(value) : "r"(any));
	barrier_var(same);
	asm volatile("%0 -= %1" : "+r"(value) : "r"(same));
	return value;
}

#endif
