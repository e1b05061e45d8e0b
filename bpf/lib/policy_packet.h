/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The policy at devices: what comes in and begins something - a TCP SYN, a datagram - for a service, for an address of
 * this node, or for many. What only passes through is none of ours. What might begin something, and cannot be read, is
 * not let in where anything is denied.
 */
#ifndef MESHD_LIB_POLICY_PACKET_H
#define MESHD_LIB_POLICY_PACKET_H

/*
 * Datagrams that this node sent by a device, as their answers will look, so that those come in. Not pinned: after a
 * restart of the agent a conversation is known again with the next datagram that is sent.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct md_track_key);
	__type(value, __u64);
} answers SEC(".maps");

/* For how long an answer may come: as nf_conntrack_udp_timeout_stream. */
#define MD_ANSWER_NS (120 * 1000000000ULL)

static __always_inline void md_expect_answer(const struct md_track_key *sent)
{
	struct md_track_key key = {.source = sent->destination,
	                           .destination = sent->source,
	                           .source_port = sent->destination_port,
	                           .destination_port = sent->source_port,
	                           .protocol = sent->protocol};
	__u64 now = bpf_ktime_get_ns(), *known = bpf_map_lookup_elem(&answers, &key);

	if (known)
		*known = now;
	else
		bpf_map_update_elem(&answers, &key, &now, BPF_ANY);
}

static __always_inline bool md_is_answer(const struct md_track_key *key)
{
	const __u64 *sent = bpf_map_lookup_elem(&answers, key);

	return sent && bpf_ktime_get_ns() - *sent < MD_ANSWER_NS;
}

/* Fragmented datagrams whose first part was let in. Receivers do nothing with later parts alone. */
struct md_datagram {
	struct md_address source, destination;
	__u32 id;
	__u8 protocol; /* 0 for IPv6, where not every part says it */
	__u8 reserved[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct md_datagram);
	__type(value, __u64);
} datagrams SEC(".maps");

/* For how long parts of a datagram may come: as sysctl net.ipv4.ipfrag_time. */
#define MD_DATAGRAM_NS (30 * 1000000000ULL)

static __always_inline void md_datagram_of(const struct md_packet *packet, struct md_datagram *datagram)
{
	__builtin_memset(datagram, 0, sizeof(*datagram));
	datagram->source = packet->key.source;
	datagram->destination = packet->key.destination;
	datagram->id = packet->datagram_id;
	datagram->protocol = packet->is_v4 ? packet->key.protocol : 0;
}

/* Multicast, broadcast in the own network, and what is reserved; all zeros is an old broadcast address. Broadcasts of
 * single networks are in md_locals. */
static __always_inline bool md_is_for_many(const struct md_address *destination)
{
	const __u32 *words = md_const_words(destination);

	if (md_is_v4(destination))
		return !words[3] || (bpf_ntohl(words[3]) >> 24) >= 224;
	return (bpf_ntohl(words[0]) >> 24) == 0xff;
}

/* Whether a packet may end at this node, should it be for no service. */
static __always_inline bool md_may_end_here(struct __sk_buff *skb, const struct md_address *destination)
{
	__u32 ifindex = skb->ifindex;
	const struct md_device *device;

	if (bpf_map_lookup_elem(&md_locals, destination))
		return true;
	if (!md_is_for_many(destination))
		return false;
	/* At a port of a bridge it may be for the others there; what goes up is asked about above. */
	device = bpf_map_lookup_elem(&md_devices, &ifindex);
	return !device || !device->below;
}

/* A SYN, or a datagram. */
static __always_inline bool md_begins(const struct md_packet *packet)
{
	return packet->key.protocol == IPPROTO_UDP || (packet->flags & (MD_TCP_SYN | MD_TCP_ACK)) == MD_TCP_SYN;
}

/* As md_begins(), of a packet of any protocol. */
static __always_inline bool md_is_asked(const struct md_packet *packet)
{
	return (packet->key.protocol == IPPROTO_TCP || packet->key.protocol == IPPROTO_UDP) && md_begins(packet);
}

/* The packet in `draft`, of TCP or UDP, that belongs to no known connection: whether it is to be dropped. Not static,
 * so that the verifier looks at it once. */
__noinline int md_draft_is_denied(struct __sk_buff *skb)
{
	__u32 zero = 0, service_id;
	const struct md_draft *draft_of_cpu = bpf_map_lookup_elem(&draft, &zero);
	const struct md_packet *packet;
	const struct md_track_key *key;
	struct md_endpoint destination = {}, asked;

	if (!skb || !draft_of_cpu)
		return 0;
	packet = &draft_of_cpu->packet;
	key = &packet->key;
	destination.address = key->destination;
	destination.port = key->destination_port;
	destination.protocol = key->protocol;
	asked = destination;
	service_id = md_service_asked(packet);
	if (!service_id && !md_may_end_here(skb, &key->destination))
		return 0;
	if (key->protocol == IPPROTO_UDP && md_is_answer(key))
		return 0;
	/* By a port that is served at every address of this node. */
	if (service_id && !md_service_of(&destination)) {
		__builtin_memset(&asked.address, 0, sizeof(asked.address));
		if (packet->is_v4)
			md_words(&asked.address)[2] = MD_MAPPED_PREFIX;
	}
	return md_policy_packet(&key->source, &destination, &asked);
}

/* The packet in `draft`, which is left alone: whether it is to be dropped. Of a datagram in parts, the first is asked
 * about, and the others follow it. */
__noinline int md_unread_is_denied(struct __sk_buff *skb)
{
	__u32 zero = 0;
	const struct md_draft *draft_of_cpu = bpf_map_lookup_elem(&draft, &zero);
	const struct md_packet *packet;
	struct md_datagram datagram;
	const __u64 *let_in;
	__u64 now;

	if (!skb || !draft_of_cpu)
		return 0;
	packet = &draft_of_cpu->packet;
	if (packet->hidden == MD_HIDDEN_ALL)
		return md_policy_unread();
	if (!md_may_end_here(skb, &packet->key.destination))
		return 0;
	md_datagram_of(packet, &datagram);
	now = bpf_ktime_get_ns();
	if (packet->fragment == MD_FRAGMENT_FIRST && !packet->hidden) {
		if (md_is_asked(packet) && md_draft_is_denied(skb)) {
			bpf_map_delete_elem(&datagrams, &datagram);
			return 1;
		}
		bpf_map_update_elem(&datagrams, &datagram, &now, BPF_ANY);
		return 0;
	}
	if (!packet->hidden)
		return 0;
	if (packet->fragment == MD_FRAGMENT_LATER) {
		let_in = bpf_map_lookup_elem(&datagrams, &datagram);
		if (let_in && now - *let_in < MD_DATAGRAM_NS)
			return 0;
	}
	return md_policy_unread();
}

static __always_inline void md_note_sent(const struct md_packet *packet)
{
	if (packet->key.protocol == IPPROTO_UDP && !packet->hidden &&
	    bpf_map_lookup_elem(&md_locals, &packet->key.source))
		md_expect_answer(&packet->key);
}

/* Of a packet that is left alone. */
static __always_inline bool md_policy_drops_unread(struct __sk_buff *skb, const struct md_packet *packet, bool incoming)
{
	if ((!packet->hidden && !packet->fragment) || !md_policy_in_force())
		return false;
	if (!incoming) {
		md_note_sent(packet);
		return false;
	}
	return !md_put_draft(packet) || md_unread_is_denied(skb);
}

/* Of a packet of TCP or UDP that belongs to no known connection. */
static __always_inline bool md_policy_drops(struct __sk_buff *skb, const struct md_packet *packet, bool incoming)
{
	if (!md_begins(packet) || !md_policy_in_force())
		return false;
	if (!incoming) {
		md_note_sent(packet);
		return false;
	}
	return !md_put_draft(packet) || md_draft_is_denied(skb);
}

#endif
