/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The records of TCP connections of local sockets. A connection costs when it begins, is established and ends, and
 * nothing in between: what an open socket has sent is read from it when somebody asks (bpf/flows.bpf.c).
 */
#ifndef MESHD_LIB_FLOW_H
#define MESHD_LIB_FLOW_H

/* Which way of the record the socket sends. */
static __always_inline __u32 md_read_flow_key(struct bpf_sock_ops *ctx, struct md_flow_key *key)
{
	struct md_tuple tuple;

	md_read_tuple(ctx, true, &tuple);
	return md_make_flow_key(key, &tuple.client, tuple.client_port, &tuple.server, tuple.server_port, IPPROTO_TCP);
}

/* Whether a record's owner is the client of an accepted socket: their sequence numbers mirror each other, for the
 * server has sent nothing yet, and acknowledged nothing. */
static __always_inline bool md_is_its_client(const struct bpf_sock_ops *ctx, const struct md_flow *flow)
{
	const struct tcp_sock *client = (const struct tcp_sock *)md_kernel_socket(flow->socket);

	if (!flow->outgoing)
		return false;
	/* Its client has gone already. */
	if (flow->state >= MD_FLOW_CLOSED)
		return true;
	return BPF_CORE_READ(client, snd_una) == ctx->rcv_nxt && BPF_CORE_READ(client, rcv_nxt) == ctx->snd_nxt;
}

/* Nobody writes into a record any more. */
static __always_inline bool md_is_over(const struct md_flow *flow)
{
	return flow->source != MD_FLOW_SOCKET || flow->state >= MD_FLOW_CLOSED ||
	       !md_socket_is(flow->socket, flow->cookie);
}

/* The record that a socket is to own, empty. NULL: its client has one, or there is no room. */
static __always_inline struct md_flow *md_new_flow(struct bpf_sock_ops *ctx, struct md_flow_key *key, bool outgoing)
{
	static const struct md_flow none = {};

	for (int twin = 0; twin < MD_FLOW_TWINS; twin++) {
		struct md_flow *flow;
		long error;

		key->twin = twin;
		error = bpf_map_update_elem(&md_flows, key, &none, BPF_NOEXIST);
		if (error && error != -EEXIST)
			break;
		flow = bpf_map_lookup_elem(&md_flows, key);
		if (!flow || !error)
			return flow;
		if (!outgoing && flow->source == MD_FLOW_SOCKET && md_is_its_client(ctx, flow))
			return NULL;
		if (md_is_over(flow)) {
			__builtin_memset(flow, 0, sizeof(*flow));
			return flow;
		}
	}
	md_count(MD_REASON_FLOW_FULL);
	return NULL;
}

/* The record that a socket owns, or NULL. */
static __always_inline struct md_flow *md_own_flow(struct md_flow_key *key, __u64 socket)
{
	for (int twin = 0; twin < MD_FLOW_TWINS; twin++) {
		struct md_flow *flow;

		key->twin = twin;
		flow = bpf_map_lookup_elem(&md_flows, key);
		if (flow && flow->socket == socket)
			return flow;
	}
	return NULL;
}

static __always_inline struct md_flow *md_begin_flow(struct bpf_sock_ops *ctx, struct bpf_sock *sk,
                                                     struct md_flow_key *key, bool outgoing)
{
	__u32 way = md_read_flow_key(ctx, key);
	struct md_flow *flow;
	__u64 socket = md_address_of(sk);

	/* What devices saw of its handshake. */
	if (md_counts_devices())
		bpf_map_delete_elem(&md_device_flows, key);
	flow = md_new_flow(ctx, key, outgoing);
	if (!flow)
		return NULL;
	flow->start_ns = bpf_ktime_get_ns();
	flow->seen_ns = flow->start_ns;
	flow->cookie = bpf_get_socket_cookie(ctx);
	flow->cgroup = BPF_CORE_READ(md_cgroup(socket), kn, id);
	flow->client = outgoing ? way : !way;
	flow->outgoing = outgoing;
	flow->source = MD_FLOW_SOCKET;
	flow->socket = socket;
	return flow;
}

static __always_inline void md_ask_for_end(struct bpf_sock_ops *ctx)
{
	bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
}

/* connect() has chosen its addresses and is about to send SYN. */
static __always_inline void md_flow_connects(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct md_sock_peer *peer;
	struct md_flow_key key;
	struct md_flow *flow;

	if (!sk || !md_follows_sockets())
		return;
	md_ask_for_end(ctx);
	peer = bpf_sk_storage_get(&md_sock_peer, sk, NULL, 0);
	if (peer)
		peer->followed = peer->peer.backend_id ? MD_FOLLOWED_CONNECTING : MD_FOLLOWED_NOT;
	flow = md_begin_flow(ctx, sk, &key, true);
	if (!flow || !peer || !peer->peer.backend_id)
		return;
	flow->service_id = peer->peer.service_id;
	flow->backend_id = peer->peer.backend_id;
	flow->service = peer->peer.service;
}

static __always_inline void md_flow_connected(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct md_traffic *traffic = NULL;
	struct md_sock_peer *peer;
	struct md_flow_key key;
	struct md_flow *flow;

	if (!sk)
		return;
	peer = bpf_sk_storage_get(&md_sock_peer, sk, NULL, 0);
	if (peer && peer->followed == MD_FOLLOWED_CONNECTING) {
		traffic = md_traffic_of(peer->peer.service_id, peer->peer.backend_id);
		peer->followed = traffic ? MD_FOLLOWED_OPEN : MD_FOLLOWED_NOT;
	}
	if (traffic)
		traffic->opened += 1;
	/* What was followed from its SYN on is, whatever was decided meanwhile. */
	else if (!md_follows_sockets())
		return;
	md_read_flow_key(ctx, &key);
	flow = md_own_flow(&key, md_address_of(sk));
	if (!flow)
		return;
	flow->seen_ns = bpf_ktime_get_ns();
	flow->connect_us = (flow->seen_ns - flow->start_ns) / 1000;
	flow->rtt_us = ctx->srtt_us >> 3;
	flow->state = MD_FLOW_ESTABLISHED;
	if (traffic)
		md_note_time(&traffic->times[MD_TIMING_CONNECT], flow->connect_us);
	md_tell_flow(&key, flow, MD_FLOW_OPENED);
}

static __always_inline void md_flow_accepted(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct md_flow_key key;
	struct md_flow *flow;

	if (!sk || !md_follows_sockets())
		return;
	flow = md_begin_flow(ctx, sk, &key, false);
	if (!flow)
		return;
	flow->rtt_us = ctx->srtt_us >> 3;
	flow->state = MD_FLOW_ESTABLISHED;
	md_ask_for_end(ctx);
	md_tell_flow(&key, flow, MD_FLOW_OPENED);
}

/* How a connection ended. A close that both sides agree to leads through other states. */
static __always_inline enum md_flow_state md_end_state_of(__u64 socket, __u32 state)
{
	if (state == BPF_TCP_SYN_SENT)
		return MD_FLOW_FAILED;
	if (BPF_CORE_READ(md_kernel_socket(socket), sk_err))
		return MD_FLOW_RESET;
	if (state == BPF_TCP_ESTABLISHED || state == BPF_TCP_CLOSE_WAIT || state == BPF_TCP_FIN_WAIT1 ||
	    state == BPF_TCP_SYN_RECV)
		return MD_FLOW_RESET;
	return MD_FLOW_CLOSED;
}

static __always_inline void md_count_end(const struct md_sock_peer *peer, enum md_flow_state state,
                                         const struct md_socket_numbers *numbers)
{
	struct md_traffic *traffic = md_traffic_of(peer->peer.service_id, peer->peer.backend_id);

	if (!traffic)
		return;
	traffic->retransmits += numbers->retransmits;
	if (peer->followed == MD_FOLLOWED_CONNECTING) {
		traffic->failed += 1;
		return;
	}
	traffic->closed += 1;
	if (state == MD_FLOW_RESET)
		traffic->resets += 1;
	traffic->bytes_out += numbers->bytes_out;
	traffic->bytes_in += numbers->bytes_in;
	traffic->short_out += numbers->short_out;
	traffic->short_in += numbers->short_in;
	if (numbers->rtt_us)
		md_note_time(&traffic->times[MD_TIMING_RTT], numbers->rtt_us);
}

static __always_inline void md_fill_flow(struct md_flow *flow, const struct md_socket_numbers *numbers)
{
	/* Two branches: the verifier wants constant offsets. */
	struct md_flow_way *mine = &flow->ways[0], *other = &flow->ways[1];

	if (flow->client != !flow->outgoing) {
		mine = &flow->ways[1];
		other = &flow->ways[0];
	}
	mine->bytes = numbers->bytes_out;
	mine->bytes_short = numbers->short_out;
	mine->packets = numbers->packets_out;
	other->bytes = numbers->bytes_in;
	other->bytes_short = numbers->short_in;
	other->packets = numbers->packets_in;
	flow->rtt_us = numbers->rtt_us;
	flow->min_rtt_us = numbers->min_rtt_us;
	flow->retransmits = numbers->retransmits;
	flow->response_us = numbers->response_us;
}

/* A record that has ended stays until as many more have ended on this CPU. */
static __always_inline void md_keep_for_a_while(const struct md_flow_key *key, __u64 ended_ns)
{
	struct md_flow_ended *first, *ended;
	const struct md_flow *flow;
	__u32 slot = 0;

	first = bpf_map_lookup_elem(&md_flows_ended, &slot);
	if (!first)
		return;
	slot = first->next++ % MD_FLOWS_KEPT;
	ended = bpf_map_lookup_elem(&md_flows_ended, &slot);
	if (!ended)
		return;
	flow = ended->ended_ns ? bpf_map_lookup_elem(&md_flows, &ended->key) : NULL;
	if (flow && flow->state >= MD_FLOW_CLOSED && flow->seen_ns == ended->ended_ns)
		bpf_map_delete_elem(&md_flows, &ended->key);
	ended->key = *key;
	ended->ended_ns = ended_ns;
}

/* Before md_end_closed(), which takes the pair away. */
static __always_inline void md_flow_closed(struct bpf_sock_ops *ctx)
{
	struct md_socket_numbers numbers = {};
	struct bpf_sock *sk = ctx->sk;
	struct md_sock_peer *peer;
	enum md_flow_state state;
	struct md_flow_key key;
	struct md_flow *flow;
	__u64 socket;
	bool followed;

	if (!sk)
		return;
	socket = md_address_of(sk);
	peer = bpf_sk_storage_get(&md_sock_peer, sk, NULL, 0);
	followed = peer && peer->followed;
	md_read_flow_key(ctx, &key);
	flow = md_own_flow(&key, socket);
	if (!flow && !followed)
		return;
	bool outgoing = followed || flow->outgoing;

	md_read_socket(socket, outgoing, &numbers);
	if (outgoing)
		md_read_pair(bpf_get_socket_cookie(ctx), &numbers);
	state = md_end_state_of(socket, ctx->args[0]);
	if (followed) {
		if (!numbers.response_us)
			numbers.response_us = peer->response_us;
		md_count_end(peer, state, &numbers);
		peer->followed = MD_FOLLOWED_NOT;
	}
	if (!flow)
		return;
	md_fill_flow(flow, &numbers);
	flow->seen_ns = bpf_ktime_get_ns();
	flow->state = state;
	flow->socket = 0;
	md_tell_flow(&key, flow, MD_FLOW_ENDED);
	md_keep_for_a_while(&key, flow->seen_ns);
}

#endif
