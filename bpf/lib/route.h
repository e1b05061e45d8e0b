/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where this node would send a packet. */
#ifndef MESHD_LIB_ROUTE_H
#define MESHD_LIB_ROUTE_H

/* include/linux/socket.h */
#define MD_AF_INET6 10

/* The device that leads to an address; 0: it is this node's own, or there is no way. `next_hop` is who gets the packet
 * there: the address itself, or a router. */
static __always_inline __u32 md_route(struct __sk_buff *skb, const struct md_packet *packet,
                                      const struct md_address *address, struct md_address *next_hop)
{
	struct bpf_fib_lookup route = {};
	long outcome;

	route.l4_protocol = packet->key.protocol;
	route.sport = packet->key.source_port;
	route.dport = packet->key.destination_port;
	route.ifindex = skb->ifindex;
	*next_hop = *address;
	if (packet->is_v4) {
		route.family = AF_INET;
		route.ipv4_src = md_const_words(&packet->key.source)[3];
		route.ipv4_dst = md_const_words(address)[3];
	} else {
		route.family = MD_AF_INET6;
		__builtin_memcpy(route.ipv6_src, &packet->key.source, sizeof(route.ipv6_src));
		__builtin_memcpy(route.ipv6_dst, address, sizeof(route.ipv6_dst));
	}
	outcome = bpf_fib_lookup(skb, &route, sizeof(route), 0);
	/* Not resolved yet, and too large: what becomes of the packet is the stack's business. It leaves all the same.
	 */
	if (outcome != BPF_FIB_LKUP_RET_SUCCESS && outcome != BPF_FIB_LKUP_RET_NO_NEIGH &&
	    outcome != BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return 0;
	if (packet->is_v4)
		md_words(next_hop)[3] = route.ipv4_dst;
	else
		__builtin_memcpy(next_hop, route.ipv6_dst, sizeof(*next_hop));
	return route.ifindex;
}

static __always_inline bool md_same_address(const struct md_address *a, const struct md_address *b)
{
	const __u32 *left = md_const_words(a), *right = md_const_words(b);

	return left[3] == right[3] && left[2] == right[2] && left[1] == right[1] && left[0] == right[0];
}

#endif
