/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counts the packets of flows that are neither translated nor a socket's of this node.
 *
 * Each packet counts once, where it is first seen: coming in, whatever becomes of it; leaving, when it did not come in
 * by a device that counts, as what this node sends itself. A port of a bridge or bond that is looked at, too, hands up
 * what it takes in and is handed down what leaves: there its packets count, but for those that pass from port to port.
 */
#ifndef MESHD_LIB_FLOW_PACKET_H
#define MESHD_LIB_FLOW_PACKET_H

static __always_inline bool md_counts_devices(void)
{
	__u32 zero = 0;
	const struct md_flow_config *config = bpf_map_lookup_elem(&md_flow_config, &zero);

	return config && config->devices;
}

static __always_inline bool md_counts_here(const struct __sk_buff *skb, const struct md_device *device, bool incoming)
{
	__u32 from = skb->ingress_ifindex;
	const struct md_device *came_by;

	if (incoming)
		return !device->below;
	came_by = from ? bpf_map_lookup_elem(&md_devices, &from) : NULL;
	return device->below ? came_by && came_by->below : !came_by;
}

/* Who opened a flow: the sender of SYN, else who uses the higher port, for servers have low ones. */
static __always_inline __u8 md_flow_client(const struct md_packet *packet, __u32 way)
{
	bool sends_first = bpf_ntohs(packet->key.source_port) >= bpf_ntohs(packet->key.destination_port);

	if (packet->flags & MD_TCP_SYN)
		sends_first = !(packet->flags & MD_TCP_ACK);
	return sends_first ? way : !way;
}

static __always_inline bool md_opens_flow(const struct md_packet *packet)
{
	return (packet->flags & (MD_TCP_SYN | MD_TCP_ACK)) == MD_TCP_SYN;
}

static __always_inline void md_count_flow_packet(const struct md_packet *packet, struct md_flow_way *way)
{
	__u32 bytes = md_new_bytes(packet, !way->packets, &way->next_seq);

	md_add_bytes(packet, &way->bytes, bytes);
	__sync_fetch_and_add(&way->packets, packet->segments);
}

static __always_inline void md_follow_flow(const struct md_packet *packet, struct md_flow *flow, __u32 way)
{
	if (packet->flags & MD_TCP_FIN)
		flow->fins |= 1 << way;
	if (packet->flags & MD_TCP_RST)
		flow->state = MD_FLOW_RESET;
	else if (flow->fins == 3 && flow->state == MD_FLOW_ESTABLISHED)
		flow->state = MD_FLOW_CLOSED;
	else if (flow->state == MD_FLOW_OPENING && flow->ways[!way].packets)
		flow->state = MD_FLOW_ESTABLISHED;
}

static __noinline void md_begin_device_flow(const struct __sk_buff *skb, const struct md_packet *packet,
                                            const struct md_flow_key *key, __u32 way, __u64 now)
{
	struct md_flow flow = {};

	flow.start_ns = flow.seen_ns = now;
	flow.source = MD_FLOW_DEVICE;
	flow.device = skb->ifindex;
	flow.client = md_flow_client(packet, way);
	md_count_flow_packet(packet, &flow.ways[way & 1]);
	md_follow_flow(packet, &flow, way & 1);
	if (bpf_map_update_elem(&md_flows, key, &flow, BPF_ANY))
		md_count(MD_REASON_FLOW_FULL);
}

/* true: the flow is known, both sides have sent, and it goes on: nothing new begins with this packet. */
static __always_inline bool md_count_flow(const struct md_packet *packet, struct md_flow_key *key, __u32 *way)
{
	struct md_flow *flow;

	*way = md_make_flow_key(key, &packet->key.source, packet->key.source_port, &packet->key.destination,
	                        packet->key.destination_port, packet->key.protocol);
	flow = bpf_map_lookup_elem(&md_flows, key);
	if (!flow || flow->state != MD_FLOW_ESTABLISHED || md_opens_flow(packet))
		return false;
	if (flow->source == MD_FLOW_DEVICE) {
		md_count_flow_packet(packet, *way ? &flow->ways[1] : &flow->ways[0]);
		flow->seen_ns = md_now();
		if (packet->flags & (MD_TCP_FIN | MD_TCP_RST))
			md_follow_flow(packet, flow, *way);
	}
	return true;
}

/* A flow that begins, or has not been answered yet, or is over. */
static __noinline void md_count_young_flow(const struct __sk_buff *skb, const struct md_packet *packet,
                                           const struct md_flow_key *key, __u32 way)
{
	struct md_flow *flow = bpf_map_lookup_elem(&md_flows, key);
	__u64 now = md_now();

	if (!flow || (flow->source == MD_FLOW_DEVICE && flow->state >= MD_FLOW_CLOSED && md_opens_flow(packet))) {
		md_begin_device_flow(skb, packet, key, way, now);
		return;
	}
	if (flow->source != MD_FLOW_DEVICE)
		return;
	md_count_flow_packet(packet, way ? &flow->ways[1] : &flow->ways[0]);
	md_follow_flow(packet, flow, way & 1);
	flow->seen_ns = now;
}

#endif
