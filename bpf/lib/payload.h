/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bytes of payload that packets bring, each counted once. */
#ifndef MESHD_LIB_PAYLOAD_H
#define MESHD_LIB_PAYLOAD_H

/* TCP windows are smaller (RFC 7323, 2.3): what jumps further is no loss, but another connection. */
#define MD_LARGEST_WINDOW (1U << 30)

/*
 * Payload that has not been counted yet. Of TCP, the bytes by which the stream has come ahead: what is sent again
 * counts once, and what is missing counts now, since it will be sent. *next_seq is where the stream is.
 */
static __always_inline __u32 md_new_bytes(const struct md_packet *packet, bool is_first, __u32 *next_seq)
{
	__u32 first = packet->seq + !!(packet->flags & MD_TCP_SYN), last = first + packet->payload, ahead;

	if (packet->key.protocol != IPPROTO_TCP)
		return packet->payload;
	if (is_first || (packet->flags & MD_TCP_SYN && !packet->payload))
		*next_seq = first;
	ahead = last - *next_seq;
	if (!packet->payload || (__s32)ahead <= 0)
		return 0;
	*next_seq = last;
	return ahead < MD_LARGEST_WINDOW ? ahead : packet->payload;
}

/* Two CPUs that count for one TCP stream at once are wrong about its next_seq, too: nothing is gained by care. */
static __always_inline void md_add_bytes(const struct md_packet *packet, __u64 *sum, __u32 bytes)
{
	if (packet->key.protocol == IPPROTO_TCP)
		*sum += bytes;
	else
		__sync_fetch_and_add(sum, bytes);
}

#endif
