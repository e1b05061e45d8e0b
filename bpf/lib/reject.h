/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tells a client that nobody will answer, as a host without a listener does: a TCP packet is answered by a reset, a UDP
 * one by "port unreachable". The packet itself becomes the answer and leaves by the device that it came by, so its VLAN
 * tag stays.
 *
 * The transport checksum of a packet that a sender on this machine left to the device (CHECKSUM_PARTIAL) is completed
 * on the way out, over the bytes from the transport header on, and no helper takes that mark away. So that header stays
 * where it is: TCP's is overwritten in place, and "port unreachable" carries UDP's at its old place, behind headers
 * that are put in front.
 */
#ifndef MESHD_LIB_REJECT_H
#define MESHD_LIB_REJECT_H

/* Answers of each CPU in a second, and how many may come at once: as many as the kernel has ICMP errors (sysctl
 * net.ipv4.icmp_msgs_per_sec, icmp_msgs_burst). */
#define MD_REJECT_INTERVAL_NS (MD_SECOND_NS / 1000)
#define MD_REJECT_BURST       50

/* What "port unreachable" carries of the packet, at most: every header that is looked through, and more than the eight
 * bytes behind it that RFC 792 asks for. A multiple of four. */
#define MD_REJECT_CARRIED 128

#define MD_IPV4_DONT_FRAGMENT 0x4000
#define MD_ICMP_PORT          3
#define MD_ICMP6_PORT         4

struct md_icmp_header {
	__u8 type, code;
	__u16 checksum;
	__u32 unused;
};

struct md_reject_ipv4 {
	struct iphdr ip;
	struct md_icmp_header icmp;
};

struct md_reject_ipv6 {
	struct ipv6hdr ip;
	struct md_icmp_header icmp;
};

struct md_reject {
	__u64 due_ns;
	__u8 link[12]; /* both addresses of Ethernet */
	union {
		struct md_reject_ipv4 v4;
		struct md_reject_ipv6 v6;
		struct iphdr ipv4;
		struct ipv6hdr ipv6;
	};
	union {
		struct tcphdr tcp;
		__u8 carried[MD_REJECT_CARRIED];
	};
	__be32 pseudo[10]; /* what a transport checksum covers beside its packet; IPv4 fills the first three */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct md_reject);
} reject SEC(".maps");

static __always_inline __u32 md_sum(const void *words, __u32 size, __u32 sum)
{
	return bpf_csum_diff(NULL, 0, (__be32 *)words, size, sum);
}

/* RFC 1122, 3.2.2 and 4.2.3.9: no answer to what was not sent to this node alone, or does not come from one host. */
static __always_inline bool md_may_answer(const struct __sk_buff *skb, const struct md_packet *packet)
{
	const __u32 *source = md_const_words(&packet->key.source);

	if (skb->pkt_type != 0 /* PACKET_HOST */ || (packet->flags & MD_TCP_RST))
		return false;
	if (packet->is_v4) {
		__u32 first = bpf_ntohl(source[3]) >> 24;

		return first != 0 && first != 127 && first < 224;
	}
	return (bpf_ntohl(source[0]) >> 24) != 0xff &&
	       (source[0] | source[1] | source[2] | (source[3] & bpf_htonl(~1U)));
}

static __always_inline bool md_reject_is_due(struct md_reject *work)
{
	__u64 now = bpf_ktime_get_ns(), due = work->due_ns > now ? work->due_ns : now;

	if (due - now >= MD_REJECT_BURST * MD_REJECT_INTERVAL_NS)
		return false;
	work->due_ns = due + MD_REJECT_INTERVAL_NS;
	return true;
}

/* Cuts the packet. In two steps, of which one always changes something: that ends the sum that a device has made of the
 * whole packet (CHECKSUM_COMPLETE), and segmentation. */
static __always_inline bool md_cut(struct __sk_buff *skb, __u32 size)
{
	return !bpf_skb_change_tail(skb, size + 1, 0) && !bpf_skb_change_tail(skb, size, 0);
}

/* Whether the transport checksum is left to the device: then the helper does not touch it. */
static __always_inline bool md_is_partial(struct __sk_buff *skb, __u32 field)
{
	__u16 before = 0, after = 0;

	if (bpf_skb_load_bytes(skb, field, &before, sizeof(before)) || bpf_l4_csum_replace(skb, field, 0, 1, 0) ||
	    bpf_skb_load_bytes(skb, field, &after, sizeof(after)))
		return false;
	if (before == after)
		return true;
	bpf_skb_store_bytes(skb, field, &before, sizeof(before), 0);
	return false;
}

static __always_inline void md_fill_ipv4(struct iphdr *ip, const struct md_packet *packet, __u8 protocol, __u32 size)
{
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->tot_len = bpf_htons(size);
	ip->frag_off = bpf_htons(MD_IPV4_DONT_FRAGMENT);
	ip->ttl = 64;
	ip->protocol = protocol;
	ip->saddr = md_const_words(&packet->key.destination)[3];
	ip->daddr = md_const_words(&packet->key.source)[3];
	ip->check = ~md_fold16(md_sum(ip, sizeof(*ip), 0));
}

static __always_inline void md_fill_ipv6(struct ipv6hdr *ip, const struct md_packet *packet, __u8 protocol, __u32 size)
{
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 6;
	ip->payload_len = bpf_htons(size - sizeof(*ip));
	ip->nexthdr = protocol;
	ip->hop_limit = 64;
	__builtin_memcpy(&ip->saddr, &packet->key.destination, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &packet->key.source, sizeof(ip->daddr));
}

static __always_inline __u32 md_pseudo_sum(struct md_reject *work, const struct md_packet *packet, __u8 protocol,
                                           __u32 size)
{
	__builtin_memset(work->pseudo, 0, sizeof(work->pseudo));
	if (packet->is_v4) {
		work->pseudo[0] = md_const_words(&packet->key.source)[3];
		work->pseudo[1] = md_const_words(&packet->key.destination)[3];
	} else {
		__builtin_memcpy(work->pseudo, &packet->key.source, 2 * sizeof(packet->key.source));
	}
	work->pseudo[8] = bpf_htonl(size);
	work->pseudo[9] = bpf_htonl(protocol);
	return md_sum(work->pseudo, sizeof(work->pseudo), 0);
}

/* RFC 9293, 3.10.7.1: what a host without the connection says. */
static __noinline bool md_write_reset(struct __sk_buff *skb, const struct md_packet *packet, struct md_reject *work)
{
	__u32 header = packet->is_v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	struct tcphdr *tcp = &work->tcp;
	__u32 pseudo;
	bool partial;

	/* With options or extension headers, TCP's header is not where the answer has it. */
	if (packet->transport != packet->network + header || !md_cut(skb, packet->transport + sizeof(*tcp)))
		return false;
	partial = md_is_partial(skb, packet->transport + MD_TCP_CHECKSUM);
	__builtin_memset(tcp, 0, sizeof(*tcp));
	tcp->source = packet->key.destination_port;
	tcp->dest = packet->key.source_port;
	tcp->doff = sizeof(*tcp) / 4;
	((__u8 *)tcp)[13] = MD_TCP_RST;
	if (packet->flags & MD_TCP_ACK) {
		tcp->seq = bpf_htonl(packet->ack);
	} else {
		tcp->ack_seq = bpf_htonl(packet->seq + packet->payload + !!(packet->flags & MD_TCP_SYN) +
		                         !!(packet->flags & MD_TCP_FIN));
		((__u8 *)tcp)[13] |= MD_TCP_ACK;
	}
	pseudo = md_pseudo_sum(work, packet, IPPROTO_TCP, sizeof(*tcp));
	tcp->check = partial ? md_fold16(pseudo) : (__u16)~md_fold16(md_sum(tcp, sizeof(*tcp), pseudo));
	if (packet->is_v4) {
		md_fill_ipv4(&work->ipv4, packet, IPPROTO_TCP, header + sizeof(*tcp));
		if (bpf_skb_store_bytes(skb, packet->network, &work->ipv4, sizeof(work->ipv4), 0))
			return false;
	} else {
		md_fill_ipv6(&work->ipv6, packet, IPPROTO_TCP, header + sizeof(*tcp));
		if (bpf_skb_store_bytes(skb, packet->network, &work->ipv6, sizeof(work->ipv6), 0))
			return false;
	}
	return !bpf_skb_store_bytes(skb, packet->transport, tcp, sizeof(*tcp), 0);
}

static __always_inline bool md_load_carried(struct __sk_buff *skb, __u32 from, struct md_reject *work, __u64 size)
{
	__builtin_memset(work->carried, 0, sizeof(work->carried));
	/* Two comparisons, which the compiler must not make one, and none with 0: 5.10's verifier learns nothing from
	 * either. */
	if (size > sizeof(work->carried))
		return false;
	barrier_var(size);
	return size >= sizeof(struct iphdr) && !bpf_skb_load_bytes(skb, from, work->carried, size);
}

/* The sum of the packet that ICMP carries, as its receiver sees it. */
static __always_inline bool md_carried_sum(struct __sk_buff *skb, const struct md_packet *packet,
                                           struct md_reject *work, __u64 size, __u32 *sum)
{
	__u64 header = packet->transport - packet->network; /* 64 bits: older verifiers follow those better */
	__u16 field = 0;

	if (!md_is_partial(skb, packet->transport + MD_UDP_CHECKSUM)) {
		if (!md_load_carried(skb, packet->network, work, size))
			return false;
		*sum = md_sum(work->carried, sizeof(work->carried), 0);
		return true;
	}
	/* Completed, everything from UDP's header on sums up to the complement of what its field holds now. */
	if (bpf_skb_load_bytes(skb, packet->transport + MD_UDP_CHECKSUM, &field, sizeof(field)))
		return false;
	if (!md_load_carried(skb, packet->network, work, header))
		return false;
	*sum = md_sum(work->carried, sizeof(work->carried), (__u16)~field);
	return true;
}

static __noinline bool md_write_unreachable(struct __sk_buff *skb, const struct md_packet *packet,
                                            struct md_reject *work)
{
	__u32 size = packet->end - packet->network, sum = 0;

	if (size > MD_REJECT_CARRIED)
		size = MD_REJECT_CARRIED;
	if (packet->transport + sizeof(struct udphdr) > packet->network + size ||
	    !md_cut(skb, packet->network + size) || !md_carried_sum(skb, packet, work, size, &sum))
		return false;
	if (packet->is_v4) {
		struct md_reject_ipv4 *v4 = &work->v4;

		md_fill_ipv4(&v4->ip, packet, IPPROTO_ICMP, sizeof(*v4) + size);
		__builtin_memset(&v4->icmp, 0, sizeof(v4->icmp));
		v4->icmp.type = MD_ICMP_UNREACHABLE;
		v4->icmp.code = MD_ICMP_PORT;
		v4->icmp.checksum = ~md_fold16(md_sum(&v4->icmp, sizeof(v4->icmp), sum));
		return !bpf_skb_adjust_room(skb, sizeof(*v4), BPF_ADJ_ROOM_MAC, 0) &&
		       !bpf_skb_store_bytes(skb, packet->network, v4, sizeof(*v4), 0);
	} else {
		struct md_reject_ipv6 *v6 = &work->v6;
		__u32 pseudo = md_pseudo_sum(work, packet, MD_NEXT_ICMPV6, sizeof(v6->icmp) + size);

		md_fill_ipv6(&v6->ip, packet, MD_NEXT_ICMPV6, sizeof(*v6) + size);
		__builtin_memset(&v6->icmp, 0, sizeof(v6->icmp));
		v6->icmp.type = MD_ICMP6_UNREACHABLE;
		v6->icmp.code = MD_ICMP6_PORT;
		sum = md_sum(&v6->icmp, sizeof(v6->icmp), sum);
		v6->icmp.checksum = ~md_fold16((__u64)sum + pseudo);
		return !bpf_skb_adjust_room(skb, sizeof(*v6), BPF_ADJ_ROOM_MAC, 0) &&
		       !bpf_skb_store_bytes(skb, packet->network, v6, sizeof(*v6), 0);
	}
}

static __always_inline bool md_turn_link(struct __sk_buff *skb, const struct md_packet *packet, struct md_reject *work)
{
	__u8 *link = work->link, turned[12];

	if (!packet->network)
		return true;
	if (bpf_skb_load_bytes(skb, 0, link, sizeof(work->link)))
		return false;
	__builtin_memcpy(turned, link + 6, 6);
	__builtin_memcpy(turned + 6, link, 6);
	return !bpf_skb_store_bytes(skb, 0, turned, sizeof(turned), 0);
}

/*
 * Refuses the packet in `draft`, of TCP or UDP, that has come in and whose bytes nobody has changed. The verdict;
 * MD_DROP: it cannot or must not be answered. Not static, so that the verifier looks at it once.
 */
__noinline int md_reject(struct __sk_buff *skb)
{
	__u32 zero = 0;
	const struct md_draft *new = bpf_map_lookup_elem(&draft, &zero);
	struct md_reject *work = bpf_map_lookup_elem(&reject, &zero);
	bool written;

	if (!new || !work || !md_may_answer(skb, &new->packet) || !md_reject_is_due(work))
		return MD_DROP;
	if (new->packet.key.protocol == IPPROTO_TCP)
		written = md_write_reset(skb, &new->packet, work);
	else
		written = md_write_unreachable(skb, &new->packet, work);
	return written && md_turn_link(skb, &new->packet, work) ? bpf_redirect(skb->ifindex, 0) : MD_DROP;
}

#endif
