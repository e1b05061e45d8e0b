/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ends of a connection, out of the context of sockops. */
#ifndef MESHD_LIB_TUPLE_H
#define MESHD_LIB_TUPLE_H

/*
 * The two ends as the socket sees them. Each family's fields are read in a branch of its own, with volatile reads and a
 * statement at its end that differs: else the compiler makes one read at a computed offset of the context, which the
 * verifier refuses.
 */
static __always_inline void md_read_tuple(struct bpf_sock_ops *ctx, bool is_client, struct md_tuple *tuple)
{
	volatile struct bpf_sock_ops *fields = ctx;
	struct md_address local = {}, remote = {};
	__be16 local_port = bpf_htons((__u16)fields->local_port);
	/* remote_port is a 32-bit value in network byte order. */
	__be16 remote_port = bpf_htons((__u16)bpf_ntohl(fields->remote_port));
	__u32 *here = md_words(&local), *there = md_words(&remote);

	if (fields->family == AF_INET) {
		here[2] = MD_MAPPED_PREFIX;
		here[3] = fields->local_ip4;
		there[2] = MD_MAPPED_PREFIX;
		there[3] = fields->remote_ip4;
		asm volatile("r0 = 4" ::: "r0", "memory");
	} else {
		here[0] = fields->local_ip6[0];
		here[1] = fields->local_ip6[1];
		here[2] = fields->local_ip6[2];
		here[3] = fields->local_ip6[3];
		there[0] = fields->remote_ip6[0];
		there[1] = fields->remote_ip6[1];
		there[2] = fields->remote_ip6[2];
		there[3] = fields->remote_ip6[3];
		asm volatile("r0 = 6" ::: "r0", "memory");
	}
	tuple->client = is_client ? local : remote;
	tuple->server = is_client ? remote : local;
	tuple->client_port = is_client ? local_port : remote_port;
	tuple->server_port = is_client ? remote_port : local_port;
}

#endif
