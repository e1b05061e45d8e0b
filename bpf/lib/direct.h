/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Direct server return: the packet goes to the backend as it is, under the service's address, which the backend has on
 * a device that answers no ARP. It may be a neighbour only: a router would send the packet to where the service address
 * leads.
 */
#ifndef MESHD_LIB_DIRECT_H
#define MESHD_LIB_DIRECT_H

#define MD_IPV4_TTL       8 /* and the protocol behind it, one word of the checksum */
#define MD_IPV6_HOP_LIMIT 7

/* One hop less; false: there is none left, or the packet cannot be changed. */
static __always_inline bool md_take_hop(struct __sk_buff *skb, const struct md_packet *packet, enum md_reason *reason)
{
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;

	*reason = MD_REASON_FORWARD_UNWRITABLE;
	if (packet->is_v4) {
		const struct iphdr *ip = data + packet->network;
		__u16 old, new, checksum;

		if ((void *)(ip + 1) > data_end)
			return false;
		if (ip->ttl <= 1) {
			*reason = MD_REASON_FORWARD_HOP_LIMIT;
			return false;
		}
		old = bpf_htons(ip->ttl << 8 | ip->protocol);
		new = bpf_htons((ip->ttl - 1) << 8 | ip->protocol);
		checksum = md_checksum_after(ip->check, md_replaced(0, old, new));
		return !bpf_skb_store_bytes(skb, packet->network + MD_IPV4_TTL, &new, sizeof(new), 0) &&
		       !bpf_skb_store_bytes(skb, packet->network + MD_IPV4_CHECKSUM, &checksum, sizeof(checksum), 0);
	} else {
		const struct ipv6hdr *ip = data + packet->network;
		__u8 hop_limit;

		if ((void *)(ip + 1) > data_end)
			return false;
		if (ip->hop_limit <= 1) {
			*reason = MD_REASON_FORWARD_HOP_LIMIT;
			return false;
		}
		hop_limit = ip->hop_limit - 1;
		/* No checksum covers it but that of a device that has summed the whole packet. */
		return !bpf_skb_store_bytes(skb, packet->network + MD_IPV6_HOP_LIMIT, &hop_limit, sizeof(hop_limit),
		                            BPF_F_RECOMPUTE_CSUM);
	}
}

static __noinline int md_hand_over(struct __sk_buff *skb, const struct md_packet *packet,
                                   const struct md_address *backend, enum md_reason *reason)
{
	struct bpf_redir_neigh neighbour = {};
	struct md_address next_hop;
	__u32 device = md_route(skb, packet, backend, &next_hop);

	if (!device)
		return MD_NEXT; /* the backend is this node, which has the service address, too */
	if (!md_same_address(&next_hop, backend)) {
		*reason = MD_REASON_FORWARD_OFF_LINK;
		return MD_DROP;
	}
	if (!md_take_hop(skb, packet, reason))
		return MD_DROP;
	if (packet->is_v4) {
		neighbour.nh_family = AF_INET;
		neighbour.ipv4_nh = md_const_words(backend)[3];
	} else {
		neighbour.nh_family = MD_AF_INET6;
		__builtin_memcpy(neighbour.ipv6_nh, backend, sizeof(neighbour.ipv6_nh));
	}
	*reason = MD_REASON_FORWARD_DSR;
	return bpf_redirect_neigh(device, &neighbour, sizeof(neighbour), 0);
}

#endif
