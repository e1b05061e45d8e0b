/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What connections say for or against their backend, and whom the agent is told of. */
#ifndef MESHD_LIB_EJECT_H
#define MESHD_LIB_EJECT_H

#include "lib/ejection.h"

static __always_inline struct md_balancing_state *md_balancing_state_of(__u32 service_id)
{
	return bpf_map_lookup_elem(&md_eject_state, &service_id);
}

static __always_inline void md_tell_ejected(__u32 service_id, __u32 backend_id, const struct md_ejected *ejected)
{
	struct md_ejected *record = bpf_ringbuf_reserve(&md_ejections, sizeof(*record), 0);

	if (!record) {
		md_count(MD_REASON_EJECTION_UNTOLD); /* the agent looks by itself now and then, too */
		return;
	}
	*record = *ejected;
	record->service_id = service_id;
	record->backend_id = backend_id;
	bpf_ringbuf_submit(record, 0);
}

static __always_inline void md_note_failure(__u32 service_id, __u32 backend_id, struct md_vitals *vitals,
                                            struct md_balancing_state *state, enum md_failure how)
{
	struct md_ejected ejected = {};

	switch (md_backend_failed(vitals, state, md_balancing_of(service_id), how, bpf_ktime_get_ns(), &ejected)) {
	case MD_EJECT_SPARED:
		md_count(MD_REASON_EJECTION_SPARED);
		break;
	case MD_EJECT_DONE:
		md_count(MD_REASON_BACKEND_EJECTED);
		md_tell_ejected(service_id, backend_id, &ejected);
		break;
	default:
		break;
	}
}

/* What a connection that never was established came to. Nothing when its application gave it up before the kernel had
 * to ask twice: that says nothing of the backend. */
static __always_inline enum md_failure md_failed_connect(__u64 socket)
{
	switch (BPF_CORE_READ(md_kernel_socket(socket), sk_err)) {
	case 0:
		return BPF_CORE_READ((const struct tcp_sock *)md_kernel_socket(socket), total_retrans)
		               ? MD_FAILURE_TIMED_OUT
		               : MD_FAILURE_NONE;
	case ECONNABORTED: /* somebody on this node closed it: meshd does with sockets of backends that have left */
		return MD_FAILURE_NONE;
	case ECONNREFUSED:
		return MD_FAILURE_REFUSED;
	case ECONNRESET:
		return MD_FAILURE_RESET;
	case ETIMEDOUT:
		return MD_FAILURE_TIMED_OUT;
	default:
		return MD_FAILURE_UNREACHABLE;
	}
}

/* Whether the peer has sent anything, by either way. */
static __always_inline bool md_has_answered(__u64 socket, __u64 cookie)
{
	const struct md_pair *pair;

	if (BPF_CORE_READ((const struct tcp_sock *)md_kernel_socket(socket), bytes_received))
		return true;
	pair = bpf_map_lookup_elem(&md_pairs, &cookie);
	return pair && pair->ways[MD_SERVER].bytes;
}

/* A connection to the backend is established. One that reset connections before it answered has to answer one. */
static __always_inline void md_judge_established(__u32 service_id, struct md_vitals *vitals)
{
	struct md_balancing_state *state;

	if (!vitals->row && !vitals->failures && !vitals->how && !vitals->ejected_until_ns)
		return;
	state = md_balancing_state_of(service_id);
	if (!state)
		return;
	if (vitals->ejected_until_ns)
		md_end_ejection(vitals, state, bpf_ktime_get_ns(), false);
	if (vitals->how != MD_FAILURE_UNANSWERED)
		md_backend_worked(vitals, state, bpf_ktime_get_ns());
}

/* It is over. Before md_end_closed(), which takes the pair away. */
static __always_inline void md_judge_closed(struct bpf_sock_ops *ctx, const struct md_sock_peer *peer,
                                            struct md_vitals *vitals, __u64 socket)
{
	struct md_balancing_state *state = md_balancing_state_of(peer->peer.service_id);
	enum md_failure how = MD_FAILURE_NONE;
	int error;

	if (!state)
		return;
	error = BPF_CORE_READ(md_kernel_socket(socket), sk_err);
	if (ctx->args[0] == BPF_TCP_SYN_SENT) {
		how = md_failed_connect(socket);
		if (!how)
			return;
	} else if (ctx->args[0] == BPF_TCP_ESTABLISHED && error && error != ECONNABORTED &&
	           !md_has_answered(socket, bpf_get_socket_cookie(ctx))) {
		how = MD_FAILURE_UNANSWERED;
	}
	if (how)
		md_note_failure(peer->peer.service_id, peer->counted_id, vitals, state, how);
	else if (vitals->how == MD_FAILURE_UNANSWERED)
		md_backend_worked(vitals, state, bpf_ktime_get_ns());
}

#endif
