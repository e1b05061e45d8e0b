/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Choosing at the calls of sockets: as the core does, with a draw of its own, with the hash of who asks, and with the
 * backend that this one had last where a service wants that.
 */
#ifndef MESHD_LIB_SESSION_H
#define MESHD_LIB_SESSION_H

/* What stands for a source that has no address: no unicast address begins like this. */
enum md_session_kind {
	MD_SESSION_NETNS = 1,
	MD_SESSION_CGROUP = 2,
};

static __always_inline void md_name_source(struct md_address *source, enum md_session_kind kind, __u64 id)
{
	__u32 *words = md_words(source);

	words[0] = 0xffffffff;
	words[1] = kind;
	words[2] = id >> 32;
	words[3] = id;
}

/* A socket that is not bound has no address before the kernel has looked for a route; its network namespace, which has
 * addresses of its own, stands for it. */
static __always_inline void md_source_of(struct bpf_sock_addr *ctx, __u8 hash_by, struct md_address *source)
{
	struct bpf_sock *sk = ctx->sk;
	__u32 *words = md_words(source);

	if (hash_by == MD_HASH_WORKLOAD) {
		md_name_source(source, MD_SESSION_CGROUP, bpf_get_current_cgroup_id());
		return;
	}
	words[0] = words[1] = words[2] = words[3] = 0;
	if (sk && sk->family == AF_INET) {
		words[2] = MD_MAPPED_PREFIX;
		words[3] = sk->src_ip4;
	} else if (sk) {
		words[0] = sk->src_ip6[0];
		words[1] = sk->src_ip6[1];
		words[2] = sk->src_ip6[2];
		words[3] = sk->src_ip6[3];
	}
	if (!words[0] && !words[3])
		md_name_source(source, MD_SESSION_NETNS, bpf_get_netns_cookie(ctx));
}

/* The backend that the source had last, if it may have it still. */
static __always_inline bool md_choose_kept(const struct md_range *range, const struct md_affinity_key *key,
                                           __u32 affinity_s, __u64 now, struct md_choice *choice)
{
	const struct md_affinity *kept = bpf_map_lookup_elem(&md_sessions, key);
	const struct md_backend *backend;

	if (!kept || kept->seen_ns + affinity_s * MD_SECOND_NS < now)
		return false;
	backend = md_keep(kept->backend_id, key->service_id, range->is_v4, now);
	if (!backend)
		return false;
	choice->backend_id = kept->backend_id;
	choice->backend = &backend->endpoint;
	choice->way = range->way;
	choice->tls = range->tls;
	return true;
}

static __always_inline void md_note_session(const struct md_affinity_key *key, const struct md_choice *choice,
                                            __u64 now)
{
	struct md_affinity session = {.backend_id = choice->backend_id, .seen_ns = now};

	bpf_map_update_elem(&md_sessions, key, &session, BPF_ANY);
}

/*
 * For a call: as md_choose(), moving the service's cursor on. Two CPUs that read the cursor at the same moment choose
 * the same backend once: an atomic fetch-and-add would cost kernels before 5.12, and the cycle is even all the same.
 */
static __always_inline int md_choose_next(struct bpf_sock_addr *ctx, __u32 service_id, bool asked_v4, __u8 reach,
                                          struct md_choice *choice)
{
	const struct md_balancing *balancing = NULL;
	struct md_affinity_key key = {.service_id = service_id};
	struct md_range range = {};
	struct md_draw draw = {};
	__u32 affinity_s = 0;
	int error = md_find_range(service_id, asked_v4, reach, &range, &choice->reason);

	choice->service_id = service_id;
	if (error)
		return error;
	if (range.pick == MD_PICK_CYCLE) {
		struct md_cursor *cursor = md_cursor_of(service_id);

		if (cursor) {
			draw.position = cursor->next;
			__sync_fetch_and_add(&cursor->next, 1);
		}
	}
	draw.seed = bpf_get_prandom_u32();
	draw.hash = draw.seed;
	if (range.guided || range.pick == MD_PICK_LATENCY)
		draw.now_ns = bpf_ktime_get_ns();
	if (range.guided & MD_GUIDED_BY_SOURCE)
		balancing = md_balancing_of(service_id);
	if (balancing) {
		affinity_s = balancing->affinity_s;
		md_source_of(ctx, balancing->hash_by, &key.client);
		if (balancing->hash_by != MD_HASH_CONNECTION)
			draw.hash = md_mix_end(md_mix_address(service_id, &key.client));
	}
	if (affinity_s && md_choose_kept(&range, &key, affinity_s, draw.now_ns, choice))
		goto note;
	error = md_choose_from(&range, reach, asked_v4, &draw, choice);
	if (error || !affinity_s)
		return error;
note:
	md_note_session(&key, choice, draw.now_ns);
	return 0;
}

#endif
