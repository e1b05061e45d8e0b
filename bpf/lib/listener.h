/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whether somebody listens at a backend that is an address of the caller's own network namespace. For backends
 * elsewhere that costs one look at their address.
 */
#ifndef MESHD_LIB_LISTENER_H
#define MESHD_LIB_LISTENER_H

/* The network namespace whose addresses md_locals has: inode number, as in /proc/PID/ns/net. Set before load. */
const volatile __u32 md_node_namespace __weak = 0;

static __always_inline bool md_is_of_node(const struct bpf_sock *sk)
{
	return md_namespace(md_address_of(sk)) == md_node_namespace;
}

static __always_inline bool md_is_here(const struct bpf_sock *sk, const struct md_address *address)
{
	return md_is_loopback(address) || (md_is_own(address) && md_is_of_node(sk));
}

/* The tuple of a first packet to the backend; from nowhere, so that it fits no connection. Its size. */
static __always_inline __u32 md_make_tuple(const struct md_endpoint *backend, struct bpf_sock_tuple *tuple)
{
	const __u32 *words = md_const_words(&backend->address);

	if (md_is_v4(&backend->address)) {
		tuple->ipv4.daddr = words[3];
		tuple->ipv4.dport = backend->port;
		return sizeof(tuple->ipv4);
	}
	tuple->ipv6.daddr[0] = words[0];
	tuple->ipv6.daddr[1] = words[1];
	tuple->ipv6.daddr[2] = words[2];
	tuple->ipv6.daddr[3] = words[3];
	tuple->ipv6.dport = backend->port;
	return sizeof(tuple->ipv6);
}

static __always_inline bool md_has_socket(struct bpf_sock_addr *ctx, const struct md_endpoint *backend)
{
	struct bpf_sock_tuple tuple = {};
	__u32 size = md_make_tuple(backend, &tuple);
	bool is_tcp = backend->protocol == IPPROTO_TCP, found;
	struct bpf_sock *sk;

	/* Constant sizes: older verifiers want them. */
	if (size == sizeof(tuple.ipv4))
		sk = is_tcp ? bpf_sk_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0)
		            : bpf_sk_lookup_udp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	else
		sk = is_tcp ? bpf_sk_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0)
		            : bpf_sk_lookup_udp(ctx, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return false;
	found = !is_tcp || sk->state == BPF_TCP_LISTEN;
	bpf_sk_release(sk);
	return found;
}

/* In the table, or, chosen by a hash or kept from before, in the map of all. */
static __always_inline const struct md_endpoint *md_endpoint_of(__u32 service_id, __u32 backend_id, __u32 slot)
{
	void *slots = bpf_map_lookup_elem(&md_tables, &service_id);
	const struct md_slot *chosen = slots ? md_slot_at(slots, slot) : NULL;
	const struct md_backend *backend;

	if (chosen && chosen->backend_id == backend_id)
		return &chosen->backend;
	backend = bpf_map_lookup_elem(&md_backends, &backend_id);
	return backend ? &backend->endpoint : NULL;
}

/*
 * Whether a backend is here, and nobody listens. It may be reached all the same: behind a rule of netfilter that
 * redirects, or when its listener is bound to a device. Once it took a connection, it is not looked at any more. A
 * function of its own for the verifier, as the one below.
 */
__weak __noinline int md_is_silent(struct bpf_sock_addr *ctx, __u32 service_id, __u32 backend_id, __u32 slot)
{
	const struct md_endpoint *backend = md_endpoint_of(service_id, backend_id, slot);
	const struct md_vitals *vitals;

	if (!backend || !ctx->sk || !md_is_here(ctx->sk, &backend->address) || md_has_socket(ctx, backend))
		return false;
	vitals = md_vitals_of(backend_id);
	return !vitals || !vitals->unlisted;
}

/* So many others are looked at: the next ones in the table, then some farther away, where others may stand when the
 * next ones are all the same. */
#define MD_LISTENER_TRIES 12
#define MD_LISTENER_NEXT  8

#define MD_LISTENS_THERE   (-1)
#define MD_LISTENS_NOWHERE (-2)

static __always_inline __u32 md_try_after(__u32 slot, __u32 turn)
{
	return slot + (turn <= MD_LISTENER_NEXT ? turn : (32U << (turn - MD_LISTENER_NEXT - 1)) - 3);
}

static __always_inline bool md_may_stand_in(struct bpf_sock_addr *ctx, const struct md_range *range, __u32 index,
                                            __u32 backend_id, __u64 now)
{
	const struct md_slot *slot = md_slot_at(range->slots, index);

	if (!slot || !slot->backend_id || slot->backend_id == backend_id)
		return false;
	if (range->guided && md_is_ejected(md_vitals_of(slot->backend_id), now))
		return false;
	return !md_is_silent(ctx, range->service_id, slot->backend_id, index);
}

/*
 * The slot of a backend where somebody listens, when nobody does at the chosen one, or MD_LISTENS_*. A function of its
 * own for the verifier: it looks at it once, not on each of the many ways on which a choice is made.
 */
__weak __noinline int md_find_listener(struct bpf_sock_addr *ctx, __u32 service_id, __u32 backend_id, __u32 slot,
                                       __u32 reach)
{
	const struct md_endpoint *backend;
	struct md_range range = {};
	enum md_reason ignored;
	__u64 now;

	if (!md_is_silent(ctx, service_id, backend_id, slot))
		return MD_LISTENS_THERE;
	backend = md_endpoint_of(service_id, backend_id, slot);
	if (!backend)
		return MD_LISTENS_THERE;
	/* Backends of the family of the one that was chosen. */
	if (md_find_range(service_id, md_is_v4(&backend->address), reach, &range, &ignored) || !range.count)
		return MD_LISTENS_NOWHERE;
	now = bpf_ktime_get_ns();
	for (__u32 turn = 1; turn <= MD_LISTENER_TRIES; turn++) {
		__u32 index = range.first + md_try_after(slot, turn) % range.count;

		if (md_may_stand_in(ctx, &range, index, backend_id, now))
			return index & 0x7fffffff;
	}
	return MD_LISTENS_NOWHERE;
}

/* When nothing listens at the chosen backend, and it is here, another takes its place. Nobody found: it is tried all
 * the same, and the application hears what the kernel says. */
static __always_inline void md_prefer_listener(struct bpf_sock_addr *ctx, __u8 reach, struct md_choice *choice)
{
	const struct md_slot *slot;
	void *slots;
	int found;

	found = md_find_listener(ctx, choice->service_id, choice->backend_id, choice->slot, reach);
	if (found == MD_LISTENS_THERE)
		return;
	slots = found < 0 ? NULL : bpf_map_lookup_elem(&md_tables, &choice->service_id);
	slot = slots ? md_slot_at(slots, found) : NULL;
	if (!slot) {
		choice->silent = true;
		md_count(MD_REASON_NO_LISTENER_AT_ALL);
		return;
	}
	choice->slot = found;
	choice->backend_id = slot->backend_id;
	choice->backend = &slot->backend;
	md_count(MD_REASON_NO_LISTENER);
}

#endif
