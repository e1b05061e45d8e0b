/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Limits at the calls of sockets, and the end of what was let in. */
#ifndef MESHD_LIB_LIMIT_SOCKET_H
#define MESHD_LIB_LIMIT_SOCKET_H

/* A socket that holds no place is about to connect to a service, or to send it the first datagram of a conversation.
 * 0, or -errno with *reason set. */
static __always_inline int md_limit_socket(struct bpf_sock_addr *ctx, __u32 service_id, __u8 protocol,
                                           enum md_reason *reason)
{
	const struct md_limit *limit = md_limit_of(service_id);
	bool holds_place = protocol == IPPROTO_TCP && ctx->sk;
	struct md_open open = {};
	__u64 cookie;

	if (!limit)
		return 0;
	holds_place = holds_place && limit->connections;
	cookie = bpf_get_socket_cookie(ctx);
	*reason = md_limit_draw(limit, service_id, holds_place);
	if (*reason != MD_REASON_COUNT)
		return -ECONNREFUSED;
	if (!holds_place)
		return 0;
	open.service_id = service_id;
	open.socket = md_address_of(ctx->sk);
	open.since_ns = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&md_open, &cookie, &open, BPF_NOEXIST)) {
		md_limit_give_back(service_id);
		md_count(MD_REASON_LIMIT_UNTRACKED);
	}
	return 0;
}

/* A SYN is about to be sent: from here on the kernel tells when the connection closes. */
static __always_inline void md_limit_follow(struct bpf_sock_ops *ctx)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);
	struct md_open *open = bpf_map_lookup_elem(&md_open, &cookie);

	if (!open)
		return;
	bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
	open->followed = 1;
}

static __always_inline void md_limit_closed(struct bpf_sock_ops *ctx)
{
	md_limit_release(bpf_get_socket_cookie(ctx));
}

#endif
