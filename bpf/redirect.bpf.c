// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Runs for each message that an enrolled socket sends. It never drops one: what may not take the short way takes TCP.
 */
#include "lib/program.h"
#include "lib/count.h"
#include "lib/rule.h"
#include "lib/kernel_socket.h"
#include "lib/pair.h"
#include "lib/flow_events.h"
#include "lib/traffic.h"
#include "lib/redirect.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("sk_msg")
int md_redirect(struct sk_msg_md *msg)
{
	struct bpf_sock *sk = msg->sk;
	struct md_sock_pair *mine;
	struct md_pair *pair;

	if (!sk)
		return SK_PASS;
	mine = bpf_sk_storage_get(&md_sock_pair, sk, NULL, 0);
	pair = mine ? bpf_map_lookup_elem(&md_pairs, &mine->pair) : NULL;
	if (!pair) {
		md_count_why(0, MD_WHY_TCP_PEER_GONE);
		return SK_PASS;
	}
	return md_send_message(msg, mine->pair, pair, mine->side);
}
