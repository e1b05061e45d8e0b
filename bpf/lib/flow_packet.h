/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counts the packets of flows that are neither translated nor a socket's of this node: the only code that looks into
 * md_device_flows. Whoever fills that map with invented packets costs no socket its record, which is in md_flows.
 *
 * Each packet counts once, where it is first seen: coming in, whatever becomes of it; leaving, when it did not come in
 * by a device that counts, as what this node sends itself. A port of a bridge or bond that is looked at, too, hands up
 * what it takes in and is handed down what leaves: there its packets count, but for those that pass from port to port.
 * A device that is another name for packets of one that is looked at (macvlan) counts nothing.
 */
#ifndef MESHD_LIB_FLOW_PACKET_H
#define MESHD_LIB_FLOW_PACKET_H

/* SYN, SYN and ACK, ACK. Then its socket, if it has one here, has taken the record over. */
#define MD_HANDSHAKE_PACKETS 3

static __always_inline bool md_counts_here(const struct __sk_buff *skb, const struct md_device *device, bool incoming)
{
	__u32 from = skb->ingress_ifindex;
	const struct md_device *came_by;

	if (device->below == MD_BELOW_ITSELF)
		return false;
	if (incoming)
		return !device->below;
	came_by = from ? bpf_map_lookup_elem(&md_devices, &from) : NULL;
	return device->below ? came_by && came_by->below : !came_by;
}

#define MD_FIRST_USER_PORT 1024

/* Who opened a flow: the sender of SYN. Of a TCP stream that is under way, who uses the higher port, for servers have
 * low ones; of datagrams the first that sends, unless only a server has its port. */
static __always_inline __u8 md_flow_client(const struct md_packet *packet, __u32 way)
{
	__u16 source = bpf_ntohs(packet->key.source_port), destination = bpf_ntohs(packet->key.destination_port);
	bool sends_first = source >= destination;

	if (packet->key.protocol == IPPROTO_UDP)
		sends_first = source >= MD_FIRST_USER_PORT || destination < MD_FIRST_USER_PORT;
	else if (packet->flags & MD_TCP_SYN)
		sends_first = !(packet->flags & MD_TCP_ACK);
	return sends_first ? way : !way;
}

/* From the last payload of a request to the first of its answer. The coarse clock is too coarse for that. */
static __always_inline void md_time_answer(struct md_flow *flow, bool asks)
{
	__u64 us;

	if (asks) {
		flow->asked_ns = bpf_ktime_get_ns();
		return;
	}
	if (!flow->asked_ns)
		return;
	us = (bpf_ktime_get_ns() - flow->asked_ns) / 1000;
	flow->response_us = us ? us : 1; /* 0: not seen */
	flow->asked_ns = 0;
}

static __always_inline void md_count_flow_packet(const struct md_packet *packet, struct md_flow *flow, __u32 way)
{
	struct md_flow_way *mine = way ? &flow->ways[1] : &flow->ways[0];
	__u32 bytes = md_new_bytes(packet, !mine->packets, &mine->next_seq);

	md_add_bytes(packet, &mine->bytes, bytes);
	__sync_fetch_and_add(&mine->packets, packet->segments);
	if (bytes && md_times_packets())
		md_time_answer(flow, way == flow->client);
}

static __always_inline void md_follow_flow(const struct md_packet *packet, struct md_flow *flow, __u32 way)
{
	if (packet->flags & MD_TCP_FIN)
		flow->fins |= 1 << way;
	if (flow->state >= MD_FLOW_CLOSED)
		return;
	if (packet->flags & MD_TCP_RST)
		flow->state = MD_FLOW_RESET;
	else if (flow->fins == 3 && flow->state == MD_FLOW_ESTABLISHED)
		flow->state = MD_FLOW_CLOSED;
	else if (flow->state == MD_FLOW_OPENING && (way ? flow->ways[0].packets : flow->ways[1].packets))
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
	md_count_flow_packet(packet, &flow, way & 1);
	md_follow_flow(packet, &flow, way & 1);
	if (bpf_map_update_elem(&md_device_flows, key, &flow, BPF_ANY))
		md_count(MD_REASON_FLOW_FULL);
}

/* A packet of a flow that may settle or end with it. */
static __noinline void md_count_closely(const struct md_packet *packet, const struct md_flow_key *key,
                                        struct md_flow *flow, __u32 way)
{
	bool was_over = flow->state >= MD_FLOW_CLOSED;

	md_count_flow_packet(packet, flow, way);
	md_follow_flow(packet, flow, way & 1);
	flow->seen_ns = md_now();
	if (flow->state == MD_FLOW_ESTABLISHED && !flow->settled) {
		if (packet->key.protocol == IPPROTO_TCP &&
		    flow->ways[0].packets + flow->ways[1].packets <= MD_HANDSHAKE_PACKETS)
			return;
		flow->settled = 1;
		md_tell_flow(key, flow, MD_FLOW_OPENED);
	} else if (flow->settled && !was_over && flow->state >= MD_FLOW_CLOSED) {
		md_tell_flow(key, flow, MD_FLOW_ENDED);
	}
}

/* true: the flow is known, both sides have sent, and it goes on: nothing new begins with this packet. */
static __always_inline bool md_count_flow(const struct md_packet *packet, struct md_flow_key *key, __u32 *way)
{
	struct md_flow *flow = NULL;

	*way = md_make_flow_key(key, &packet->key.source, packet->key.source_port, &packet->key.destination,
	                        packet->key.destination_port, packet->key.protocol);
	if (md_opens_flow(packet))
		return false;
	/* Sockets have records of TCP alone. */
	if (key->protocol == IPPROTO_TCP)
		flow = bpf_map_lookup_elem(&md_flows, key);
	if (flow)
		return flow->state == MD_FLOW_ESTABLISHED;
	flow = bpf_map_lookup_elem(&md_device_flows, key);
	if (!flow || flow->state != MD_FLOW_ESTABLISHED)
		return false;
	if (!flow->settled || packet->flags & (MD_TCP_FIN | MD_TCP_RST)) {
		md_count_closely(packet, key, flow, *way);
	} else {
		md_count_flow_packet(packet, flow, *way);
		flow->seen_ns = md_now();
	}
	return true;
}

/* A flow that begins, or has not been answered yet, or is over. */
static __noinline void md_count_young_flow(const struct __sk_buff *skb, const struct md_packet *packet,
                                           const struct md_flow_key *key, __u32 way)
{
	const struct md_flow *of_socket = bpf_map_lookup_elem(&md_flows, key);
	struct md_flow *flow;

	/* The last packets of a socket that has closed are its own. */
	if (of_socket && (of_socket->state < MD_FLOW_CLOSED || !md_opens_flow(packet)))
		return;
	flow = bpf_map_lookup_elem(&md_device_flows, key);
	if (flow && !(flow->state >= MD_FLOW_CLOSED && md_opens_flow(packet)))
		md_count_closely(packet, key, flow, way);
	else
		md_begin_device_flow(skb, packet, key, way, md_now());
}

#endif
