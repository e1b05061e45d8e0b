// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Follows TCP connections from SYN to close: their records are kept, and who may take the short way is enrolled. */
#include "lib/program.h"
#include "lib/count.h"
#include "lib/endpoint.h"
#include "lib/rule.h"
#include "lib/kernel_socket.h"
#include "lib/pair.h"
#include "lib/tuple.h"
#include "lib/worker.h"
#include "lib/steer.h"
#include "lib/steer_socket.h"
#include "lib/enrol.h"
#include "lib/flow_key.h"
#include "lib/flow_events.h"
#include "lib/traffic.h"
#include "lib/socket_numbers.h"
#include "lib/flow.h"
#include "lib/limit.h"
#include "lib/limit_socket.h"
#include "lib/vitals.h"
#include "lib/eject.h"
#include "lib/vitals_socket.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("sockops")
int md_sockops(struct bpf_sock_ops *ctx)
{
	switch (ctx->op) {
	case BPF_SOCK_OPS_RWND_INIT:
		/* Asked for a listener's request, and for a client that opens a connection: only the former is no full
		 * socket. */
		if (!ctx->is_fullsock)
			md_note_handshake(ctx);
		break;
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		md_steer_connects(ctx);
		md_limit_follow(ctx);
		md_vitals_connects(ctx);
		md_flow_connects(ctx);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		md_vitals_connected(ctx);
		md_flow_connected(ctx);
		md_client_established(ctx);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		md_steer_accepted(ctx);
		md_flow_accepted(ctx);
		md_server_established(ctx);
		break;
	case BPF_SOCK_OPS_STATE_CB:
		if (ctx->args[0] == BPF_TCP_ESTABLISHED && ctx->args[1] != BPF_TCP_CLOSE)
			md_vitals_answered(ctx);
		if (ctx->args[1] == BPF_TCP_CLOSE) {
			md_steer_closed(ctx);
			md_limit_closed(ctx);
			md_vitals_closed(ctx);
			md_flow_closed(ctx);
			md_end_closed(ctx);
		}
		break;
	default:
		break;
	}
	return 1; /* without an answer in ctx->reply the kernel keeps its own values */
}
