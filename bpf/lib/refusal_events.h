/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Telling those who watch flows of what is refused at a device. */
#ifndef MESHD_LIB_REFUSAL_EVENTS_H
#define MESHD_LIB_REFUSAL_EVENTS_H

/* The packet in `draft` begins something, and is refused for an enum md_reason. Not static, so that the verifier looks
 * at it once. */
__noinline int md_tell_refused_packet(struct __sk_buff *skb, __u32 service_id, __u32 reason)
{
	__u32 zero = 0;
	const struct md_draft *of_cpu = bpf_map_lookup_elem(&draft, &zero);
	struct md_flow_event *event;
	const struct md_track_key *key;
	struct md_endpoint asked = {};

	if (!of_cpu)
		return 0;
	key = &of_cpu->packet.key;
	asked.address = key->destination;
	asked.port = key->destination_port;
	asked.protocol = key->protocol;
	event = md_new_refusal(&asked, service_id, reason);
	if (!event)
		return 0;
	event->flow.client = md_make_flow_key(&event->key, &key->source, key->source_port, &key->destination,
	                                      key->destination_port, key->protocol);
	event->flow.device = skb->ifindex;
	event->flow.source = service_id ? MD_FLOW_TRACK : MD_FLOW_DEVICE;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

#endif
