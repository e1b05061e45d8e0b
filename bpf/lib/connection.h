/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The first packet of a forwarded connection: to which service, which backend, under which source. */
#ifndef MESHD_LIB_CONNECTION_H
#define MESHD_LIB_CONNECTION_H

/* The service that a packet asks for: its destination, or a port that is served at every address of this node. */
static __always_inline __u32 md_service_asked(const struct md_packet *packet)
{
	const struct md_forwarding *forwarding;
	struct md_endpoint asked;
	__u32 service_id;

	asked.address = packet->key.destination;
	asked.port = packet->key.destination_port;
	asked.protocol = packet->key.protocol;
	asked.reserved = 0;
	service_id = md_service_of(&asked);
	if (service_id)
		return service_id;
	forwarding = md_forwarding_of_node();
	if (!forwarding || !forwarding->node_ports || !md_is_own(&asked.address))
		return 0;
	__builtin_memset(&asked.address, 0, sizeof(asked.address));
	if (packet->is_v4)
		md_words(&asked.address)[2] = MD_MAPPED_PREFIX;
	return md_service_of(&asked);
}

/* The backend that the client had last and keeps; 0: none. */
static __always_inline __u32 md_kept_backend(const struct md_packet *packet, __u32 service_id, __u32 affinity_s,
                                             __u64 now)
{
	struct md_affinity_key key = {.client = packet->key.source, .service_id = service_id};
	const struct md_affinity *affinity = bpf_map_lookup_elem(&md_affinity, &key);

	if (!affinity || affinity->seen_ns + affinity_s * MD_SECOND_NS < now)
		return 0;
	return md_keep(affinity->backend_id, service_id, packet->is_v4, now) ? affinity->backend_id : 0;
}

static __always_inline void md_note_affinity(const struct md_packet *packet, const struct md_track *track, __u64 now)
{
	struct md_affinity_key key = {.client = packet->key.source, .service_id = track->service_id};
	struct md_affinity affinity = {.backend_id = track->backend_id, .seen_ns = now};

	bpf_map_update_elem(&md_affinity, &key, &affinity, BPF_ANY);
}

/* Whether the packet's source is to be an address of this node, and which; false: there is none. */
static __noinline bool md_choose_source(struct __sk_buff *skb, const struct md_packet *packet,
                                        const struct md_address *backend, struct md_address *source, bool *masquerades)
{
	const struct md_forwarding *forwarding = md_forwarding_of_node();
	const struct md_device *device;
	struct md_address next_hop;
	__u32 leaves_by;

	*masquerades = false;
	if (!forwarding || forwarding->masquerade == MD_MASQUERADE_NEVER)
		return true;
	leaves_by = md_route(skb, packet, backend, &next_hop);
	if (!leaves_by || (forwarding->masquerade == MD_MASQUERADE_AUTO && leaves_by != skb->ifindex))
		return true;
	*masquerades = true;
	/* A device without programs would not see the answers, either. */
	device = bpf_map_lookup_elem(&md_devices, &leaves_by);
	if (!device)
		return false;
	*source = packet->is_v4 ? device->v4 : device->v6;
	return md_const_words(source)[3] || md_const_words(source)[0];
}

/* Packets are not encrypted, and nothing of such a service may pass in clear. */
static __always_inline bool md_is_encrypted(__u32 service_id)
{
	__u32 zero = 0;
	void *slots = bpf_map_lookup_elem(&md_tables, &service_id);
	const struct md_slot *head = slots ? bpf_map_lookup_elem(slots, &zero) : NULL;

	return head && head->table.tls & MD_TLS_MUTUAL;
}

enum md_begin {
	MD_BEGIN_NOT, /* no service that is forwarded */
	MD_BEGIN_DONE,
	MD_BEGIN_DROP,
};

/*
 * How to ask for the backend of a packet for a service that no track is known of: by the Maglev table, so that every
 * node that has the same backends chooses the same one; but where a service asks for what this node has seen of them,
 * by that. false: it is no service that is forwarded. The caller asks: frames of functions add up.
 */
static __noinline bool md_prepare(const struct md_packet *packet, __u32 service_id, struct md_draft *draft)
{
	__u32 zero = 0, seed;
	void *slots = bpf_map_lookup_elem(&md_tables, &service_id);
	const struct md_slot *head = slots ? bpf_map_lookup_elem(slots, &zero) : NULL;
	__u32 affinity_s;

	if (!head || head->table.forward == MD_FORWARD_NONE)
		return false;
	affinity_s = head->table.affinity_s;
	seed = md_compares(head->table.pick) ? bpf_get_prandom_u32() : 0;
	draft->now_ns = md_now();
	draft->seed_and_hash = (__u64)md_hash_of(&packet->key, affinity_s) << 32 | seed;
	draft->asked = (packet->is_v4 ? MD_ASKED_V4 | MD_REACH_V4 : MD_REACH_V6) | MD_ASKED_FORWARDED;
	draft->backend_id = affinity_s ? md_kept_backend(packet, service_id, affinity_s, draft->now_ns) : 0;
	return true;
}

/* Begins a connection with the backend of the draft. */
static __noinline enum md_begin md_begin(struct __sk_buff *skb, const struct md_packet *packet, __u32 service_id,
                                         struct md_draft *draft)
{
	__u64 now = draft->now_ns;
	__u32 zero = 0, backend_id = draft->backend_id;
	void *slots = bpf_map_lookup_elem(&md_tables, &service_id);
	const struct md_slot *head = slots ? bpf_map_lookup_elem(slots, &zero) : NULL;
	struct md_track *track = &draft->request;
	const struct md_backend *backend;

	if (!head)
		return MD_BEGIN_NOT;
	backend = backend_id ? md_backend_of(backend_id, service_id, packet->is_v4) : NULL;
	if (!backend) {
		draft->reason = MD_REASON_FORWARD_NO_BACKEND;
		return MD_BEGIN_DROP;
	}
	__builtin_memset(track, 0, sizeof(*track));
	track->source = packet->key.source;
	track->source_port = packet->key.source_port;
	track->destination = backend->endpoint.address;
	track->destination_port = backend->endpoint.port;
	track->kind = MD_TRACK_REQUEST;
	track->state = MD_TRACK_OPENING;
	track->forward = head->table.forward;
	track->service_id = service_id;
	track->backend_id = backend_id;
	track->device = skb->ifindex;
	track->start_ns = track->seen_ns = now;
	if (head->table.affinity_s)
		md_note_affinity(packet, track, now);
	draft->hash = md_hash_of(&packet->key, false);
	return MD_BEGIN_DONE;
}

/* Remembers the connection; false: draft->reason says why it cannot be. */
static __always_inline bool md_remember(struct __sk_buff *skb, const struct md_packet *packet, struct md_draft *draft)
{
	struct md_track *track = &draft->request;
	bool masquerades = false;

	draft->reason = MD_REASON_FORWARD_NO_SOURCE;
	if (track->forward == MD_FORWARD_NAT) {
		if (!md_choose_source(skb, packet, &track->destination, &draft->source, &masquerades))
			return false;
		if (!md_take_port(packet, draft, masquerades))
			return false;
	}
	draft->reason = MD_REASON_FORWARD_FULL;
	if (md_count_packet(packet, track) && md_times_packets())
		track->asked_ns = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&md_opening, &packet->key, track, BPF_ANY))
		return false;
	md_note_end(&packet->key.destination, packet->key.destination_port);
	md_note_end(&track->destination, track->destination_port);
	draft->reason = MD_REASON_FORWARD_NEW;
	return true;
}

#endif
