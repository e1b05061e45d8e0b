/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a packet at a device is: read once, into values that everything else works with. */
#ifndef MESHD_LIB_PACKET_H
#define MESHD_LIB_PACKET_H

/* IPv6 extension headers that are looked through. RFC 8200 knows four that may stand before the payload of a packet
 * that is neither encrypted nor signed; more than six is nobody's habit. */
#define MD_EXTENSIONS 6

/* Whether a packet is a part of a datagram. */
enum md_fragment {
	MD_FRAGMENT_NONE,
	MD_FRAGMENT_FIRST, /* has the ports */
	MD_FRAGMENT_LATER,
};

/* What of a packet that is left alone cannot be known, and its receiver may know. */
enum md_hidden {
	MD_HIDDEN_NOTHING,
	MD_HIDDEN_PORTS, /* it may be of TCP or UDP */
	MD_HIDDEN_ALL,   /* the addresses, too */
};

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
	__u8 fragment;     /* enum md_fragment; this and what follows also when the packet is left alone */
	__u8 hidden;       /* enum md_hidden */
	__u8 reserved[3];  /* zero */
	__u32 datagram_id; /* what all fragments of one datagram have in common */
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
	packet->hidden = MD_HIDDEN_PORTS;
	if (ip->frag_off & bpf_htons(MD_IPV4_FRAGMENT)) {
		packet->fragment = ip->frag_off & bpf_htons(MD_IPV4_OFFSET) ? MD_FRAGMENT_LATER : MD_FRAGMENT_FIRST;
		packet->datagram_id = ip->id;
	}
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
			__be16 place = *(const __be16 *)(header + 2);

			/* Otherwise a datagram in one fragment (RFC 6946). */
			if (place & bpf_htons(MD_IPV6_FRAGMENT)) {
				packet->fragment = MD_FRAGMENT_FIRST;
				packet->datagram_id = *(const __u32 *)(header + 4);
			}
			/* Receivers believe what the first one says of the protocol (RFC 8200, 4.5). */
			if (place & bpf_htons(MD_IPV6_OFFSET)) {
				packet->fragment = MD_FRAGMENT_LATER;
				return MD_READ_WHOLE;
			}
			offset += 8;
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
	packet->hidden = MD_HIDDEN_PORTS;
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

static __always_inline enum md_read md_read_transport(void *data, void *data_end, struct md_packet *packet, __u8 next,
                                                      enum md_reason *reason)
{
	enum md_read outcome;

	if (packet->fragment == MD_FRAGMENT_LATER) {
		if (packet->is_v4 && next != IPPROTO_TCP && next != IPPROTO_UDP)
			packet->hidden = MD_HIDDEN_NOTHING;
		return md_leave(MD_REASON_PACKET_FRAGMENT, reason);
	}
	if (next == IPPROTO_TCP || next == IPPROTO_UDP) {
		outcome = next == IPPROTO_TCP ? md_read_tcp(data, data_end, packet, reason)
		                              : md_read_udp(data, data_end, packet, reason);
		if (outcome == MD_READ_WHOLE)
			packet->hidden = MD_HIDDEN_NOTHING;
		return outcome;
	}
	packet->hidden = MD_HIDDEN_NOTHING;
	if (next == (packet->is_v4 ? IPPROTO_ICMP : MD_NEXT_ICMPV6))
		return md_read_icmp(data, data_end, packet, reason);
	return md_leave(MD_REASON_PACKET_UNPARSED, reason);
}

/* A tag in the frame. Behind another one, which the kernel has taken out and which has no VLAN, it may have none,
 * either: then the packet goes on from this device, and no program sees it again. */
static __always_inline enum md_read md_read_tag(void *data, void *data_end, struct md_packet *packet,
                                                enum md_reason *reason)
{
	const __be16 *tag = data + packet->network;

	if ((void *)(tag + 2) > data_end)
		return MD_READ_CUT;
	if (!(*tag & bpf_htons(MD_VLAN_ID)))
		packet->hidden = MD_HIDDEN_ALL;
	return md_leave(MD_REASON_PACKET_VLAN, reason);
}

/* A function of its own: it runs again when headers had to be made readable. */
static __noinline enum md_read md_read_packet(struct __sk_buff *skb, __u8 header_size, struct md_packet *packet,
                                              enum md_reason *reason)
{
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
	enum md_read outcome;
	__u8 next = 0;

	packet->fragment = MD_FRAGMENT_NONE;
	packet->hidden = MD_HIDDEN_NOTHING;
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
		return md_read_tag(data, data_end, packet, reason);
	else
		return md_leave(MD_REASON_PACKET_UNPARSED, reason);
	packet->key.protocol = next;
	__builtin_memset(packet->key.reserved, 0, sizeof(packet->key.reserved));
	if (outcome != MD_READ_WHOLE)
		return outcome;
	if (packet->end > skb->len)
		return md_leave(MD_REASON_PACKET_UNPARSED, reason);
	packet->segments = skb->gso_segs ? skb->gso_segs : 1;
	outcome = md_read_transport(data, data_end, packet, next, reason);
	if (packet->fragment == MD_FRAGMENT_NONE || outcome == MD_READ_CUT)
		return outcome;
	return md_leave(MD_REASON_PACKET_FRAGMENT, reason);
}

static __always_inline void md_blur_packet(const struct __sk_buff *skb, struct md_packet *packet)
{
	__u32 any = skb->mark;

	packet->is_v4 = md_blur(packet->is_v4, any);
	packet->key.protocol = md_blur(packet->key.protocol, any);
	packet->flags = md_blur(packet->flags, any);
	packet->segments = md_blur(packet->segments, any);
}

/* `packet` is zero before. false: the packet is left alone, *reason says why. */
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
	if (outcome != MD_READ_WHOLE)
		return false;
	md_blur_packet(skb, packet);
	return true;
}

/* The first segment of a TCP connection. */
static __always_inline bool md_opens_flow(const struct md_packet *packet)
{
	return (packet->flags & (MD_TCP_SYN | MD_TCP_ACK)) == MD_TCP_SYN;
}

#endif
