// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Follows TCP connections from SYN to close: who may take the short way is decided and enrolled here. */
#include "lib/program.h"
#include "lib/count.h"
#include "lib/endpoint.h"
#include "lib/rule.h"
#include "lib/kernel_socket.h"
#include "lib/pair.h"
#include "lib/enrol.h"

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
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		md_client_established(ctx);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		md_server_established(ctx);
		break;
	case BPF_SOCK_OPS_STATE_CB:
		if (ctx->args[1] == BPF_TCP_CLOSE)
			md_end_closed(ctx);
		break;
	default:
		break;
	}
	return 1; /* without an answer in ctx->reply the kernel keeps its own values */
}
