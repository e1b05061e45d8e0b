/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Looks at the kernel's own sockets by address. Every read is checked by the kernel and gives zero where there is
 * nothing; a socket's memory is given to other TCP sockets only, so an address that is stale shows a socket with
 * another cookie. md_socket_is() comes first, then what it says may be believed.
 */
#ifndef MESHD_LIB_KERNEL_SOCKET_H
#define MESHD_LIB_KERNEL_SOCKET_H

#define MD_RCV_SHUTDOWN 1 /* include/net/sock.h: RCV_SHUTDOWN */
#define MD_PSOCK_FLAGS  7 /* low bits of sk_user_data, include/net/sock.h: SK_USER_DATA_PTRMASK */
#define MD_PSOCK_BIT    4 /* SK_USER_DATA_PSOCK, from 5.19; before, only psocks stand there on TCP sockets */

/* As other kernels have them: the loader takes the part after ___ off the name. */
struct inet_connection_sock___keepalive { /* after 6.18 */
	struct timer_list icsk_keepalive_timer;
} __attribute__((preserve_access_index));

struct sock_cgroup_data___value { /* before 5.15 */
	__u64 val;
} __attribute__((preserve_access_index));

struct cgroup___ids { /* before 6.1 */
	__u64 ancestor_ids[1];
} __attribute__((preserve_access_index));

/* The address of a socket as a number: read back from memory, for the verifier allows no arithmetic on the pointer. */
static __always_inline __u64 md_address_of(const struct bpf_sock *sk)
{
	__u64 address = 0;

	bpf_probe_read_kernel(&address, sizeof(address), &sk);
	return address;
}

static __always_inline const struct sock *md_kernel_socket(__u64 address)
{
	return (const struct sock *)(unsigned long)address;
}

static __always_inline bool md_socket_is(__u64 address, __u64 cookie)
{
	return address && BPF_CORE_READ(md_kernel_socket(address), __sk_common.skc_cookie.counter) == (__s64)cookie;
}

static __always_inline bool md_socket_is_closed(__u64 address)
{
	return BPF_CORE_READ(md_kernel_socket(address), __sk_common.skc_state) == BPF_TCP_CLOSE;
}

static __always_inline __u32 md_write_seq(__u64 address)
{
	return BPF_CORE_READ((const struct tcp_sock *)md_kernel_socket(address), write_seq);
}

static __always_inline __u32 md_copied_seq(__u64 address)
{
	return BPF_CORE_READ((const struct tcp_sock *)md_kernel_socket(address), copied_seq);
}

/* Bytes that came by TCP and were not read yet. A FIN counts as one. */
static __always_inline __u32 md_unread(__u64 address)
{
	return BPF_CORE_READ((const struct tcp_sock *)md_kernel_socket(address), rcv_nxt) - md_copied_seq(address);
}

/* The peer has sent FIN, or a reset came: what is unread is all that will ever come. */
static __always_inline bool md_at_end(__u64 address)
{
	return BPF_CORE_READ_BITFIELD_PROBED(md_kernel_socket(address), sk_shutdown) & MD_RCV_SHUTDOWN;
}

/* Data bytes that were sent by TCP and acknowledged. */
static __always_inline __u64 md_bytes_by_tcp(__u64 address)
{
	return BPF_CORE_READ((const struct tcp_sock *)md_kernel_socket(address), bytes_acked);
}

/* Bytes that were written and do not fit into the window that the receiver last announced. */
static __always_inline __u32 md_blocked(__u64 address)
{
	const struct tcp_sock *tp = (const struct tcp_sock *)md_kernel_socket(address);
	__u32 written = BPF_CORE_READ(tp, write_seq) - BPF_CORE_READ(tp, snd_una);
	__u32 window = BPF_CORE_READ(tp, snd_wnd);

	return written > window ? written - window : 0;
}

/* Memory charged to the receive queues: TCP's and, where the kernel does so, the short way's. */
static __always_inline __u32 md_receive_memory(__u64 address)
{
	return BPF_CORE_READ(md_kernel_socket(address), sk_backlog.rmem_alloc.counter);
}

/* Pages of memory that TCP uses on this node: where the socket's protocol counts them. Each CPU keeps a few for itself,
 * so the sum may be below zero. */
static __always_inline __s64 md_tcp_pages(__u64 address)
{
	__s64 pages = 0;

	bpf_probe_read_kernel(&pages, sizeof(pages),
	                      BPF_CORE_READ(md_kernel_socket(address), __sk_common.skc_prot, memory_allocated));
	return pages;
}

static __always_inline __u32 md_receive_buffer(__u64 address)
{
	return BPF_CORE_READ(md_kernel_socket(address), sk_rcvbuf);
}

static __always_inline __u32 md_send_buffer(__u64 address)
{
	return BPF_CORE_READ(md_kernel_socket(address), sk_sndbuf);
}

/* setsockopt(SO_RCVBUF) was called: TCP does not let the buffer grow. SOCK_RCVBUF_LOCK, include/net/sock.h. */
static __always_inline bool md_receive_buffer_is_fixed(__u64 address)
{
	return BPF_CORE_READ_BITFIELD_PROBED(md_kernel_socket(address), sk_userlocks) & 2;
}

static __always_inline bool md_is_multipath(__u64 address)
{
	const struct tcp_sock *tp = (const struct tcp_sock *)md_kernel_socket(address);

	return bpf_core_field_exists(tp->is_mptcp) && BPF_CORE_READ(tp, is_mptcp);
}

static __always_inline bool md_has_upper_layer(__u64 address)
{
	return BPF_CORE_READ((const struct inet_connection_sock *)md_kernel_socket(address), icsk_ulp_ops) != NULL;
}

static __always_inline __u32 md_user(__u64 address)
{
	return BPF_CORE_READ(md_kernel_socket(address), sk_uid.val);
}

/* Its network namespace: inode number, as in /proc/PID/ns/net. */
static __always_inline __u32 md_namespace(__u64 address)
{
	return BPF_CORE_READ(md_kernel_socket(address), __sk_common.skc_net.net, ns.inum);
}

/* The socket's psock: what makes it an enrolled one. NULL: it is none, or no more. */
static __always_inline const struct sk_psock *md_psock(__u64 address)
{
	unsigned long data = (unsigned long)BPF_CORE_READ(md_kernel_socket(address), sk_user_data);

	return (const struct sk_psock *)(data & ~(unsigned long)MD_PSOCK_FLAGS);
}

/* Whether nothing of the short way waits for the reader. */
static __always_inline bool md_short_queue_is_empty(const struct sk_psock *psock)
{
	return (const void *)BPF_CORE_READ(psock, ingress_msg.next) ==
	       (const void *)((const char *)psock + bpf_core_field_offset(psock->ingress_msg));
}

static __always_inline bool md_timer_holds(const struct timer_list *timer)
{
	return BPF_CORE_READ(timer, entry.pprev) != NULL;
}

/*
 * References to a socket but for those of its timers. A message on its way into the socket's queue holds one, from the
 * verdict on (sk_psock_msg_verdict() in net/core/skmsg.c), so a socket that has no more than at rest has none coming.
 */
static __always_inline __u32 md_references(__u64 address)
{
	const struct inet_connection_sock *icsk = (const struct inet_connection_sock *)md_kernel_socket(address);
	const struct sock *sk = md_kernel_socket(address);
	__u32 references = BPF_CORE_READ(sk, __sk_common.skc_refcnt.refs.counter);

	if (md_timer_holds(&sk->sk_timer))
		references--;
	if (bpf_core_field_exists(icsk->icsk_retransmit_timer) && md_timer_holds(&icsk->icsk_retransmit_timer))
		references--;
	if (md_timer_holds(&icsk->icsk_delack_timer))
		references--;
	const struct inet_connection_sock___keepalive *newer = (const void *)icsk;

	if (bpf_core_field_exists(newer->icsk_keepalive_timer) && md_timer_holds(&newer->icsk_keepalive_timer))
		references--;
	return references;
}

static __always_inline const struct cgroup *md_cgroup(__u64 address)
{
	const struct sock *sk = md_kernel_socket(address);
	const struct sock_cgroup_data *data = &sk->sk_cgrp_data;
	const struct sock_cgroup_data___value *older = (const void *)data;

	if (bpf_core_field_exists(data->cgroup))
		return BPF_CORE_READ(data, cgroup);
	/* The lowest bit set: the field holds something else, and the socket belongs to the root. */
	__u64 value = BPF_CORE_READ(older, val);

	return value & 1 ? NULL : (const struct cgroup *)(unsigned long)value;
}

/* The id of a cgroup's ancestor, 0 above its own level. */
static __always_inline __u64 md_ancestor(const struct cgroup *cgroup, __u32 level)
{
	const struct cgroup___ids *older = (const void *)cgroup;
	const struct cgroup *ancestor = NULL;
	__u64 id = 0;

	if (level > (__u32)BPF_CORE_READ(cgroup, level))
		return 0;
	if (bpf_core_field_exists(older->ancestor_ids)) {
		bpf_probe_read_kernel(&id, sizeof(id),
		                      (const char *)cgroup + bpf_core_field_offset(older->ancestor_ids) + level * 8);
		return id;
	}
	bpf_probe_read_kernel(&ancestor, sizeof(ancestor),
	                      (const char *)cgroup + bpf_core_field_offset(cgroup->ancestors) + level * 8);
	return BPF_CORE_READ(ancestor, kn, id);
}

static __always_inline __u64 md_inode(__u64 address)
{
	return BPF_CORE_READ(md_kernel_socket(address), sk_socket, file, f_inode, i_ino);
}

#endif
