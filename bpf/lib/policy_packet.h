/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The policy at devices: what comes in and begins something - a TCP SYN, a datagram - for a service or for an address
 * of this node. What only passes through is none of ours.
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

/* A SYN, or a datagram. */
static __always_inline bool md_begins(const struct md_packet *packet)
{
	return packet->key.protocol == IPPROTO_UDP || (packet->flags & (MD_TCP_SYN | MD_TCP_ACK)) == MD_TCP_SYN;
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

	/* Looked at for nothing: an argument that is not used would not be passed, and the verifier asks for it. */
	if (!skb || !draft_of_cpu)
		return 0;
	asm volatile("" : : "r"(skb));
	packet = &draft_of_cpu->packet;
	key = &packet->key;
	destination.address = key->destination;
	destination.port = key->destination_port;
	destination.protocol = key->protocol;
	asked = destination;
	service_id = md_service_asked(packet);
	if (!service_id && !bpf_map_lookup_elem(&md_locals, &key->destination))
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

/* Of a packet of TCP or UDP that belongs to no known connection. */
static __always_inline bool md_policy_drops(struct __sk_buff *skb, const struct md_packet *packet, bool incoming)
{
	struct md_draft *draft_of_cpu;
	__u32 zero = 0;

	if (!md_begins(packet) || !md_policy_in_force())
		return false;
	if (!incoming) {
		if (packet->key.protocol == IPPROTO_UDP && bpf_map_lookup_elem(&md_locals, &packet->key.source))
			md_expect_answer(&packet->key);
		return false;
	}
	draft_of_cpu = bpf_map_lookup_elem(&draft, &zero);
	if (!draft_of_cpu)
		return true; /* cannot be: each CPU has its own */
	draft_of_cpu->packet = *packet;
	return md_draft_is_denied(skb);
}

#endif
