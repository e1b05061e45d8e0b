// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The response times of connections to services that do not take the short way: programs see each packet of local
 * sockets, so they are attached only when the configuration asks for it (flows.response_time).
 */
#include "lib/program.h"
#include "lib/traffic.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Payload of a TCP segment that starts with its IP header; 0 also for what has extension headers. A GSO packet is one
 * segment here. */
static __always_inline __u32 md_tcp_payload(struct __sk_buff *skb)
{
	__u32 ip_size, headers;
	__u8 byte;

	if (bpf_skb_load_bytes(skb, 0, &byte, sizeof(byte)))
		return 0;
	if (byte >> 4 == 4) {
		ip_size = (byte & 15) * 4;
	} else {
		ip_size = sizeof(struct ipv6hdr);
		if (bpf_skb_load_bytes(skb, offsetof(struct ipv6hdr, nexthdr), &byte, sizeof(byte)) ||
		    byte != IPPROTO_TCP)
			return 0;
	}
	/* The data offset is in the upper half of byte 12 (RFC 9293, 3.1). */
	if (bpf_skb_load_bytes(skb, ip_size + 12, &byte, sizeof(byte)))
		return 0;
	headers = ip_size + (byte >> 4) * 4;
	return skb->len > headers ? skb->len - headers : 0;
}

/* What the socket was told its peer is, when it is connected to a backend by TCP and the packet has payload. */
static __always_inline struct md_sock_peer *md_peer_of_payload(struct __sk_buff *skb, struct bpf_sock **sk)
{
	struct md_sock_peer *peer;

	*sk = skb->sk;
	if (!*sk)
		return NULL;
	*sk = bpf_sk_fullsock(*sk);
	if (!*sk)
		return NULL;
	peer = bpf_sk_storage_get(&md_sock_peer, *sk, NULL, 0);
	return peer && peer->followed == MD_FOLLOWED_OPEN && md_tcp_payload(skb) ? peer : NULL;
}

SEC("cgroup_skb/egress")
int md_response_out(struct __sk_buff *skb)
{
	struct bpf_sock *sk;
	struct md_sock_peer *peer = md_peer_of_payload(skb, &sk);

	if (peer)
		peer->asked_ns = bpf_ktime_get_ns();
	return MD_ALLOW;
}

SEC("cgroup_skb/ingress")
int md_response_in(struct __sk_buff *skb)
{
	struct bpf_sock *sk;
	struct md_sock_peer *peer = md_peer_of_payload(skb, &sk);
	struct md_traffic *traffic;
	__u64 us;

	if (!peer || !peer->asked_ns)
		return MD_ALLOW;
	us = (bpf_ktime_get_ns() - peer->asked_ns) / 1000;
	peer->asked_ns = 0;
	/* A pair's messages are timed by the program that sends them. */
	if (bpf_sk_storage_get(&md_sock_pair, sk, NULL, 0))
		return MD_ALLOW;
	peer->response_us = us ? us : 1;
	traffic = md_traffic_of(peer->peer.service_id, peer->peer.backend_id);
	if (traffic)
		md_note_time(&traffic->times[MD_TIMING_RESPONSE], us);
	return MD_ALLOW;
}
