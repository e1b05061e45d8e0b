/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writing other addresses and ports into a packet.
 *
 * By helpers, not by direct writes, for two reasons. The field of a transport checksum means different things: when a
 * device or a later segmentation is to complete it (CHECKSUM_PARTIAL) it holds the sum of the pseudo header alone,
 * which follows addresses but not ports; and where a device has summed the whole packet (CHECKSUM_COMPLETE) that sum
 * has to follow, too. Only bpf_l4_csum_replace() knows which it is. And a program with direct writes copies the headers
 * of each packet that is shared, as all of TCP's own are, before it runs: also of those that it leaves alone.
 */
#ifndef MESHD_LIB_NAT_H
#define MESHD_LIB_NAT_H

/* Offsets in IPv4 and IPv6 headers, and of the checksum in those of TCP and UDP. */
#define MD_IPV4_CHECKSUM 10
#define MD_IPV6_SOURCE   8
#define MD_TCP_CHECKSUM  16
#define MD_UDP_CHECKSUM  6

/* The end of an IPv4 header without options. */
struct md_ipv4_tail {
	__u16 checksum;
	__be32 source, destination;
} __attribute__((packed));

struct md_ports {
	__be16 source, destination;
};

static __always_inline __u32 md_ports_word(__be16 source, __be16 destination)
{
	return (__u32)source | (__u32)destination << 16;
}

static __always_inline bool md_write_ipv4(struct __sk_buff *skb, __u32 network, __be32 source, __be32 destination,
                                          __u64 change)
{
	struct md_ipv4_tail tail;
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
	const struct iphdr *ip = data + network;

	if ((void *)(ip + 1) > data_end)
		return false;
	tail.checksum = md_checksum_after(ip->check, change);
	tail.source = source;
	tail.destination = destination;
	return !bpf_skb_store_bytes(skb, network + MD_IPV4_CHECKSUM, &tail, sizeof(tail), 0);
}

static __always_inline bool md_fix_transport(struct __sk_buff *skb, const struct md_packet *packet, __u64 addresses,
                                             __u64 ports)
{
	bool is_udp = packet->key.protocol == IPPROTO_UDP;
	__u32 field = packet->transport + (is_udp ? MD_UDP_CHECKSUM : MD_TCP_CHECKSUM);
	/* A UDP checksum of zero is none, and one that comes to zero is written as its other form (RFC 768). */
	__u64 flags = is_udp ? BPF_F_MARK_MANGLED_0 : 0;

	if (addresses && bpf_l4_csum_replace(skb, field, 0, md_fold32(addresses), flags | BPF_F_PSEUDO_HDR))
		return false;
	/*
	 * With CHECKSUM_COMPLETE the helper takes the addresses out of the sum again, which is right where an IP header
	 * checksum balances their change. IPv6 has none, so put them back; kernels from 6.16 on know BPF_F_IPV6 for
	 * this, but an unknown flag is an error. Without CHECKSUM_COMPLETE this call does nothing.
	 */
	if (addresses && !packet->is_v4)
		bpf_csum_update(skb, md_fold32(addresses));
	return !ports || !bpf_l4_csum_replace(skb, field, 0, md_fold32(ports), flags);
}

/* The packet's addresses and ports become those of `to`. false: it could not be changed, and may be half changed. */
static __always_inline bool md_rewrite(struct __sk_buff *skb, const struct md_packet *packet, const struct md_track *to)
{
	const struct md_track_key *from = &packet->key;
	__u32 old_ports = md_ports_word(from->source_port, from->destination_port);
	__u32 new_ports = md_ports_word(to->source_port, to->destination_port);
	__u64 ports = old_ports == new_ports ? 0 : md_replaced(0, old_ports, new_ports);
	__u64 addresses = 0;

	if (packet->is_v4) {
		__be32 source = md_const_words(&to->source)[3], destination = md_const_words(&to->destination)[3];

		addresses = md_replaced(addresses, md_const_words(&from->source)[3], source);
		addresses = md_replaced(addresses, md_const_words(&from->destination)[3], destination);
		if (!md_fix_transport(skb, packet, addresses, ports) ||
		    !md_write_ipv4(skb, packet->network, source, destination, addresses))
			return false;
	} else {
		addresses = md_replaced_address(addresses, &from->source, &to->source);
		addresses = md_replaced_address(addresses, &from->destination, &to->destination);
		/* source and destination stand together in the header and in the track */
		if (!md_fix_transport(skb, packet, addresses, ports) ||
		    bpf_skb_store_bytes(skb, packet->network + MD_IPV6_SOURCE, &to->source, 2 * sizeof(to->source), 0))
			return false;
	}
	return !ports || !bpf_skb_store_bytes(skb, packet->transport, &new_ports, sizeof(new_ports), 0);
}

#endif
