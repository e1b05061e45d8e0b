// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Packets at the devices that configuration names (docs/forwarding.md): those for services are led to backends, the
 * others are counted.
 *
 * No packet is translated twice. Coming in only destinations are, by entries for that (REQUEST, RETURN); leaving only
 * sources (REPLY, SOURCE). What a packet has become on coming in is looked up once more at each device that it comes in
 * by next (a bridge above its port, a VLAN above its device) and where it leaves; each time it can meet:
 *   - client to backend: SOURCE, when the connection is masqueraded, which is its second half and runs where it leaves.
 *     REQUEST only where the backend's endpoint is itself the address of a service: then that service answers, as it
 *     would to the client.
 *   - backend to client (what RETURN makes): REPLY, which is its second half. RETURN only where the client's endpoint
 * is one that this node uses for translated sources, which no socket of it does.
 *   - service to client (what REPLY makes) or this node to backend (SOURCE): the packet is on its way out, below the
 *     device where that happened. An entry for leaving has a backend as its source, or as its destination with a client
 *     as the source; md_take_port() gives no connection a key that another one has.
 */
#include "lib/program.h"
#include "lib/count.h"
#include "lib/endpoint.h"
#include "lib/choose.h"
#include "lib/checksum.h"
#include "lib/verifier.h"
#include "lib/wire.h"
#include "lib/packet.h"
#include "lib/payload.h"
#include "lib/kernel_socket.h"
#include "lib/eject.h"
#include "lib/vitals_track.h"
#include "lib/flow_key.h"
#include "lib/flow_events.h"
#include "lib/draft.h"
#include "lib/refusal_events.h"
#include "lib/track_events.h"
#include "lib/limit.h"
#include "lib/limit_track.h"
#include "lib/track.h"
#include "lib/nat.h"
#include "lib/route.h"
#include "lib/direct.h"
#include "lib/port.h"
#include "lib/connection.h"
#include "lib/reject.h"
#include "lib/icmp.h"
#include "lib/flow_packet.h"
#include "lib/policy.h"
#include "lib/policy_packet.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline enum md_reason md_reason_of(const struct md_track *track)
{
	switch (track->kind) {
	case MD_TRACK_REQUEST:
		return MD_REASON_FORWARD_REQUEST;
	case MD_TRACK_REPLY:
		return MD_REASON_FORWARD_REPLY;
	case MD_TRACK_SOURCE:
		return MD_REASON_FORWARD_SOURCE;
	default:
		return MD_REASON_FORWARD_RETURN;
	}
}

/* What the track says becomes of the packet. */
static __always_inline int md_forward(struct __sk_buff *skb, const struct md_packet *packet,
                                      const struct md_track *track, enum md_reason *reason)
{
	if (track->forward == MD_FORWARD_DSR)
		return md_hand_over(skb, packet, &track->destination, reason);
	if (md_rewrite(skb, packet, track))
		return MD_NEXT;
	*reason = MD_REASON_FORWARD_UNWRITABLE;
	return MD_DROP;
}

/* A packet for a service without a usable backend. */
static __always_inline int md_turn_away(struct __sk_buff *skb, struct md_draft *new)
{
	const struct md_forwarding *forwarding = md_forwarding_of_node();
	int verdict = forwarding && forwarding->rejects ? md_reject(skb) : MD_DROP;

	if (verdict != MD_DROP)
		new->reason = MD_REASON_FORWARD_REFUSED;
	return verdict;
}

/* The connection in `draft` is about to begin. As md_limit_track(). Not static, as md_pass_new(), and for its reason.
 */
__noinline int md_limit_draft(struct __sk_buff *skb, __u32 service_id)
{
	__u32 zero = 0;
	struct md_draft *new = bpf_map_lookup_elem(&draft, &zero);

	/* An argument that is not used would not be passed, and the verifier asks for it. */
	asm volatile("" : : "r"(skb));
	if (!new)
		return MD_REASON_COUNT;
	new->request.fins = MD_TRACK_LIMITED;
	return md_limit_track(service_id, &new->packet.key);
}

/* It came to nothing. */
__noinline int md_limit_forget_draft(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct md_draft *new = bpf_map_lookup_elem(&draft, &zero);

	asm volatile("" : : "r"(skb));
	return new &&md_limit_release_track(&new->packet.key);
}

/* A connection that is refused though its service has backends. */
static __always_inline int md_turn_away_because(struct __sk_buff *skb, struct md_draft *new, enum md_reason why)
{
	int verdict = md_turn_away(skb, new);

	new->reason = why;
	return verdict;
}

/* The packet in `draft`. Not static, so that the verifier looks at it once, and not once for each way that leads here.
 */
__noinline int md_pass_new(struct __sk_buff *skb, __u32 service_id)
{
	__u32 zero = 0;
	struct md_draft *new = bpf_map_lookup_elem(&draft, &zero);

	if (!new)
		return MD_NEXT;
	if (!md_prepare(&new->packet, service_id, new))
		return MD_NEXT;
	if (md_is_encrypted(service_id))
		return md_turn_away_because(skb, new, MD_REASON_FORWARD_TLS);
	if (!new->backend_id)
		new->backend_id = (__u32)md_pick_backend(service_id, new->asked, new->seed_and_hash, 0, new->now_ns);
	switch (md_begin(skb, &new->packet, service_id, new)) {
	case MD_BEGIN_NOT:
		return MD_NEXT;
	case MD_BEGIN_DROP:
		return md_turn_away(skb, new);
	default:
		break;
	}
	if (md_begins(&new->packet)) {
		int too_many = md_limit_draft(skb, service_id);

		if (too_many != MD_REASON_COUNT)
			return md_turn_away_because(skb, new, too_many);
	}
	if (!md_remember(skb, &new->packet, new)) {
		md_limit_forget_draft(skb);
		return MD_DROP;
	}
	return md_forward(skb, &new->packet, &new->request, &new->reason);
}

static __always_inline bool md_is_refused(int verdict, enum md_reason reason)
{
	return verdict == MD_DROP || reason == MD_REASON_FORWARD_REFUSED || reason == MD_REASON_LIMIT_CONNECTIONS ||
	       reason == MD_REASON_LIMIT_RATE || reason == MD_REASON_FORWARD_TLS;
}

/* A packet for a service, and no known connection's. */
static __always_inline int md_begin_connection(struct __sk_buff *skb, const struct md_packet *packet, __u32 service_id,
                                               enum md_reason *reason)
{
	struct md_draft *new = md_put_draft(packet);
	int verdict;

	if (!new)
		return MD_NEXT;
	new->reason = MD_REASON_PACKET_NOT_OURS;
	verdict = md_pass_new(skb, service_id);
	*reason = new->reason;
	if (md_begins(packet) && md_is_refused(verdict, *reason))
		md_tell_refused_packet(skb, service_id, *reason);
	return verdict;
}

static __always_inline int md_pass_error(struct __sk_buff *skb, const struct md_packet *packet, bool incoming,
                                         enum md_reason *reason)
{
	struct md_address backend;
	int verdict = md_pass_icmp(skb, packet, incoming, &backend, reason);

	if (*reason == MD_REASON_FORWARD_DSR)
		verdict = md_hand_over(skb, packet, &backend, reason);
	return verdict;
}

static __always_inline bool md_denies(struct __sk_buff *skb, const struct md_packet *packet, bool incoming)
{
	if (!md_policy_drops(skb, packet, incoming))
		return false;
	md_tell_refused_packet(skb, md_service_asked(packet), MD_REASON_POLICY_DENIED);
	return true;
}

static __always_inline int md_pass(struct __sk_buff *skb, bool incoming)
{
	__u32 ifindex = skb->ifindex, service_id = 0, way = 0;
	const struct md_device *device = bpf_map_lookup_elem(&md_devices, &ifindex);
	enum md_reason reason = MD_REASON_PACKET_NOT_OURS;
	bool opening = false, counts = false, translated = false, unasked, known_end;
	struct md_flow_key flow_key;
	struct md_track *track = NULL;
	struct md_packet packet = {};
	int verdict = MD_NEXT;

	if (!device)
		return MD_NEXT;
	if (!md_understand(skb, device, &packet, &reason)) {
		if (md_policy_drops_unread(skb, &packet, incoming)) {
			if (packet.hidden != MD_HIDDEN_ALL)
				md_tell_refused_packet(
				        skb, 0, packet.hidden ? MD_REASON_POLICY_UNREAD : MD_REASON_POLICY_DENIED);
			return MD_DROP; /* counted */
		}
		goto done;
	}
	if (packet.key.protocol != IPPROTO_TCP && packet.key.protocol != IPPROTO_UDP) {
		verdict = md_pass_error(skb, &packet, incoming, &reason);
		goto done;
	}
	known_end = md_may_have_track(&packet.key);
	if (known_end)
		track = md_find_track(&packet.key, &opening);
	if (track && md_is_for_incoming(track) == incoming) {
		__u64 now = md_now();

		/* Anything but a SYN begins a track unasked: the SYN is asked about whatever was there before it. */
		unasked = incoming && track->kind == MD_TRACK_REQUEST && md_opens_flow(&packet);
		if (unasked && md_denies(skb, &packet, incoming))
			return MD_DROP; /* counted */
		unasked = unasked && md_limit_was_passed(track, opening);
		if (!unasked && md_still_runs(&packet, track, opening, now)) {
			reason = md_reason_of(track);
			verdict = md_blur(md_forward(skb, &packet, track, &reason), now);
			reason = md_blur(reason, now);
			md_follow(&packet, track, opening, now);
			goto done;
		}
		md_forget_pair(&packet.key, track);
		track = NULL;
	}
	/* The other half of its translation is elsewhere. */
	if (track)
		goto done;
	translated = known_end && md_was_translated(&packet);
	/* What came in by another device was asked about there, under the address that the client used. */
	if (!translated && md_denies(skb, &packet, incoming))
		return MD_DROP; /* counted */
	counts = md_counts_devices() && md_counts_here(skb, device, incoming);
	if (counts && md_count_flow(&packet, &flow_key, &way))
		goto done;
	if (incoming)
		service_id = md_service_asked(&packet);
	if (service_id) {
		verdict = md_begin_connection(skb, &packet, service_id, &reason);
		if (reason != MD_REASON_PACKET_NOT_OURS)
			goto done;
	}
	if (counts && !translated)
		md_count_young_flow(skb, &packet, &flow_key, way);
done:
	md_count(reason);
	return verdict;
}

SEC("tc")
int md_ingress(struct __sk_buff *skb)
{
	return md_pass(skb, true);
}

SEC("tc")
int md_egress(struct __sk_buff *skb)
{
	return md_pass(skb, false);
}
