/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who is paired with whom. A listener of this host that is asked for a connection notes it (md_handshakes); a client
 * that finds its own connection there has its peer on this host, enrols itself and leaves its sequence numbers; the
 * server that mirrors them is its peer and nobody else's, whatever addresses another network namespace uses.
 */
#ifndef MESHD_LIB_ENROL_H
#define MESHD_LIB_ENROL_H

/* Cgroups deeper than this are looked up by their first ancestors only. */
#define MD_CGROUP_LEVELS 16

static __always_inline bool md_is_excluded(enum md_exclusion_kind kind, __u64 value)
{
	struct md_exclusion key = {.kind = kind, .value = value};

	return bpf_map_lookup_elem(&md_excluded, &key) != NULL;
}

/* Whether configuration excludes a socket by port, cgroup or user. */
static __always_inline bool md_end_is_excluded(const struct md_acceleration *decided, __u64 socket, __be16 port)
{
	if (decided->exclusions & (1 << MD_EXCLUDE_PORT) && md_is_excluded(MD_EXCLUDE_PORT, bpf_ntohs(port)))
		return true;
	if (decided->exclusions & (1 << MD_EXCLUDE_USER) && md_is_excluded(MD_EXCLUDE_USER, md_user(socket)))
		return true;
	if (decided->exclusions & (1 << MD_EXCLUDE_CGROUP)) {
		const struct cgroup *cgroup = md_cgroup(socket);

		for (__u32 level = 0; cgroup && level < MD_CGROUP_LEVELS; level++) {
			__u64 id = md_ancestor(cgroup, level);

			if (!id)
				break;
			if (md_is_excluded(MD_EXCLUDE_CGROUP, id))
				return true;
		}
	}
	return false;
}

/* Whether a connection to a service (0: to none) may be paired; if not, *why. */
static __always_inline bool md_service_may(const struct md_acceleration *decided, __u32 service_id, __u8 way,
                                           enum md_why *why)
{
	const struct md_halt *halt;

	*why = MD_WHY_TCP_EXCLUDED;
	if (way == MD_WAY_OFF)
		return false;
	if (way == MD_WAY_DEFAULT) {
		*why = MD_WHY_TCP_NO_SERVICE;
		if (decided->scope == MD_SCOPE_NONE || (decided->scope == MD_SCOPE_SERVICES && !service_id))
			return false;
		*why = MD_WHY_TCP_NOT_NAMED;
		if (decided->mode != MD_MODE_ON)
			return false;
	}
	*why = MD_WHY_TCP_NOT_NAMED;
	if (decided->accepted_only && way != MD_WAY_FIONREAD_ACCEPTED)
		return false;
	halt = bpf_map_lookup_elem(&md_halts, &service_id);
	if (!halt)
		return true;
	*why = MD_WHY_TCP_EXCLUDED;
	if (halt->excluded)
		return false;
	*why = MD_WHY_TCP_LEARNED;
	return !halt->learned_until_ns || bpf_ktime_get_ns() >= halt->learned_until_ns;
}

/* Whether a socket can be enrolled, whatever it is used for; if not, *why. `relays`: one of the worker's, for an
 * application that stands for it, or for a client of an edge listener. */
static __always_inline bool md_socket_may(const struct md_acceleration *decided, __u64 socket, __be16 port, bool relays,
                                          enum md_why *why)
{
	*why = MD_WHY_TCP_MPTCP;
	if (md_is_multipath(socket))
		return false;
	*why = MD_WHY_TCP_ULP;
	if (md_has_upper_layer(socket))
		return false;
	*why = MD_WHY_TCP_EXCLUDED;
	return relays || !md_end_is_excluded(decided, socket, port);
}

/* Puts a socket into md_sockets and lets it remember its pair. */
static __always_inline bool md_enrol(struct bpf_sock_ops *ctx, struct bpf_sock *sk, __u64 id, __u32 side, __u64 cookie)
{
	struct md_sock_pair *mine = bpf_sk_storage_get(&md_sock_pair, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (!mine)
		return false;
	mine->pair = id;
	mine->side = side;
	if (bpf_sock_hash_update(ctx, &md_sockets, &cookie, BPF_NOEXIST))
		return false;
	bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
	return true;
}

/* A listener was asked for a connection: the socket is a request, not a full one yet. */
static __always_inline void md_note_handshake(struct bpf_sock_ops *ctx)
{
	static const struct md_handshake asked = {};
	const struct md_acceleration *decided = md_decided();
	struct md_tuple tuple;

	if (!decided || decided->mode == MD_MODE_OFF)
		return;
	md_read_tuple(ctx, false, &tuple);
	bpf_map_update_elem(&md_handshakes, &tuple, &asked, BPF_ANY);
}

/* By the socket's owner, for programs that do not run in the task that made it. */
static __always_inline bool md_is_of_worker(__u64 socket)
{
	return md_worker_user && md_user(socket) == md_worker_user;
}

/* What the worker's own connection is for: the backend of an encrypted service on this host, or NULL. Nobody counts it
 * as a connection to the service, for that is the application's. */
static __always_inline const struct md_guarded *md_relayed_to(__u64 socket, const struct md_tuple *tuple)
{
	struct md_endpoint backend = {.address = tuple->server, .port = tuple->server_port, .protocol = IPPROTO_TCP};

	return md_is_of_worker(socket) ? md_guarded_of(&backend) : NULL;
}

/* Whether it is a listener's end of a connection that was led to it. */
static __always_inline bool md_was_steered(struct bpf_sock *sk)
{
	return bpf_sk_storage_get(&md_sock_steered, sk, NULL, 0) != NULL;
}

static __always_inline void md_client_established(struct bpf_sock_ops *ctx)
{
	const struct md_acceleration *decided = md_decided();
	struct md_handshake *handshake;
	const struct md_guarded *relayed = NULL;
	const struct md_sock_peer *peer;
	struct md_pair pair = {};
	struct bpf_sock *sk = ctx->sk;
	__u8 way = MD_WAY_DEFAULT;
	enum md_why why;
	__u64 id;

	if (!decided || decided->mode == MD_MODE_OFF || !sk)
		return;
	peer = bpf_sk_storage_get(&md_sock_peer, sk, NULL, 0);
	if (peer && peer->peer.backend_id) {
		pair.service_id = peer->peer.service_id;
		pair.backend_id = peer->peer.backend_id;
		way = peer->way;
	}
	md_read_tuple(ctx, true, &pair.tuple);
	pair.ends[MD_CLIENT].socket = md_address_of(sk);
	if (!pair.service_id)
		relayed = md_relayed_to(pair.ends[MD_CLIENT].socket, &pair.tuple);
	if (relayed) {
		pair.service_id = relayed->service_id;
		pair.backend_id = relayed->backend_id;
		way = relayed->way;
	}
	handshake = bpf_map_lookup_elem(&md_handshakes, &pair.tuple);
	why = MD_WHY_TCP_PEER_ELSEWHERE;
	if (MD_RULE_BOTH_ENDS && (!handshake || handshake->pair))
		goto not_paired;
	if (!md_service_may(decided, pair.service_id, way, &why) ||
	    !md_socket_may(decided, pair.ends[MD_CLIENT].socket, pair.tuple.server_port,
	                   relayed != NULL || (md_is_for_edge(sk) && md_is_of_worker(pair.ends[MD_CLIENT].socket)),
	                   &why))
		goto not_paired;
	pair.sticky = decided->sticky && way != MD_WAY_FIONREAD_ACCEPTED;
	why = MD_WHY_TCP_SMALL_BUFFER;
	if (pair.sticky && md_receive_buffer_is_too_small(pair.ends[MD_CLIENT].socket))
		goto not_paired;
	md_refresh(&pair, decided);
	why = MD_WHY_TCP_PAUSED;
	/* It would leave with its first message. */
	if (pair.sticky && md_is_stopped(&pair, decided))
		goto not_paired;

	id = bpf_get_socket_cookie(ctx);
	pair.ends[MD_CLIENT].cookie = id;
	pair.opened_ns = bpf_ktime_get_ns();
	why = MD_WHY_TCP_FULL;
	if (bpf_map_update_elem(&md_pairs, &id, &pair, BPF_NOEXIST))
		goto not_paired;
	if (!md_enrol(ctx, sk, id, MD_CLIENT, id)) {
		bpf_map_delete_elem(&md_pairs, &id);
		goto not_paired;
	}
	struct md_handshake shaken = {.pair = id, .client_snd_nxt = ctx->snd_nxt, .client_rcv_nxt = ctx->rcv_nxt};

	bpf_map_update_elem(&md_handshakes, &pair.tuple, &shaken, BPF_ANY);
	return;

not_paired:
	if (handshake && !handshake->pair)
		bpf_map_delete_elem(&md_handshakes, &pair.tuple);
	md_count_why(pair.service_id, why);
}

static __always_inline void md_server_established(struct bpf_sock_ops *ctx)
{
	const struct md_acceleration *decided = md_decided();
	const struct md_handshake *handshake;
	struct bpf_sock *sk = ctx->sk;
	struct md_tuple tuple;
	struct md_paths *paths;
	struct md_pair *pair;
	enum md_why why;
	__u64 id, socket, cookie;

	if (!decided || !sk)
		return;
	md_read_tuple(ctx, false, &tuple);
	handshake = bpf_map_lookup_elem(&md_handshakes, &tuple);
	if (!handshake)
		return;
	id = handshake->pair;
	bool mirrored = handshake->client_snd_nxt == ctx->rcv_nxt && handshake->client_rcv_nxt == ctx->snd_nxt;

	pair = id ? bpf_map_lookup_elem(&md_pairs, &id) : NULL;
	if (pair && MD_RULE_IDENTITY && !mirrored) {
		/* That pair belongs to another connection, whose own server will come. */
		md_count_why(pair->service_id, MD_WHY_TCP_IDENTITY);
		return;
	}
	bpf_map_delete_elem(&md_handshakes, &tuple);
	if (!pair)
		return; /* the client has counted why */
	why = MD_WHY_TCP_LEFT;
	if (pair->left)
		goto not_paired;
	socket = md_address_of(sk);
	cookie = bpf_get_socket_cookie(ctx);
	if (!md_socket_may(decided, socket, tuple.server_port, md_was_steered(sk), &why))
		goto not_paired;
	why = MD_WHY_TCP_SMALL_BUFFER;
	if (pair->sticky && md_receive_buffer_is_too_small(socket))
		goto not_paired;
	why = MD_WHY_TCP_FULL;
	if (!md_enrol(ctx, sk, id, MD_SERVER, cookie))
		goto not_paired;
	pair->ends[MD_SERVER].cookie = cookie;
	pair->ends[MD_SERVER].socket = socket;
	md_count(MD_REASON_PAIRED);
	paths = md_paths_of(pair->service_id);
	if (paths)
		paths->opened += 1;
	return;

not_paired:
	md_count_why(pair->service_id, why);
	md_leave(id, pair, why);
}

/*
 * TCP may be done with a socket, once both ends have sent FIN, long before its reader is. Bytes that TCP brought and
 * that wait are counted by FIONREAD only when the socket has been taken out of md_sockets, and a reader that was told
 * too little before has to be told of the rest, and of the end, which counts as one.
 */
static __always_inline bool md_is_still_read(const struct md_pair *pair, const struct md_end *end)
{
	return pair->left && md_socket_is(end->socket, end->cookie) && md_inode(end->socket) && md_unread(end->socket);
}

/*
 * An enrolled socket has closed. What it sent is added to its service's share; the last of a pair removes the pair, or
 * md_look_at_pair() does if one is still read.
 */
static __always_inline void md_end_closed(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct md_sock_pair *mine;
	struct md_paths *paths;
	struct md_pair *pair;
	struct md_end *end;
	__u32 side;

	if (!sk)
		return;
	mine = bpf_sk_storage_get(&md_sock_pair, sk, NULL, 0);
	pair = mine ? bpf_map_lookup_elem(&md_pairs, &mine->pair) : NULL;
	if (!pair)
		return;
	side = mine->side & 1;
	end = &pair->ends[side];
	if (!end->socket || end->closed)
		return;
	md_count(MD_REASON_PAIR_CLOSED);
	paths = md_paths_of(pair->service_id);
	if (paths) {
		paths->bytes_short += pair->ways[side].bytes;
		paths->messages_short += pair->ways[side].messages;
		paths->bytes_tcp += md_bytes_by_tcp(end->socket);
	}
	bpf_map_delete_elem(&md_consumed, &end->socket);
	if (md_is_still_read(pair, end))
		end->closed = 1;
	else
		end->socket = 0;
	__sync_fetch_and_add(&pair->closed, 1);
	if (!md_is_closed(pair) || md_is_still_read(pair, end) || md_is_still_read(pair, &pair->ends[!side]))
		return;
	bpf_map_delete_elem(&md_pairs, &mine->pair);
}

#endif
