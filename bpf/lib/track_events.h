/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Telling those who watch flows of forwarded connections, as flows. After lib/draft.h, before lib/track.h. */
#ifndef MESHD_LIB_TRACK_EVENTS_H
#define MESHD_LIB_TRACK_EVENTS_H

static __always_inline void md_fill_way(struct md_flow_way *way, const struct md_track *track)
{
	way->bytes = track->bytes;
	way->packets = track->packets;
}

/* The connection in `draft`: its reply_key and request are key and entry of one direction, its reply is the entry of
 * the other, of kind 0 when there is none. Not static, so that the verifier looks at it once. */
__noinline int md_tell_drafted_track(__u32 change)
{
	__u32 zero = 0;
	const struct md_draft *of_cpu = bpf_map_lookup_elem(&draft, &zero);
	const struct md_track_key *key;
	const struct md_track *track, *other;
	struct md_flow_event *event;
	struct md_flow *flow;
	bool asks;

	event = of_cpu ? md_new_event(change) : NULL;
	if (!event)
		return 0;
	key = &of_cpu->reply_key;
	track = &of_cpu->request;
	other = &of_cpu->reply;
	asks = track->kind == MD_TRACK_REQUEST;
	flow = &event->flow;
	__builtin_memset(flow, 0, sizeof(*flow));
	if (asks) {
		flow->client = md_make_flow_key(&event->key, &key->source, key->source_port, &track->destination,
		                                track->destination_port, key->protocol);
		flow->service.address = key->destination;
		flow->service.port = key->destination_port;
	} else {
		flow->client = md_make_flow_key(&event->key, &track->destination, track->destination_port, &key->source,
		                                key->source_port, key->protocol);
		flow->service.address = track->source;
		flow->service.port = track->source_port;
	}
	flow->service.protocol = key->protocol;
	/* The client sends ways[flow->client]. */
	md_fill_way(flow->client == asks ? &flow->ways[1] : &flow->ways[0], track);
	md_fill_way(flow->client == asks ? &flow->ways[0] : &flow->ways[1], other);
	flow->response_us = asks ? track->response_us : other->response_us;
	flow->start_ns = track->start_ns;
	flow->seen_ns = bpf_ktime_get_ns();
	flow->service_id = track->service_id;
	flow->backend_id = track->backend_id;
	flow->device = track->device;
	flow->source = MD_FLOW_TRACK;
	flow->state = MD_FLOW_ESTABLISHED;
	if (change == MD_FLOW_ENDED)
		flow->state = track->fins & MD_TRACK_RESET ? MD_FLOW_RESET : MD_FLOW_CLOSED;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

static __always_inline bool md_draws_up(const struct md_track_key *key, const struct md_track *track,
                                        const struct md_track *other)
{
	__u32 zero = 0;
	struct md_draft *of_cpu = bpf_map_lookup_elem(&draft, &zero);

	if (!of_cpu)
		return false;
	of_cpu->reply_key = *key;
	of_cpu->request = *track;
	if (other)
		of_cpu->reply = *other;
	else
		__builtin_memset(&of_cpu->reply, 0, sizeof(of_cpu->reply));
	return true;
}

/* `key` and `track`: of one direction of a connection; `other`: the other one's, or NULL. The half of a translation
 * that leaves under an address of this node is none of its own. */
static __always_inline void md_tell_track(const struct md_track_key *key, const struct md_track *track,
                                          const struct md_track *other, enum md_flow_change change)
{
	const struct md_flow_config *config = md_following();

	if (config && config->watched && (track->kind == MD_TRACK_REQUEST || track->kind == MD_TRACK_REPLY) &&
	    md_draws_up(key, track, other))
		md_tell_drafted_track(change);
}

#endif
