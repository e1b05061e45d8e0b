/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ends sockets that user space names by their cookies: programs that the kernel runs on each socket of a network
 * namespace when somebody reads its list of them. For kernels (6.5) that do not end sockets by sock_diag(7). An object
 * of its own, loaded only where it is needed.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "meshd/end_sockets.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

extern int bpf_sock_destroy(struct sock_common *sock) __ksym;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MD_MOST_DOOMED);
	__type(key, __u64);  /* cookie */
	__type(value, __u8); /* enum md_doom */
} md_doomed SEC(".maps");

static __always_inline void md_end_if_doomed(struct sock_common *socket)
{
	__u64 cookie;
	__u8 *doom;

	/* Never so: but libbpf compares the function's argument with the kernel's, and clang has the whole type in the
	 * object only where something of it is looked at. */
	if (!socket->skc_family)
		return;
	cookie = bpf_get_socket_cookie(socket);
	doom = bpf_map_lookup_elem(&md_doomed, &cookie);
	if (doom && !bpf_sock_destroy(socket))
		*doom = MD_DOOM_ENDED;
}

SEC("iter/tcp")
int md_end_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *socket = ctx->sk_common;

	if (socket) /* null after the last */
		md_end_if_doomed(socket);
	return 0;
}

SEC("iter/udp")
int md_end_udp(struct bpf_iter__udp *ctx)
{
	struct udp_sock *socket = ctx->udp_sk;

	if (socket)
		md_end_if_doomed((struct sock_common *)socket);
	return 0;
}
