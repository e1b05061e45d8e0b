/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The first packet of a forwarded connection: to which service, which backend, under which source. */
#ifndef MESHD_LIB_CONNECTION_H
#define MESHD_LIB_CONNECTION_H

/* Source ports that are looked at for one connection, and those of them from which on one of a connection that has just
 * ended will do. With nine of ten ports taken, one connection in fifty finds none. */
#define MD_PORT_TRIES       32
#define MD_PORT_TRIES_SHARP 24

/* A connection that is being made. In a map, for the stack has no room; nothing interrupts a program at a device by
 * another one on the same CPU. */
struct md_draft {
	struct md_packet packet;
	struct md_track request;
	struct md_track_key reply_key;
	struct md_track reply;
	/* When the connection is masqueraded. */
	struct md_address source; /* of this node */
	struct md_track_key source_key, return_key;
	struct md_track onward, back;
	__u32 hash; /* of the client */
	enum md_reason reason;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct md_draft);
} draft SEC(".maps");

static __always_inline const struct md_forwarding *md_forwarding_of_node(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&md_forwarding, &zero);
}

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
	if (!forwarding || !forwarding->node_ports || !bpf_map_lookup_elem(&md_locals, &asked.address))
		return 0;
	__builtin_memset(&asked.address, 0, sizeof(asked.address));
	if (packet->is_v4)
		md_words(&asked.address)[2] = MD_MAPPED_PREFIX;
	return md_service_of(&asked);
}

/* The backend that the client had last, or NULL. */
static __always_inline const struct md_backend *md_kept_backend(const struct md_packet *packet, __u32 service_id,
                                                                __u32 affinity_s, __u64 now, __u32 *backend_id)
{
	struct md_affinity_key key = {.client = packet->key.source, .service_id = service_id};
	const struct md_affinity *affinity = bpf_map_lookup_elem(&md_affinity, &key);
	const struct md_backend *backend;

	if (!affinity || affinity->seen_ns + affinity_s * MD_SECOND_NS < now)
		return NULL;
	*backend_id = affinity->backend_id;
	backend = md_backend_of(affinity->backend_id, service_id, packet->is_v4);
	return backend && backend->state == MD_BACKEND_READY && backend->weight ? backend : NULL;
}

static __always_inline const struct md_backend *md_choose_backend(const struct md_packet *packet, __u32 service_id,
                                                                  void *slots, const struct md_table *table, __u64 now,
                                                                  __u32 *backend_id)
{
	const struct md_backend *backend = NULL;
	__u32 hash = md_hash_of(&packet->key, table->affinity_s);
	bool found;

	if (table->affinity_s)
		backend = md_kept_backend(packet, service_id, table->affinity_s, now, backend_id);
	if (backend)
		return backend;
	*backend_id = md_maglev_backend(service_id, packet->is_v4, hash, &found);
	if (!found)
		*backend_id = md_slot_backend(slots, table, packet->is_v4, hash);
	return *backend_id ? md_backend_of(*backend_id, service_id, packet->is_v4) : NULL;
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

/* One comparison: the verifier follows each branch of each try. */
static __always_inline bool md_leads_alike(const struct md_track *a, const struct md_track *b)
{
	const __u64 *left = (const __u64 *)a, *right = (const __u64 *)b;

	/* both addresses, then both ports */
	return !((left[0] ^ right[0]) | (left[1] ^ right[1]) | (left[2] ^ right[2]) | (left[3] ^ right[3]) |
	         (__u64)(a->source_port ^ b->source_port) | (__u64)(a->destination_port ^ b->destination_port));
}

/* Whether a key can be had for `track`. Not when another connection has it, unless that is over; with `sharp` it is
 * over only when it has not been seen for long. */
static __noinline bool md_is_free(const struct md_track_key *key, const struct md_track *track, bool sharp)
{
	const struct md_track *found = bpf_map_lookup_elem(&md_tracks, key);

	if (!found)
		found = bpf_map_lookup_elem(&md_opening, key);
	if (!found || md_leads_alike(found, track))
		return true;
	return (!sharp && found->state == MD_TRACK_CLOSED) || md_is_stale(found->state, found->seen_ns, track->seen_ns);
}

static __always_inline bool md_put(const struct md_track_key *key, const struct md_track *track)
{
	/* Looking is cheaper than deleting what is not there, which takes a lock. */
	if (bpf_map_lookup_elem(&md_tracks, key))
		bpf_map_delete_elem(&md_tracks, key);
	return !bpf_map_update_elem(&md_opening, key, track, BPF_ANY);
}

/* The entry for answers to `track` of a packet with `key`. */
static __always_inline void md_mirror(const struct md_track_key *key, const struct md_track *track,
                                      struct md_track *other)
{
	*other = *track;
	other->kind = md_other_kind(track->kind);
	other->source = key->destination;
	other->source_port = key->destination_port;
	other->destination = key->source;
	other->destination_port = key->source_port;
}

/* The port as which backends are to see the client: can this connection have it? */
static __always_inline bool md_port_is_free(struct md_draft *draft, bool masquerades, __be16 port, bool sharp)
{
	draft->reply_key.destination_port = port;
	if (!md_is_free(&draft->reply_key, &draft->reply, sharp))
		return false;
	if (!masquerades)
		return true;
	draft->return_key.destination_port = port;
	draft->back.destination_port = port;
	return md_is_free(&draft->return_key, &draft->back, sharp);
}

/*
 * A client keeps its port unless another connection of the same port goes to the same backend, through another service.
 * With an address of this node a port of md_forwarding is needed, which no socket of this node uses. 0: none is free.
 */
static __noinline __be16 md_find_port(const struct md_packet *packet, struct md_draft *draft, bool masquerades)
{
	const struct md_forwarding *forwarding = md_forwarding_of_node();
	__u32 first, count;

	if (!masquerades && md_port_is_free(draft, false, packet->key.source_port, true))
		return packet->key.source_port;
	if (!forwarding || !forwarding->first_port || forwarding->last_port < forwarding->first_port)
		return 0;
	first = forwarding->first_port;
	count = forwarding->last_port - first + 1;
	for (__u32 try = 0; try < MD_PORT_TRIES; try++) {
		__be16 port = bpf_htons(first + (draft->hash + try * 0x9e37) % count);

		if (md_port_is_free(draft, masquerades, port, try < MD_PORT_TRIES_SHARP))
			return port;
	}
	return 0;
}

/* What becomes of answers on their way out, and of a masqueraded connection's packets in their second translation. */
static __always_inline void md_draw_up(const struct md_packet *packet, struct md_draft *draft, bool masquerades)
{
	struct md_track *request = &draft->request;

	md_other_key(request, packet->key.protocol, &draft->reply_key);
	md_mirror(&packet->key, request, &draft->reply);
	if (!masquerades)
		return;
	draft->source_key = draft->reply_key;
	md_turn(&draft->source_key);
	draft->onward = *request;
	draft->onward.kind = MD_TRACK_SOURCE;
	draft->onward.source = draft->source;
	md_other_key(&draft->onward, packet->key.protocol, &draft->return_key);
	md_mirror(&draft->source_key, &draft->onward, &draft->back);
}

/* Takes a port and the entries that go with it; false: draft->reason says why not. */
static __noinline bool md_take_port(const struct md_packet *packet, struct md_draft *draft, bool masquerades)
{
	__be16 port;

	md_draw_up(packet, draft, masquerades);
	port = md_find_port(packet, draft, masquerades);
	draft->reason = MD_REASON_FORWARD_NO_SOURCE;
	if (!port)
		return false;
	draft->request.source_port = port;
	draft->reason = MD_REASON_FORWARD_FULL;
	if (!md_put(&draft->reply_key, &draft->reply))
		return false;
	draft->source_key.source_port = port;
	draft->onward.source_port = port;
	return !masquerades || (md_put(&draft->return_key, &draft->back) && md_put(&draft->source_key, &draft->onward));
}

enum md_begin {
	MD_BEGIN_NOT, /* no service that is forwarded */
	MD_BEGIN_DONE,
	MD_BEGIN_DROP,
};

/* Chooses the backend of a packet for a service that no track is known of. */
static __noinline enum md_begin md_begin(struct __sk_buff *skb, const struct md_packet *packet, __u32 service_id,
                                         struct md_draft *draft)
{
	__u64 now = md_now();
	__u32 zero = 0, backend_id = 0;
	void *slots = bpf_map_lookup_elem(&md_tables, &service_id);
	const struct md_slot *head = slots ? bpf_map_lookup_elem(slots, &zero) : NULL;
	struct md_track *track = &draft->request;
	const struct md_backend *backend;

	if (!head || head->table.forward == MD_FORWARD_NONE)
		return MD_BEGIN_NOT;
	backend = md_choose_backend(packet, service_id, slots, &head->table, now, &backend_id);
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
	md_count_packet(packet, track);
	if (bpf_map_update_elem(&md_opening, &packet->key, track, BPF_ANY))
		return false;
	md_note_end(&packet->key.destination, packet->key.destination_port);
	md_note_end(&track->destination, track->destination_port);
	draft->reason = MD_REASON_FORWARD_NEW;
	return true;
}

#endif
