// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Looks at a pair and takes its sockets off the short way: never attached, run by the agent through BPF_PROG_TEST_RUN.
 * A packet program, since that type may take sockets out of a map and can be run this way on every supported kernel.
 */
#include "lib/program.h"
#include "lib/count.h"
#include "lib/kernel_socket.h"
#include "lib/pair.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/*
 * Taking a socket out destroys what waits in it, so it must be empty and stay so: the pair has `left`, and every
 * program that began before has ended (the agent sees to it), so what can still come has a reference to the socket.
 */
static __always_inline void md_look_at_end(const struct md_end *end, const struct md_acceleration *decided,
                                           bool take_out, struct md_end_view *view)
{
	const struct sk_psock *psock;
	__u64 cookie = end->cookie;

	view->cookie = cookie;
	view->process = end->process;
	if (!md_socket_is(end->socket, cookie))
		return;
	psock = md_psock(end->socket);
	view->inode = md_inode(end->socket);
	view->waiting = md_receive_memory(end->socket);
	view->bytes_tcp = md_bytes_by_tcp(end->socket);
	view->references = md_references(end->socket);
	view->receive_buffer = md_receive_buffer(end->socket);
	view->state = psock ? MD_END_ENROLLED : MD_END_PLAIN;
	view->queue_empty = !psock || md_short_queue_is_empty(psock);
	if (psock && take_out && view->queue_empty && view->references <= decided->idle_refs) {
		bpf_map_delete_elem(&md_sockets, &cookie);
		/* Whoever is in a call on the socket keeps it enrolled until the call ends. */
		view->taken_out = !md_psock(end->socket);
		if (view->taken_out)
			view->state = MD_END_PLAIN;
	}
	view->blocked = md_blocked(end->socket);
	view->at_end = md_at_end(end->socket);
	view->unread = md_unread(end->socket);
}

SEC("tc")
int md_look_at_pair(struct __sk_buff *skb)
{
	const struct md_acceleration *decided = md_decided();
	struct md_end_view view = {};
	const struct md_pair *pair;
	bool enrolled = false;
	struct {
		__u64 pair;
		__u32 take_out, found;
	} head;

	if (!decided || bpf_skb_load_bytes(skb, MD_QUESTION_OFFSET, &head, sizeof(head)))
		return -1;
	pair = bpf_map_lookup_elem(&md_pairs, &head.pair);
	head.found = pair != NULL;
	if (!pair)
		return bpf_skb_store_bytes(skb, MD_QUESTION_OFFSET, &head, sizeof(head), 0);
	if (bpf_skb_store_bytes(skb, MD_QUESTION_OFFSET + offsetof(struct md_look_at_pair, value), pair, sizeof(*pair),
	                        0))
		return -1;
	for (int side = 0; side < 2; side++) {
		__builtin_memset(&view, 0, sizeof(view));
		md_look_at_end(&pair->ends[side], decided, head.take_out & MD_TAKE_OUT && pair->left, &view);
		enrolled |= view.state == MD_END_ENROLLED;
		if (bpf_skb_store_bytes(
		            skb, MD_QUESTION_OFFSET + offsetof(struct md_look_at_pair, ends) + side * sizeof(view),
		            &view, sizeof(view), 0))
			return -1;
	}
	/* Its sockets closed before they were read: md_end_closed() has left it to this program. */
	if (head.take_out & MD_FORGET_PAIR && pair->left && !enrolled && md_is_closed(pair))
		bpf_map_delete_elem(&md_pairs, &head.pair);
	return bpf_skb_store_bytes(skb, MD_QUESTION_OFFSET, &head, sizeof(head), 0);
}

/* Marks a pair as leaving from outside: the node is unloaded, or its other end never came. */
SEC("tc")
int md_leave_pair(struct __sk_buff *skb)
{
	struct md_pair *pair;
	__u64 id;

	if (bpf_skb_load_bytes(skb, MD_QUESTION_OFFSET, &id, sizeof(id)))
		return -1;
	pair = bpf_map_lookup_elem(&md_pairs, &id);
	if (pair)
		md_leave(id, pair, MD_WHY_TCP_OFF);
	return 0;
}
