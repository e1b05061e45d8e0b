/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors about packets of forwarded connections: what they carry is the packet as the sender of the error saw it,
 * and becomes the packet as the receiver of the error knows it. Path MTU discovery rests on this.
 *
 * The packet inside has gone the other way: where it was translated on leaving, the error is on coming in, and
 * reversed. So the track of the direction from which answers come tells both halves: with a packet from b to a becoming
 * one from B to A, the packet inside, from a to b, becomes one from A to B.
 */
#ifndef MESHD_LIB_ICMP_H
#define MESHD_LIB_ICMP_H

#define MD_ICMP_HEADER   8
#define MD_ICMP_CHECKSUM 2

struct md_inside {
	struct md_track_key key; /* of the packet inside */
	__u32 network, transport;
	__u16 ip_checksum; /* IPv4 */
};

/* Reads the packet inside; false: it is none of TCP or UDP, or too little of it is there. */
static __always_inline bool md_read_inside(struct __sk_buff *skb, const struct md_packet *packet,
                                           struct md_inside *inside)
{
	__u32 *source = md_words(&inside->key.source), *destination = md_words(&inside->key.destination);
	struct md_ports ports;

	__builtin_memset(inside, 0, sizeof(*inside));
	inside->network = packet->transport + MD_ICMP_HEADER;
	if (packet->is_v4) {
		struct iphdr ip;

		if (bpf_skb_load_bytes(skb, inside->network, &ip, sizeof(ip)))
			return false;
		if (ip.version != 4 || ip.ihl < 5 || ip.frag_off & bpf_htons(MD_IPV4_OFFSET))
			return false;
		source[2] = destination[2] = MD_MAPPED_PREFIX;
		source[3] = ip.saddr;
		destination[3] = ip.daddr;
		inside->key.protocol = ip.protocol;
		inside->ip_checksum = ip.check;
		inside->transport = inside->network + ip.ihl * 4;
	} else {
		struct ipv6hdr ip;

		if (bpf_skb_load_bytes(skb, inside->network, &ip, sizeof(ip)) || ip.version != 6)
			return false;
		__builtin_memcpy(source, &ip.saddr, sizeof(inside->key.source));
		__builtin_memcpy(destination, &ip.daddr, sizeof(inside->key.destination));
		inside->key.protocol = ip.nexthdr;
		inside->transport = inside->network + sizeof(ip);
	}
	if (inside->key.protocol != IPPROTO_TCP && inside->key.protocol != IPPROTO_UDP)
		return false;
	if (inside->transport + sizeof(ports) > packet->end ||
	    bpf_skb_load_bytes(skb, inside->transport, &ports, sizeof(ports)))
		return false;
	inside->key.source_port = ports.source;
	inside->key.destination_port = ports.destination;
	return true;
}

/* Addresses of an IP header whose sum changes by *change; its own checksum follows, which leaves IPv4's sum as it is.
 */
static __always_inline bool md_write_addresses(struct __sk_buff *skb, const struct md_packet *packet, __u32 network,
                                               const struct md_address *both, __u16 ip_checksum, __u64 change)
{
	struct md_ipv4_tail tail;

	if (!packet->is_v4)
		return !bpf_skb_store_bytes(skb, network + MD_IPV6_SOURCE, both, 2 * sizeof(*both), 0);
	tail.checksum = md_checksum_after(ip_checksum, change);
	tail.source = md_const_words(both)[3];
	tail.destination = md_const_words(both + 1)[3];
	return !bpf_skb_store_bytes(skb, network + MD_IPV4_CHECKSUM, &tail, sizeof(tail), 0);
}

/* Writes the packet inside, and adds to *change what ICMP's checksum has to follow. */
static __always_inline bool md_write_inside(struct __sk_buff *skb, const struct md_packet *packet,
                                            const struct md_inside *inside, const struct md_address *both, __u32 ports,
                                            __u64 *change)
{
	__u32 old_ports = md_ports_word(inside->key.source_port, inside->key.destination_port);
	bool is_udp = inside->key.protocol == IPPROTO_UDP;
	__u32 field = inside->transport + (is_udp ? MD_UDP_CHECKSUM : MD_TCP_CHECKSUM);
	__u64 addresses, all;
	__u16 checksum, written;

	addresses = md_replaced_address(0, &inside->key.source, both);
	addresses = md_replaced_address(addresses, &inside->key.destination, both + 1);
	all = md_replaced(addresses, old_ports, ports);
	*change += md_replaced(0, old_ports, ports);
	if (!packet->is_v4)
		*change += md_fold32(addresses);
	/* Errors carry as little as eight bytes behind the IP header: TCP's checksum may be missing. */
	if (field + sizeof(checksum) <= packet->end && !bpf_skb_load_bytes(skb, field, &checksum, sizeof(checksum)) &&
	    (!is_udp || checksum)) {
		written = md_checksum_after(checksum, all);
		if (is_udp && !written)
			written = 0xffff;
		*change += md_replaced(0, checksum, written);
		if (bpf_skb_store_bytes(skb, field, &written, sizeof(written), 0))
			return false;
	}
	return md_write_addresses(skb, packet, inside->network, both, inside->ip_checksum, addresses) &&
	       !bpf_skb_store_bytes(skb, inside->transport, &ports, sizeof(ports), 0);
}

/* The outer packet goes to who sent the packet inside, and may come from whom that was for. */
static __always_inline bool md_write_outside(struct __sk_buff *skb, const struct md_packet *packet,
                                             const struct md_inside *inside, const struct md_address *inner,
                                             __u64 *change)
{
	struct md_address both[2] = {packet->key.source, packet->key.destination};
	__u16 ip_checksum = 0;
	__u64 addresses;

	if (md_same_address(&packet->key.source, &inside->key.destination))
		both[0] = inner[1];
	if (md_same_address(&packet->key.destination, &inside->key.source))
		both[1] = inner[0];
	addresses = md_replaced_address(0, &packet->key.source, &both[0]);
	addresses = md_replaced_address(addresses, &packet->key.destination, &both[1]);
	if (packet->is_v4 &&
	    bpf_skb_load_bytes(skb, packet->network + MD_IPV4_CHECKSUM, &ip_checksum, sizeof(ip_checksum)))
		return false;
	/* ICMPv6 has a pseudo header. */
	if (!packet->is_v4)
		*change += md_fold32(addresses);
	return md_write_addresses(skb, packet, packet->network, both, ip_checksum, addresses);
}

/* What is known of an ICMP error. In a map, for older kernels have too small a stack for it. */
struct md_error {
	struct md_inside inside;
	struct md_track_key key;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct md_error);
} error SEC(".maps");

/* The verdict on an ICMP error; MD_NEXT with MD_REASON_PACKET_NOT_OURS: no forwarded connection's. With
 * MD_REASON_FORWARD_DSR it is to be handed to *backend as it is. */
static __noinline int md_pass_icmp(struct __sk_buff *skb, const struct md_packet *packet, bool incoming,
                                   struct md_address *backend, enum md_reason *reason)
{
	struct md_address both[2];
	struct md_inside *inside;
	struct md_error *found;
	struct md_track *track;
	__u32 ports, zero = 0;
	__u64 change = 0;
	bool opening;

	*reason = MD_REASON_PACKET_NOT_OURS;
	found = bpf_map_lookup_elem(&error, &zero);
	if (!found)
		return MD_NEXT;
	inside = &found->inside;
	if (!md_read_inside(skb, packet, inside))
		return MD_NEXT;
	found->key = inside->key;
	md_turn(&found->key);
	track = md_may_have_track(&found->key) ? md_find_track(&found->key, &opening) : NULL;
	if (!track || md_is_for_incoming(track) != incoming)
		return MD_NEXT;
	if (track->forward == MD_FORWARD_DSR) {
		*backend = track->destination;
		*reason = MD_REASON_FORWARD_DSR;
		return MD_NEXT;
	}
	both[0] = track->destination;
	both[1] = track->source;
	ports = md_ports_word(track->destination_port, track->source_port);
	*reason = MD_REASON_FORWARD_UNWRITABLE;
	/* ICMP's checksum is always complete where this runs: no device computes it, and no segmentation does. */
	if (!md_write_inside(skb, packet, inside, both, ports, &change) ||
	    !md_write_outside(skb, packet, inside, both, &change) ||
	    bpf_l4_csum_replace(skb, packet->transport + MD_ICMP_CHECKSUM, 0, md_fold32(change), 0))
		return MD_DROP;
	*reason = MD_REASON_FORWARD_ICMP;
	return MD_NEXT;
}

#endif
