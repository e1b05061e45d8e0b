// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Asks open sockets how much they have sent: never attached, run by the agent through BPF_PROG_TEST_RUN. */
#include "lib/program.h"
#include "lib/kernel_socket.h"
#include "lib/socket_numbers.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline void md_look_at_socket(struct md_socket_view *view)
{
	__u64 socket = view->socket;

	view->tcp_state = BPF_CORE_READ(md_kernel_socket(socket), __sk_common.skc_state);
	md_read_socket(socket, view->outgoing, &view->numbers);
	if (view->outgoing)
		md_read_pair(view->cookie, &view->numbers);
	/* Last: a socket that closed meanwhile must not be believed. */
	view->alive = md_socket_is(socket, view->cookie);
}

SEC("tc")
int md_look_at_sockets(struct __sk_buff *skb)
{
	struct md_socket_view view;
	__u32 count;

	if (bpf_skb_load_bytes(skb, MD_QUESTION_OFFSET, &count, sizeof(count)))
		return -1;
	for (__u32 i = 0; i < MD_LOOK_SOCKETS && i < count; i++) {
		__u32 offset = MD_QUESTION_OFFSET + offsetof(struct md_look_at_sockets, views) + i * sizeof(view);

		if (bpf_skb_load_bytes(skb, offset, &view, sizeof(view)))
			return -1;
		md_look_at_socket(&view);
		if (bpf_skb_store_bytes(skb, offset, &view, sizeof(view), 0))
			return -1;
	}
	return 0;
}
