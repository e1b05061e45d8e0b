/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a packet at a device is: read once, into values that everything else works with. */
#ifndef MESHD_LIB_PACKET_H
#define MESHD_LIB_PACKET_H

/* include/uapi/linux/if_ether.h, in.h, ipv6.h, icmp.h, icmpv6.h: vmlinux.h carries no macros. */
#define MD_ETH_IPV4          0x0800
#define MD_ETH_IPV6          0x86dd
#define MD_ETH_VLAN          0x8100
#define MD_ETH_SERVICE_VLAN  0x88a8
#define MD_VLAN_ID           0x0fff
#define MD_IPV4_FRAGMENT     0x3fff /* "more fragments" and the offset */
#define MD_IPV6_FRAGMENT     0xfff9
#define MD_NEXT_HOP_BY_HOP   0
#define MD_NEXT_ROUTING      43
#define MD_NEXT_FRAGMENT     44
#define MD_NEXT_DESTINATION  60
#define MD_NEXT_ICMPV6       58
#define MD_ICMP_UNREACHABLE  3
#define MD_ICMP_TIME         11
#define MD_ICMP_PARAMETER    12
#define MD_ICMP6_UNREACHABLE 1
#define MD_ICMP6_PARAMETER   4 /* and between them "packet too big" and "time exceeded" */

/* TCP's flags, as they stand in byte 13 of its header. */
#define MD_TCP_FIN 0x01
#define MD_TCP_SYN 0x02
#define MD_TCP_RST 0x04
#define MD_TCP_ACK 0x10

/* IPv6 extension headers that are looked through. RFC 8200 knows four that may stand before the payload of a packet
 * that is neither encrypted nor signed; more than six is nobody's habit. */
#define MD_EXTENSIONS 6

/* Bytes that are made readable when a driver left headers in pages of their own. */
#define MD_HEADERS 256

struct md_packet {
	struct md_track_key key; /* protocol: what is not TCP or UDP is an ICMP error */
	__u32 transport;         /* where the header of TCP, UDP or ICMP is */
	__u32 end;               /* of the IP packet: frames are padded */
	__u32 payload;           /* bytes behind the header of TCP or UDP */
	__u32 segments;          /* packets on the wire: the kernel carries many as one */
	__u32 seq, ack;          /* of TCP */
	__u8 network;            /* where the IP header is; a byte, which the verifier knows the bounds of */
	__u8 flags;              /* of TCP */
	__u8 is_v4;
};

enum md_read {
	MD_READ_WHOLE,
	MD_READ_CUT, /* headers are not all readable */
	MD_READ_LEFT /* not ours: *reason says what it is */
};

static __always_inline enum md_read md_leave(enum md_reason why, enum md_reason *reason)
{
	*reason = why;
	return MD_READ_LEFT;
}

/* Addresses and the like of an IPv4 header at packet->network; `next` is the protocol behind it. */
static __always_inline enum md_read md_read_ipv4(void *data, void *data_end, struct md_packet *packet, __u8 *next,
                                                 enum md_reason *reason)
{
	const struct iphdr *ip = data + packet->network;
	__u32 *source = md_words(&packet->key.source), *destination = md_words(&packet->key.destination);

	if ((void *)(ip + 1) > data_end)
		return MD_READ_CUT;
	if (ip->version != 4 || ip->ihl < 5)
		return md_leave(MD_REASON_PACKET_UNPARSED, reason);
	if (ip->frag_off & bpf_htons(MD_IPV4_FRAGMENT))
		return md_leave(MD_REASON_PACKET_FRAGMENT, reason);
	source[0] = source[1] = destination[0] = destination[1] = 0;
	source[2] = destination[2] = MD_MAPPED_PREFIX;
	source[3] = ip->saddr;
	destination[3] = ip->daddr;
	packet->is_v4 = 1;
	packet->transport = packet->network + ip->ihl * 4;
	/* 0: more than 64 KiB, which only this machine's own queues carry. */
	if (ip->tot_len)
		packet->end = packet->network + bpf_ntohs(ip->tot_len);
	*next = ip->protocol;
	return MD_READ_WHOLE;
}

static __always_inline enum md_read md_read_extensions(void *data, void *data_end, struct md_packet *packet, __u8 *next,
                                                       enum md_reason *reason)
{
	__u32 offset = packet->transport;

	for (int i = 0; i < MD_EXTENSIONS; i++) {
		const __u8 *header = data + offset;

		if (*next != MD_NEXT_HOP_BY_HOP && *next != MD_NEXT_ROUTING && *next != MD_NEXT_DESTINATION &&
		    *next != MD_NEXT_FRAGMENT) {
			packet->transport = offset;
			return MD_READ_WHOLE;
		}
		if ((void *)(header + 8) > data_end)
			return MD_READ_CUT;
		if (*next == MD_NEXT_FRAGMENT) {
			if (*(const __be16 *)(header + 2) & bpf_htons(MD_IPV6_FRAGMENT))
				return md_leave(MD_REASON_PACKET_FRAGMENT, reason);
			offset += 8; /* a datagram in one fragment (RFC 6946) */
		} else {
			/* Segments left: the destination is a way point, and checksums are made with another. */
			if (*next == MD_NEXT_ROUTING && header[3])
				return md_leave(MD_REASON_PACKET_EXTENSION, reason);
			offset += 8 + header[1] * 8;
		}
		*next = header[0];
	}
	return md_leave(MD_REASON_PACKET_EXTENSION, reason);
}

static __always_inline enum md_read md_read_ipv6(void *data, void *data_end, struct md_packet *packet, __u8 *next,
                                                 enum md_reason *reason)
{
	const struct ipv6hdr *ip = data + packet->network;

	if ((void *)(ip + 1) > data_end)
		return MD_READ_CUT;
	if (ip->version != 6)
		return md_leave(MD_REASON_PACKET_UNPARSED, reason);
	__builtin_memcpy(&packet->key.source, &ip->saddr, sizeof(packet->key.source));
	__builtin_memcpy(&packet->key.destination, &ip->daddr, sizeof(packet->key.destination));
	packet->is_v4 = 0;
	packet->transport = packet->network + sizeof(*ip);
	if (ip->payload_len)
		packet->end = packet->transport + bpf_ntohs(ip->payload_len);
	*next = ip->nexthdr;
	return md_read_extensions(data, data_end, packet, next, reason);
}

static __always_inline enum md_read md_read_tcp(void *data, void *data_end, struct md_packet *packet,
                                                enum md_reason *reason)
{
	const struct tcphdr *tcp = data + packet->transport;
	__u32 payload;

	if ((void *)(tcp + 1) > data_end)
		return MD_READ_CUT;
	payload = packet->transport + tcp->doff * 4;
	if (tcp->doff < 5 || payload > packet->end)
		return md_leave(MD_REASON_PACKET_UNPARSED, reason);
	packet->payload = packet->end - payload;
	packet->key.source_port = tcp->source;
	packet->key.destination_port = tcp->dest;
	packet->seq = bpf_ntohl(tcp->seq);
	packet->ack = bpf_ntohl(tcp->ack_seq);
	packet->flags = ((const __u8 *)tcp)[13];
	return MD_READ_WHOLE;
}

static __always_inline enum md_read md_read_udp(void *data, void *data_end, struct md_packet *packet,
                                                enum md_reason *reason)
{
	const struct udphdr *udp = data + packet->transport;

	if ((void *)(udp + 1) > data_end)
		return MD_READ_CUT;
	if (packet->transport + sizeof(*udp) > packet->end)
		return md_leave(MD_REASON_PACKET_UNPARSED, reason);
	packet->payload = packet->end - packet->transport - sizeof(*udp);
	packet->key.source_port = udp->source;
	packet->key.destination_port = udp->dest;
	packet->flags = 0;
	return MD_READ_WHOLE;
}

/* RFC 792, RFC 4443: those that carry the packet that they are about. */
static __always_inline enum md_read md_read_icmp(void *data, void *data_end, struct md_packet *packet,
                                                 enum md_reason *reason)
{
	const __u8 *type = data + packet->transport;
	bool is_error;

	if ((void *)(type + 8) > data_end)
		return MD_READ_CUT;
	if (packet->is_v4)
		is_error = *type == MD_ICMP_UNREACHABLE || *type == MD_ICMP_TIME || *type == MD_ICMP_PARAMETER;
	else
		is_error = *type >= MD_ICMP6_UNREACHABLE && *type <= MD_ICMP6_PARAMETER;
	return is_error ? MD_READ_WHOLE : md_leave(MD_REASON_PACKET_NOT_OURS, reason);
}

/* A function of its own: it runs again when headers had to be made readable. */
static __noinline enum md_read md_read_packet(struct __sk_buff *skb, __u8 header_size, struct md_packet *packet,
                                              enum md_reason *reason)
{
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
	enum md_read outcome;
	__u8 next = 0;

	/* The VLAN's own device is where its traffic is looked at; at this one it only passes. */
	if (skb->vlan_present && skb->vlan_tci & MD_VLAN_ID)
		return md_leave(MD_REASON_PACKET_VLAN, reason);
	packet->network = header_size;
	packet->end = skb->len;
	if (skb->protocol == bpf_htons(MD_ETH_IPV4))
		outcome = md_read_ipv4(data, data_end, packet, &next, reason);
	else if (skb->protocol == bpf_htons(MD_ETH_IPV6))
		outcome = md_read_ipv6(data, data_end, packet, &next, reason);
	else if (skb->protocol == bpf_htons(MD_ETH_VLAN) || skb->protocol == bpf_htons(MD_ETH_SERVICE_VLAN))
		return md_leave(MD_REASON_PACKET_VLAN, reason);
	else
		return md_leave(MD_REASON_PACKET_UNPARSED, reason);
	if (outcome != MD_READ_WHOLE)
		return outcome;
	if (packet->end > skb->len)
		return md_leave(MD_REASON_PACKET_UNPARSED, reason);
	packet->segments = skb->gso_segs ? skb->gso_segs : 1;
	packet->key.protocol = next;
	__builtin_memset(packet->key.reserved, 0, sizeof(packet->key.reserved));
	if (next == IPPROTO_TCP)
		return md_read_tcp(data, data_end, packet, reason);
	if (next == IPPROTO_UDP)
		return md_read_udp(data, data_end, packet, reason);
	if (next == (packet->is_v4 ? IPPROTO_ICMP : MD_NEXT_ICMPV6))
		return md_read_icmp(data, data_end, packet, reason);
	return md_leave(MD_REASON_PACKET_UNPARSED, reason);
}

/* false: the packet is left alone, *reason says why. */
static __always_inline bool md_understand(struct __sk_buff *skb, const struct md_device *device,
                                          struct md_packet *packet, enum md_reason *reason)
{
	enum md_read outcome = md_read_packet(skb, device->header_size, packet, reason);

	if (outcome == MD_READ_CUT) {
		*reason = MD_REASON_PACKET_UNPARSED;
		if (bpf_skb_pull_data(skb, skb->len < MD_HEADERS ? skb->len : MD_HEADERS))
			return false;
		outcome = md_read_packet(skb, device->header_size, packet, reason);
	}
	return outcome == MD_READ_WHOLE;
}

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
