/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From connect() to the listener's end: the client's socket knows where it was to go (md_sock_peer), and tells it under
 * the addresses that the listener's end will have.
 */
#ifndef MESHD_LIB_STEER_SOCKET_H
#define MESHD_LIB_STEER_SOCKET_H

static __always_inline __u32 md_identity(enum md_identity_kind kind, __u64 value)
{
	struct md_identity_key key = {.value = value, .kind = kind};
	const __u32 *number = bpf_map_lookup_elem(&md_identities, &key);

	return number ? *number : 0;
}

/* Whose certificate the socket's connections go out under: that of the deepest cgroup above it that has one, else that
 * of its user; 0: the node's. A function of its own for the verifier. */
__weak __noinline __u32 md_identity_of(__u64 socket)
{
	const struct cgroup *cgroup = md_cgroup(socket);
	__u32 found = 0;

	for (__u32 level = 0; cgroup && level < MD_POLICY_LEVELS; level++) {
		__u64 id = md_ancestor(cgroup, level);
		__u32 number;

		if (!id)
			break;
		number = md_identity(MD_IDENTITY_CGROUP, id);
		if (number)
			found = number;
	}
	return found ? found : md_identity(MD_IDENTITY_USER, md_user(socket));
}

static __always_inline void md_read_steered_key(struct bpf_sock_ops *ctx, bool is_client, __u64 socket,
                                                struct md_steered_key *key)
{
	md_read_tuple(ctx, is_client, &key->tuple);
	key->netns = md_is_loopback(&key->tuple.server) ? md_namespace(socket) : 0;
}

static __always_inline struct md_sock_peer *md_steered_peer(struct bpf_sock *sk)
{
	struct md_sock_peer *peer = bpf_sk_storage_get(&md_sock_peer, sk, NULL, 0);

	return peer && peer->peer.backend_id && peer->steered ? peer : NULL;
}

/* SYN is about to be sent, and the socket has its port. */
static __always_inline void md_steer_connects(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct md_sock_peer *peer = sk ? md_steered_peer(sk) : NULL;
	struct md_steered_key key = {};
	struct md_steered steered = {};
	__u64 socket;

	if (!peer)
		return;
	socket = md_address_of(sk);
	bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
	md_read_steered_key(ctx, true, socket, &key);
	steered.service = peer->peer.service;
	steered.backend = peer->peer.backend;
	steered.service_id = peer->peer.service_id;
	steered.backend_id = peer->peer.backend_id;
	steered.identity = md_identity_of(socket);
	steered.user = md_user(socket);
	if (bpf_map_update_elem(&md_steered, &key, &steered, BPF_ANY))
		md_count(MD_REASON_TLS_FORGOTTEN);
}

/* It closes: its listener's end has taken the entry out long ago, unless there was none. */
static __always_inline void md_steer_closed(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct md_sock_peer *peer = sk ? md_steered_peer(sk) : NULL;
	struct md_steered_key key = {};

	if (!peer)
		return;
	md_read_steered_key(ctx, true, md_address_of(sk), &key);
	bpf_map_delete_elem(&md_steered, &key);
}

/* The listener's end is established: before the client can have closed. */
static __always_inline void md_steer_accepted(struct bpf_sock_ops *ctx)
{
	const struct md_steering *steering = md_steering_of_node();
	struct bpf_sock *sk = ctx->sk;
	const struct md_steered *steered;
	struct md_steered_key key = {};
	struct md_steered *kept;

	if (!sk || !steering || !steering->port || steering->port != bpf_htons((__u16)ctx->local_port))
		return;
	md_read_steered_key(ctx, false, md_address_of(sk), &key);
	steered = bpf_map_lookup_elem(&md_steered, &key);
	if (!steered)
		return;
	kept = bpf_sk_storage_get(&md_sock_steered, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (kept)
		*kept = *steered;
	else
		md_count(MD_REASON_TLS_FORGOTTEN);
	bpf_map_delete_elem(&md_steered, &key);
}

#endif
