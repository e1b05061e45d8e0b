/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The vitals of backends, from TCP connections of local sockets: when they are opened, established, answered and ended.
 * What that says for or against a backend is judged in lib/eject.h.
 * Independent of the records of flows, which may be off or full.
 */
#ifndef MESHD_LIB_VITALS_SOCKET_H
#define MESHD_LIB_VITALS_SOCKET_H

static __always_inline struct md_sock_peer *md_counted_peer(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct md_sock_peer *peer = sk ? bpf_sk_storage_get(&md_sock_peer, sk, NULL, 0) : NULL;

	return peer && peer->counted ? peer : NULL;
}

/* SYN is about to be sent: from here on the end is told, too. */
static __always_inline void md_vitals_connects(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct md_sock_peer *peer = sk ? bpf_sk_storage_get(&md_sock_peer, sk, NULL, 0) : NULL;
	struct md_vitals *vitals;

	if (!peer || !peer->peer.backend_id || peer->counted)
		return;
	vitals = md_vitals_of(peer->peer.backend_id);
	if (!vitals)
		return;
	bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
	peer->counted = 1;
	peer->counted_id = peer->peer.backend_id;
	peer->syn_ns = bpf_ktime_get_ns();
	md_vitals_add_open(vitals, 1);
}

static __always_inline void md_vitals_connected(struct bpf_sock_ops *ctx)
{
	struct md_sock_peer *peer = md_counted_peer(ctx);
	struct md_vitals *vitals = peer ? md_vitals_of(peer->counted_id) : NULL;
	__u64 now = bpf_ktime_get_ns();

	if (!vitals)
		return;
	md_vitals_note_connect(vitals, md_age(now, peer->syn_ns) / 1000, now);
	if (peer->unlisted)
		vitals->unlisted = 1; /* see lib/listener.h */
	md_judge_established(peer->peer.service_id, vitals);
}

/* An answer is timed when the conversation ends at once after it: from the last flight of the request, as TCP has noted
 * it. Idle for longer than this, and the end says nothing about the answer. */
#define MD_IDLE_JIFFIES 1

/* 0: the connection does not tell. */
static __always_inline __u32 md_response_time(__u64 socket, __u64 now)
{
	const struct tcp_sock *tp = (const struct tcp_sock *)md_kernel_socket(socket);
	const struct inet_connection_sock *icsk = (const struct inet_connection_sock *)tp;
	__u64 sent_us = BPF_CORE_READ(tp, first_tx_mstamp), now_us = now / 1000;
	__u32 idle = (__u32)bpf_jiffies64() - BPF_CORE_READ(icsk, icsk_ack.lrcvtime);

	if (!BPF_CORE_READ(tp, data_segs_out) || !BPF_CORE_READ(tp, data_segs_in) || idle > MD_IDLE_JIFFIES)
		return 0;
	return now_us > sent_us ? now_us - sent_us : 0;
}

/* The first FIN, of either side. By the short way the pair has measured it. */
static __always_inline void md_vitals_answered(struct bpf_sock_ops *ctx)
{
	struct md_sock_peer *peer = md_counted_peer(ctx);
	struct md_vitals *vitals = peer ? md_vitals_of(peer->counted_id) : NULL;
	__u64 now = bpf_ktime_get_ns(), cookie;
	const struct md_pair *pair;
	struct bpf_sock *sk = ctx->sk;
	__u32 response_us;

	if (!vitals || !sk)
		return;
	cookie = bpf_get_socket_cookie(ctx);
	pair = bpf_map_lookup_elem(&md_pairs, &cookie);
	response_us = pair && pair->response_us ? pair->response_us : md_response_time(md_address_of(sk), now);
	if (response_us)
		md_vitals_note_response(vitals, response_us, now);
}

/* Before md_end_closed(), which takes the pair away. */
static __always_inline void md_vitals_closed(struct bpf_sock_ops *ctx)
{
	struct md_sock_peer *peer = md_counted_peer(ctx);
	struct bpf_sock *sk = ctx->sk;
	struct md_vitals *vitals;

	if (!peer || !sk)
		return;
	peer->counted = 0;
	vitals = md_vitals_of(peer->counted_id);
	if (!vitals)
		return;
	md_vitals_add_open(vitals, -1);
	md_judge_closed(ctx, peer, vitals, md_address_of(sk));
}

#endif
