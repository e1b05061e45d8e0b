/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is remembered of forwarded connections: the only code that looks into md_tracks, md_opening and md_track_ends.
 *
 * A connection begins in md_opening and moves to md_tracks when its client has shown that it hears the backend: an
 * acknowledgement of what the backend said, or a datagram after its first answer. A flood of packets with invented
 * sources fills md_opening alone.
 */
#ifndef MESHD_LIB_TRACK_H
#define MESHD_LIB_TRACK_H

/* About a second, in which a busy connection is looked at closely once. */
#define MD_SAME_SECOND(a, b) ((a) >> 30 == (b) >> 30)

/* A RST whose sequence number is further from what was seen is not believed: its receiver will not, either. */
#define MD_RESET_WINDOW (1U << 20)

static __always_inline __u64 md_now(void)
{
	/* A few milliseconds behind, and no read of a clock. From 5.11 on. */
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_ktime_get_coarse_ns))
		return bpf_ktime_get_coarse_ns();
	return bpf_ktime_get_ns();
}

static __always_inline __u32 md_end_hash(const struct md_address *address, __be16 port)
{
	const __u32 *words = md_const_words(address);
	__u32 hash =
	        words[3] + words[2] * 0x9e3779b1 + words[1] * 0x85ebca6b + words[0] * 0xc2b2ae35 + port * 0x27d4eb2f;

	return ((hash ^ hash >> 15) * 0x9e3779b1) >> 16;
}

static __always_inline struct md_track_ends *md_ends(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&md_track_ends, &zero);
}

static __always_inline void md_note_end(const struct md_address *address, __be16 port)
{
	struct md_track_ends *ends = md_ends();

	if (ends)
		ends->seen[md_end_hash(address, port) % MD_TRACK_ENDS] = 1;
}

static __always_inline bool md_may_have_track(const struct md_track_key *key)
{
	const struct md_track_ends *ends = md_ends();

	return ends && (ends->seen[md_end_hash(&key->destination, key->destination_port) % MD_TRACK_ENDS] ||
	                ends->seen[md_end_hash(&key->source, key->source_port) % MD_TRACK_ENDS]);
}

static __always_inline struct md_track *md_find_track(const struct md_track_key *key, bool *opening)
{
	struct md_track *track = bpf_map_lookup_elem(&md_tracks, key);

	*opening = false;
	if (track)
		return track;
	*opening = true;
	return bpf_map_lookup_elem(&md_opening, key);
}

static __always_inline struct md_track *md_find_in(bool opening, const struct md_track_key *key)
{
	if (opening)
		return bpf_map_lookup_elem(&md_opening, key);
	return bpf_map_lookup_elem(&md_tracks, key);
}

static __always_inline void md_turn(struct md_track_key *key)
{
	struct md_address source = key->source;
	__be16 port = key->source_port;

	key->source = key->destination;
	key->source_port = key->destination_port;
	key->destination = source;
	key->destination_port = port;
}

/* The key of the entry for the other direction. */
static __always_inline void md_other_key(const struct md_track *track, __u8 protocol, struct md_track_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->source = track->destination;
	key->source_port = track->destination_port;
	key->destination = track->source;
	key->destination_port = track->source_port;
	key->protocol = protocol;
}

static __always_inline __u8 md_other_kind(__u8 kind)
{
	switch (kind) {
	case MD_TRACK_REQUEST:
		return MD_TRACK_REPLY;
	case MD_TRACK_REPLY:
		return MD_TRACK_REQUEST;
	case MD_TRACK_SOURCE:
		return MD_TRACK_RETURN;
	default:
		return MD_TRACK_SOURCE;
	}
}

static __always_inline bool md_is_from_client(const struct md_track *track)
{
	return track->kind == MD_TRACK_REQUEST || track->kind == MD_TRACK_SOURCE;
}

/* Destinations are translated coming in, sources leaving. */
static __always_inline bool md_is_for_incoming(const struct md_track *track)
{
	return track->kind == MD_TRACK_REQUEST || track->kind == MD_TRACK_RETURN;
}

/* Not seen for longer than its state allows. */
static __always_inline bool md_is_stale(__u8 state, __u64 seen_ns, __u64 now)
{
	__u32 zero = 0;
	const struct md_forwarding *forwarding = bpf_map_lookup_elem(&md_forwarding, &zero);

	return forwarding && seen_ns + forwarding->timeouts_s[state % 8] * MD_SECOND_NS < now;
}

/* A client's backend is kept for as long as it has connections, and for a while after the last. */
static __always_inline void md_refresh_affinity(const struct md_address *client, const struct md_track *track,
                                                __u64 now)
{
	struct md_affinity_key key = {.client = *client, .service_id = track->service_id};
	struct md_affinity *affinity = bpf_map_lookup_elem(&md_affinity, &key);

	if (affinity && affinity->backend_id == track->backend_id)
		affinity->seen_ns = now;
}

/* Either direction may be silent for long, or give way to others in a full table, while the other lives on: it is kept,
 * or made again. */
static __always_inline void md_restore_other(const struct md_track_key *key, const struct md_track *track,
                                             const struct md_track_key *other_key)
{
	struct md_track other = {};

	other.source = key->destination;
	other.source_port = key->destination_port;
	other.destination = key->source;
	other.destination_port = key->source_port;
	other.kind = md_other_kind(track->kind);
	other.state = track->state;
	other.fins = track->fins;
	other.service_id = track->service_id;
	other.backend_id = track->backend_id;
	other.device = track->device;
	other.start_ns = track->start_ns;
	other.seen_ns = track->seen_ns;
	bpf_map_update_elem(&md_tracks, other_key, &other, BPF_NOEXIST);
}

/* Once a second for each direction of a connection. false: it has been over for some time. */
static __noinline bool md_look_closely(const struct md_track_key *key, struct md_track *track, bool opening, __u64 now)
{
	struct md_track_key other_key;
	struct md_track *other = NULL;
	bool is_direct = track->forward == MD_FORWARD_DSR;
	__u64 seen_ns = track->seen_ns;

	md_other_key(track, key->protocol, &other_key);
	if (!is_direct)
		other = md_find_in(opening, &other_key);
	if (other && other->seen_ns > seen_ns)
		seen_ns = other->seen_ns;
	if (md_is_stale(track->state, seen_ns, now))
		return false;
	if (!other && !opening && !is_direct)
		md_restore_other(key, track, &other_key);
	if (track->kind == MD_TRACK_REQUEST)
		md_refresh_affinity(&key->source, track, now);
	return true;
}

static __always_inline void md_forget(const struct md_track_key *key)
{
	bpf_map_delete_elem(&md_tracks, key);
	bpf_map_delete_elem(&md_opening, key);
}

static __always_inline __u32 md_differs(const struct md_address *a, const struct md_address *b)
{
	const __u32 *left = md_const_words(a), *right = md_const_words(b);

	return (left[0] ^ right[0]) | (left[1] ^ right[1]) | (left[2] ^ right[2]) | (left[3] ^ right[3]);
}

/* What is left of an earlier connection would stand in the way of the next. The port of one that has been over for long
 * may be another one's by now: then the entry for the other direction is that one's, too. */
static __noinline void md_forget_pair(const struct md_track_key *key, const struct md_track *track)
{
	struct md_track_key other_key;
	const struct md_track *other;
	bool opening;

	md_other_key(track, key->protocol, &other_key);
	other = md_find_track(&other_key, &opening);
	if (other && !(md_differs(&other->source, &key->destination) | md_differs(&other->destination, &key->source) |
	               (__u32)(other->source_port ^ key->destination_port) |
	               (__u32)(other->destination_port ^ key->source_port)))
		md_forget(&other_key);
	md_forget(key);
}

/* A request that was translated at a device further down has no entry of its own, but that of its answers. */
static __noinline bool md_was_translated(const struct md_packet *packet)
{
	struct md_track_key key = packet->key;
	struct md_track *track;
	bool opening;

	md_turn(&key);
	track = md_find_track(&key, &opening);
	if (!track || track->kind != MD_TRACK_REPLY)
		return false;
	if (!md_opens_flow(packet) || track->state != MD_TRACK_CLOSED)
		return true;
	/* The client turns to the backend itself, from the port of a connection through the service that is over: the
	 * answers are not the service's. */
	md_forget_pair(&key, track);
	return false;
}

/* Payload that is new in this packet. */
static __always_inline __u32 md_count_packet(const struct md_packet *packet, struct md_track *track)
{
	__u32 bytes = md_new_bytes(packet, !track->packets, &track->next_seq);

	md_add_bytes(packet, &track->bytes, bytes);
	__sync_fetch_and_add(&track->packets, packet->segments);
	return bytes;
}

/* The first payload of an answer: the request's entry knows when it was asked for. */
static __noinline void md_note_answer(const struct md_packet *packet, const struct md_track *track, bool opening)
{
	struct md_track_key other_key;
	struct md_track *other;
	__u64 us;

	md_other_key(track, packet->key.protocol, &other_key);
	other = md_find_in(opening, &other_key);
	if (!other || !other->asked_ns)
		return;
	us = (bpf_ktime_get_ns() - other->asked_ns) / 1000;
	other->response_us = us ? us : 1; /* 0: not seen */
	other->asked_ns = 0;
}

/* A packet with new payload. Of TCP, an answer acknowledges more than the one before, so that bulk data costs no look
 * at the other direction. */
static __always_inline void md_time_track(const struct md_packet *packet, struct md_track *track, bool opening)
{
	if (track->kind == MD_TRACK_REQUEST) {
		track->asked_ns = bpf_ktime_get_ns();
		return;
	}
	if (track->kind != MD_TRACK_REPLY)
		return;
	if (packet->key.protocol == IPPROTO_TCP) {
		if (track->answered == packet->ack)
			return;
		track->answered = packet->ack;
	}
	md_note_answer(packet, track, opening);
}

static __always_inline void md_set_ends(struct md_track *track, __u8 fins)
{
	track->fins |= fins;
	if (track->state == MD_TRACK_OPENING && !(fins & MD_TRACK_RESET))
		return;
	if (track->fins & MD_TRACK_RESET ||
	    (track->fins & (MD_TRACK_FIN_REQUEST | MD_TRACK_FIN_REPLY)) == (MD_TRACK_FIN_REQUEST | MD_TRACK_FIN_REPLY))
		track->state = MD_TRACK_CLOSED;
	else if (track->fins & ~MD_TRACK_LIMITED)
		track->state = MD_TRACK_CLOSING;
}

/* Both sides have ended it, or one has reset it. */
static __always_inline void md_note_end_of(const struct md_packet *packet, const struct md_track *track,
                                           const struct md_track *other, bool opening)
{
	struct md_track_key other_key;

	if (!opening)
		md_tell_track(&packet->key, track, other, MD_FLOW_ENDED);
	if (track->kind != MD_TRACK_REQUEST && track->kind != MD_TRACK_REPLY)
		return;
	if (!opening)
		md_vitals_ended(track->backend_id);
	if (track->kind == MD_TRACK_REQUEST)
		other_key = packet->key;
	else
		md_other_key(track, packet->key.protocol, &other_key);
	md_limit_release_track(&other_key);
}

/* FIN or RST. */
static __noinline void md_note_ending(const struct md_packet *packet, struct md_track *track, bool opening)
{
	struct md_track_key other_key;
	struct md_track *other;
	__u8 fins = 0, before = track->state;

	if (packet->flags & MD_TCP_FIN)
		fins = md_is_from_client(track) ? MD_TRACK_FIN_REQUEST : MD_TRACK_FIN_REPLY;
	if (packet->flags & MD_TCP_RST &&
	    (opening || packet->seq - track->next_seq + MD_RESET_WINDOW <= 2 * MD_RESET_WINDOW))
		fins |= MD_TRACK_RESET;
	if (!(fins & ~track->fins))
		goto done;
	md_set_ends(track, fins);
	md_other_key(track, packet->key.protocol, &other_key);
	other = md_find_in(opening, &other_key);
	if (other)
		md_set_ends(other, fins);
	if (opening && track->kind == MD_TRACK_REPLY && fins & MD_TRACK_RESET)
		md_vitals_failed(track->service_id, track->backend_id, MD_FAILURE_REFUSED);
	if (before != MD_TRACK_CLOSED && track->state == MD_TRACK_CLOSED)
		md_note_end_of(packet, track, other, opening);
done:
	MD_RETURN_NOTHING();
}

/* Whether both sides have shown that they are there. `other`: NULL for direct server return. */
static __always_inline bool md_is_settled(const struct md_packet *packet, const struct md_track *track,
                                          const struct md_track *other)
{
	bool is_tcp = packet->key.protocol == IPPROTO_TCP;

	if (track->forward == MD_FORWARD_DSR)
		return is_tcp ? !(packet->flags & (MD_TCP_SYN | MD_TCP_RST)) : track->packets > 1;
	if (!other || !other->packets)
		return false;
	if (!is_tcp)
		return md_is_from_client(track) || track->packets > 1;
	/* Whoever invents an acknowledgement does not hit what was sent. */
	return md_is_from_client(track) && !(packet->flags & (MD_TCP_SYN | MD_TCP_RST)) &&
	       other->next_seq - packet->ack <= other->bytes;
}

static __always_inline void md_move(const struct md_track_key *key, const struct md_track *track, bool is_tcp)
{
	struct md_track moved = *track;

	if (moved.state == MD_TRACK_OPENING)
		moved.state = is_tcp ? MD_TRACK_ESTABLISHED : MD_TRACK_UDP;
	if (moved.fins)
		md_set_ends(&moved, 0);
	bpf_map_update_elem(&md_tracks, key, &moved, BPF_ANY);
	bpf_map_delete_elem(&md_opening, key);
}

/* A packet of a connection in md_opening: move both directions on when it is time. */
static __noinline void md_settle(const struct md_packet *packet, const struct md_track *track)
{
	bool is_tcp = packet->key.protocol == IPPROTO_TCP;
	struct md_track_key other_key;
	struct md_track *other = NULL;

	md_other_key(track, packet->key.protocol, &other_key);
	if (track->forward != MD_FORWARD_DSR)
		other = bpf_map_lookup_elem(&md_opening, &other_key);
	if (!md_is_settled(packet, track, other))
		return;
	md_tell_track(&packet->key, track, other, MD_FLOW_OPENED);
	if (is_tcp && (track->kind == MD_TRACK_REQUEST || track->kind == MD_TRACK_REPLY))
		md_vitals_settled(track->service_id, track->backend_id);
	if (other)
		md_move(&other_key, other, is_tcp);
	md_move(&packet->key, track, is_tcp);
	MD_RETURN_NOTHING();
}

/* A SYN that is sent again, for nobody answered, need not wait for a backend that has been taken out meanwhile. */
static __noinline bool md_has_lost_backend(const struct md_track *track)
{
	__u32 backend_id = track->backend_id;
	const struct md_backend *backend = bpf_map_lookup_elem(&md_backends, &backend_id);

	if (track->kind != MD_TRACK_REQUEST)
		return false;
	if (track->packets + 1 == MD_UNANSWERED_SYNS)
		md_vitals_failed(track->service_id, backend_id, MD_FAILURE_TIMED_OUT);
	return !backend || backend->state != MD_BACKEND_READY || !backend->weight ||
	       md_is_ejected(md_vitals_of(backend_id), bpf_ktime_get_ns());
}

/*
 * A packet that has a track: counts it and follows the connection. false: the track is over, and the packet begins
 * something new. Afterwards *track may be another connection's: what is needed of it has to be read before.
 */
static __always_inline bool md_still_runs(const struct md_packet *packet, struct md_track *track, bool opening,
                                          __u64 now)
{
	if (md_opens_flow(packet) && (track->state == MD_TRACK_CLOSED || (opening && md_has_lost_backend(track))))
		return false;
	return MD_SAME_SECOND(track->seen_ns, now) || md_look_closely(&packet->key, track, opening, now);
}

static __always_inline void md_follow(const struct md_packet *packet, struct md_track *track, bool opening, __u64 now)
{
	if (md_count_packet(packet, track) && md_times_packets())
		md_time_track(packet, track, opening);
	track->seen_ns = now;
	if (packet->flags & (MD_TCP_FIN | MD_TCP_RST))
		md_note_ending(packet, track, opening);
	if (opening)
		md_settle(packet, track);
}

#endif
