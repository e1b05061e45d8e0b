/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether flows are followed, and telling those who watch them. Needs lib/kernel_socket.h and lib/count.h. */
#ifndef MESHD_LIB_FLOW_EVENTS_H
#define MESHD_LIB_FLOW_EVENTS_H

static __always_inline const struct md_flow_config *md_following(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&md_flow_config, &zero);
}

static __always_inline bool md_follows_sockets(void)
{
	const struct md_flow_config *config = md_following();

	return config && config->sockets;
}

static __always_inline bool md_counts_devices(void)
{
	const struct md_flow_config *config = md_following();

	return config && config->devices;
}

/* Reading the fine clock costs about as much as all the rest of counting a packet. */
static __always_inline bool md_times_packets(void)
{
	const struct md_flow_config *config = md_following();

	return config && config->timed;
}

/* NULL: nobody watches, or the watcher is behind. */
static __always_inline struct md_flow_event *md_new_event(enum md_flow_change change)
{
	const struct md_flow_config *config = md_following();
	struct md_flow_event *event;

	if (!config || !config->watched)
		return NULL;
	event = bpf_ringbuf_reserve(&md_flow_events, sizeof(*event), 0);
	if (!event) {
		md_count(MD_REASON_FLOW_UNTOLD);
		return NULL;
	}
	event->change = change;
	event->reason = 0; /* MD_FLOW_END_SEEN */
	event->reserved[0] = 0;
	event->reserved[1] = 0;
	return event;
}

static __always_inline void md_tell_flow(const struct md_flow_key *key, const struct md_flow *flow,
                                         enum md_flow_change change)
{
	struct md_flow_event *event = md_new_event(change);

	if (!event)
		return;
	event->key = *key;
	event->flow = *flow;
	bpf_ringbuf_submit(event, 0);
}

/* An event without its key. NULL as md_new_event(). */
static __always_inline struct md_flow_event *md_new_refusal(const struct md_endpoint *asked, __u32 service_id,
                                                            enum md_reason reason)
{
	struct md_flow_event *event = md_new_event(MD_FLOW_REFUSED);

	if (!event)
		return NULL;
	event->reason = reason;
	__builtin_memset(&event->key, 0, sizeof(event->key));
	__builtin_memset(&event->flow, 0, sizeof(event->flow));
	event->flow.start_ns = bpf_ktime_get_ns();
	event->flow.seen_ns = event->flow.start_ns;
	event->flow.service_id = service_id;
	event->flow.service = *asked;
	event->flow.state = MD_FLOW_FAILED;
	return event;
}

/* A call was refused. The socket may have no address yet: only the asked-for end stands in the key. */
static __always_inline void md_tell_refused(struct bpf_sock *sk, const struct md_endpoint *asked, __u32 service_id,
                                            enum md_reason reason)
{
	struct md_flow_event *event = md_new_refusal(asked, service_id, reason);

	if (!event)
		return;
	event->key.high = asked->address;
	event->key.high_port = asked->port;
	event->key.protocol = asked->protocol;
	event->flow.cgroup = BPF_CORE_READ(md_cgroup(md_address_of(sk)), kn, id);
	event->flow.outgoing = 1;
	event->flow.source = MD_FLOW_SOCKET;
	bpf_ringbuf_submit(event, 0);
}

#endif
