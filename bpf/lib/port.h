/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The port as which backends see a client, and the entries that go with it. */
#ifndef MESHD_LIB_PORT_H
#define MESHD_LIB_PORT_H

/* Source ports that are looked at for one connection, and those of them from which on one of a connection that has just
 * ended will do. With nine of ten ports taken, one connection in fifty finds none. */
#define MD_PORT_TRIES       32
#define MD_PORT_TRIES_SHARP 24

/* From one to the next. A prime, so that it leads to every port of a range. */
#define MD_PORT_STRIDE 40507

/* One comparison: the verifier follows each branch of each try. */
static __always_inline bool md_leads_alike(const struct md_track *a, const struct md_track *b)
{
	const __u64 *left = (const __u64 *)a, *right = (const __u64 *)b;

	/* both addresses, then both ports */
	return !((left[0] ^ right[0]) | (left[1] ^ right[1]) | (left[2] ^ right[2]) | (left[3] ^ right[3]) |
	         (__u64)(a->source_port ^ b->source_port) | (__u64)(a->destination_port ^ b->destination_port));
}

/* Whether a connection that has a key is over; with `sharp` only when it has not been seen for long. */
static __always_inline bool md_has_ended(const struct md_track *found, const struct md_track *track, bool sharp)
{
	return (!sharp && found->state == MD_TRACK_CLOSED) || md_is_stale(found->state, found->seen_ns, track->seen_ns);
}

/*
 * Takes a key for `track`: 0, -EEXIST when another connection has it, another error when there is no room. CPUs may
 * want one key at the same moment, so it is the insertion that decides. It comes before the look into md_tracks: a
 * connection that moves there is in both for a moment, and never in neither.
 */
static __noinline long md_claim(const struct md_track_key *key, const struct md_track *track, bool sharp)
{
	long error = bpf_map_update_elem(&md_opening, key, track, BPF_NOEXIST);
	const struct md_track *found;

	if (error == -EEXIST) {
		found = bpf_map_lookup_elem(&md_opening, key);
		if (found && md_leads_alike(found, track))
			return bpf_map_update_elem(&md_opening, key, track, BPF_ANY);
		/* Of those who delete it, only one is told that it was there. */
		if (found && (!md_has_ended(found, track, sharp) || bpf_map_delete_elem(&md_opening, key)))
			return -EEXIST;
		error = bpf_map_update_elem(&md_opening, key, track, BPF_NOEXIST);
	}
	if (error)
		return error;
	found = bpf_map_lookup_elem(&md_tracks, key);
	if (!found)
		return 0;
	if (md_leads_alike(found, track) || md_has_ended(found, track, sharp)) {
		bpf_map_delete_elem(&md_tracks, key);
		return 0;
	}
	bpf_map_delete_elem(&md_opening, key);
	return -EEXIST;
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

/* How a port is claimed. */
#define MD_CLAIM_MASQUERADED 1 /* an address of this node comes with it, so a second key has to be free */
#define MD_CLAIM_SHARP       2

/* The port, in network order, as which backends are to see the client of the connection in `draft`, with the entries
 * that go with it: 0, or as md_claim(). Not static, so that the verifier looks at it once, and not for each try. */
__noinline int md_claim_port(__u32 port, __u32 how)
{
	__u32 zero = 0;
	struct md_draft *new = bpf_map_lookup_elem(&draft, &zero);
	bool sharp = how & MD_CLAIM_SHARP;
	long error;

	if (!new)
		return -EEXIST; /* cannot be: each CPU has its own */
	new->reply_key.destination_port = port;
	error = md_claim(&new->reply_key, &new->reply, sharp);
	if (error || !(how & MD_CLAIM_MASQUERADED))
		return error;
	/* Second: of two connections of one client with this port, only the keys above lead to different ends. */
	new->return_key.destination_port = port;
	new->back.destination_port = port;
	error = md_claim(&new->return_key, &new->back, sharp);
	if (error)
		bpf_map_delete_elem(&md_opening, &new->reply_key);
	return error;
}

/* The client has a connection to the backend itself with the port that it would keep. */
static __noinline bool md_passes_already(const struct md_packet *packet, const struct md_track *request)
{
	const struct md_flow *flow;
	struct md_flow_key key;

	md_make_flow_key(&key, &packet->key.source, packet->key.source_port, &request->destination,
	                 request->destination_port, packet->key.protocol);
	flow = bpf_map_lookup_elem(&md_device_flows, &key);
	return flow && flow->state < MD_FLOW_CLOSED;
}

/*
 * A client keeps its port unless another connection of the same port goes to the same backend, through another service
 * or without one.
 * With an address of this node a port of md_forwarding is needed, which no socket of this node uses. 0: none is free.
 */
static __noinline __be16 md_find_port(const struct md_packet *packet, const struct md_draft *draft, bool masquerades)
{
	const struct md_forwarding *forwarding = md_forwarding_of_node();
	__u32 first, count, how = masquerades ? MD_CLAIM_MASQUERADED : 0;

	if (!masquerades && !md_passes_already(packet, &draft->request) &&
	    !md_claim_port(packet->key.source_port, MD_CLAIM_SHARP))
		return packet->key.source_port;
	if (!forwarding || !forwarding->first_port || forwarding->last_port < forwarding->first_port)
		return 0;
	first = forwarding->first_port;
	count = forwarding->last_port - first + 1;
	for (__u32 try = 0; try < MD_PORT_TRIES; try++) {
		__be16 port = bpf_htons(first + (draft->hash + try * MD_PORT_STRIDE) % count);

		if (!md_claim_port(port, try < MD_PORT_TRIES_SHARP ? how | MD_CLAIM_SHARP : how))
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
	draft->source_key.source_port = port;
	draft->onward.source_port = port;
	draft->reason = MD_REASON_FORWARD_FULL;
	return !masquerades || md_put(&draft->source_key, &draft->onward);
}

#endif
