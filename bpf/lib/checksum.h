/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The Internet checksum, incrementally (RFC 1071, RFC 1624). */
#ifndef MESHD_LIB_CHECKSUM_H
#define MESHD_LIB_CHECKSUM_H

/* What replacing a word adds to the sum of a packet's words. */
static __always_inline __u64 md_replaced(__u64 sum, __u32 from, __u32 to)
{
	return sum + (__u32)~from + to;
}

static __always_inline __u64 md_replaced_address(__u64 sum, const struct md_address *from, const struct md_address *to)
{
	const __u32 *old = md_const_words(from), *new = md_const_words(to);

	for (int word = 0; word < 4; word++)
		sum = md_replaced(sum, old[word], new[word]);
	return sum;
}

/* Between the two notations of 32 bits that checksum helpers take; the folded form is the same number. */
static __always_inline __u32 md_fold32(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (__u32)(sum + (sum >> 32));
}

static __always_inline __u16 md_fold16(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* A checksum field after the words that it covers have changed by `sum`. */
static __always_inline __u16 md_checksum_after(__u16 checksum, __u64 sum)
{
	return ~md_fold16(sum + (__u16)~checksum);
}

#endif
