/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The key of a flow: its two ends in the order of their bytes. */
#ifndef MESHD_LIB_FLOW_KEY_H
#define MESHD_LIB_FLOW_KEY_H

static __always_inline bool md_is_above(const struct md_address *address, __be16 port, const struct md_address *other,
                                        __be16 other_port)
{
	const __u32 *left = md_const_words(address), *right = md_const_words(other);

	for (int word = 0; word < 4; word++)
		if (left[word] != right[word])
			return bpf_ntohl(left[word]) > bpf_ntohl(right[word]);
	return bpf_ntohs(port) > bpf_ntohs(other_port);
}

/* Which way of the record `source` sends: 0 or 1. */
static __always_inline __u32 md_make_flow_key(struct md_flow_key *key, const struct md_address *source,
                                              __be16 source_port, const struct md_address *destination,
                                              __be16 destination_port, __u8 protocol)
{
	bool above = md_is_above(source, source_port, destination, destination_port);

	__builtin_memset(key, 0, sizeof(*key));
	key->low = above ? *destination : *source;
	key->high = above ? *source : *destination;
	key->low_port = above ? destination_port : source_port;
	key->high_port = above ? source_port : destination_port;
	key->protocol = protocol;
	return above;
}

#endif
