/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a TCP socket and its pair say of a connection, in the units of a flow. */
#ifndef MESHD_LIB_SOCKET_NUMBERS_H
#define MESHD_LIB_SOCKET_NUMBERS_H

#define MD_SOCK_DONE 2 /* 1 << SOCK_DONE of include/net/sock.h: tcp_fin() has run */

/* Whether the peer has acknowledged our FIN: it is the last number of what was written. */
static __always_inline bool md_fin_is_acknowledged(const struct tcp_sock *tp, __u8 state)
{
	if (state != BPF_TCP_FIN_WAIT1 && state != BPF_TCP_FIN_WAIT2 && state != BPF_TCP_CLOSING &&
	    state != BPF_TCP_LAST_ACK)
		return false;
	return BPF_CORE_READ(tp, snd_una) == BPF_CORE_READ(tp, write_seq);
}

/* TCP counts the numbers of its sequence space, so that SYN and FIN are among them: our SYN once it is acknowledged
 * (the counts of an accepted socket begin after its own), FINs once they are. */
static __always_inline void md_read_socket(__u64 socket, bool outgoing, struct md_socket_numbers *numbers)
{
	const struct tcp_sock *tp = (const struct tcp_sock *)md_kernel_socket(socket);
	__u8 state = BPF_CORE_READ(md_kernel_socket(socket), __sk_common.skc_state);
	__u64 out = BPF_CORE_READ(tp, bytes_acked), in = BPF_CORE_READ(tp, bytes_received);
	__u32 controls = (outgoing && out) + md_fin_is_acknowledged(tp, state);

	numbers->bytes_out = out > controls ? out - controls : 0;
	controls = BPF_CORE_READ(md_kernel_socket(socket), __sk_common.skc_flags) & MD_SOCK_DONE ? 1 : 0;
	numbers->bytes_in = in > controls ? in - controls : 0;
	numbers->packets_out = BPF_CORE_READ(tp, segs_out);
	numbers->packets_in = BPF_CORE_READ(tp, segs_in);
	numbers->rtt_us = BPF_CORE_READ(tp, srtt_us) >> 3;
	numbers->min_rtt_us = BPF_CORE_READ(tp, rtt_min.s[0].v);
	if (numbers->min_rtt_us == ~0U)
		numbers->min_rtt_us = 0; /* none was measured */
	numbers->retransmits = BPF_CORE_READ(tp, total_retrans);
}

/* A pair is found by its client. */
static __always_inline void md_read_pair(__u64 cookie, struct md_socket_numbers *numbers)
{
	const struct md_pair *pair = bpf_map_lookup_elem(&md_pairs, &cookie);

	if (!pair)
		return;
	numbers->short_out = pair->ways[MD_CLIENT].bytes;
	numbers->short_in = pair->ways[MD_SERVER].bytes;
	numbers->response_us = pair->response_us;
}

#endif
