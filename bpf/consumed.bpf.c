// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What readers take out of their short-way queues, counted for kernels that do not charge what waits there to the
 * reader (docs/acceleration.md). Not loaded elsewhere: the "?" keeps the loader from it until it is asked to.
 */
#include "lib/program.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define MSG_PEEK 2 /* include/linux/socket.h */

/* Whether the socket is in our md_sockets: others on this host may use socket maps too, and nobody would remove the
 * counts of their sockets. */
static __always_inline bool md_is_ours(const struct sk_psock *psock)
{
	static const char ours[] = "md_redirect";
	char name[sizeof(ours)] = {};
	const char *theirs = BPF_CORE_READ(psock, progs.msg_parser, aux, name);

	bpf_probe_read_kernel(name, sizeof(name), theirs);
	for (__u32 i = 0; i < sizeof(ours); i++)
		if (name[i] != ours[i])
			return false;
	return true;
}

/*
 * The kernel's function is called __tcp_bpf_recvmsg before 5.13: the loader looks which it is. Its arguments, of which
 * ctx has each, are the same: sk, psock, msg, len, flags; then what it returns.
 */
SEC("?fexit/sk_msg_recvmsg")
int md_consumed_by(__u64 *ctx)
{
	__u64 address = ctx[0], none = 0;
	int flags = ctx[4], taken = ctx[5];
	__u64 *consumed;

	if (taken <= 0 || flags & MSG_PEEK)
		return 0;
	consumed = bpf_map_lookup_elem(&md_consumed, &address);
	if (!consumed && md_is_ours((const struct sk_psock *)ctx[1])) {
		bpf_map_update_elem(&md_consumed, &address, &none, BPF_NOEXIST);
		consumed = bpf_map_lookup_elem(&md_consumed, &address);
	}
	if (consumed)
		*consumed += taken; /* the reader holds the socket's lock */
	return 0;
}
