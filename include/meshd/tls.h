/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Encryption between hosts (docs/tls.md). The kernel steers a connection that must be encrypted to the worker's
 * outbound listener, remembers for whom and where to, and refuses clear text from other hosts where it is not wanted.
 */
#ifndef MESHD_TLS_H
#define MESHD_TLS_H

#include "meshd/types.h"

/* Bits of md_table.tls. */
#define MD_TLS_MUTUAL    1 /* connections to backends of other hosts are encrypted */
#define MD_TLS_SAME_NODE 2 /* those to backends of this host, too */

/* Value of md_steering[0]: where the outbound listeners are. */
struct md_steering {
	struct md_address address_v4; /* of this node, for sockets of other network namespaces; all zero: none */
	struct md_address address_v6;
	__be16 port; /* 0: nobody listens, so what must be encrypted is refused */
	__u16 reserved;
};

/*
 * Key of md_steered: a connection to an outbound listener, the same at both of its ends. The client's end writes the
 * entry before its SYN; the listener's takes it out when the connection is established, and keeps what it says in
 * md_sock_steered as long as the socket is there.
 */
struct md_steered_key {
	struct md_tuple tuple;
	__u32 netns; /* inode number; 0 unless the listener's address is a loopback one, which each namespace has */
};

/* Value of md_steered and md_sock_steered, and what the worker is told of a connection that it accepted there. */
struct md_steered {
	struct md_endpoint service; /* what the application asked for */
	struct md_endpoint backend; /* what was chosen */
	__u32 service_id;
	__u32 backend_id;
	__u32 identity; /* number of the workload's identity; 0: that of the node */
	__u32 user;     /* uid of the socket's owner */
};

/* getsockopt(accepted, MD_SOL_MESHD, MD_SO_STEERED, struct md_steered *). ENOPROTOOPT or EOPNOTSUPP: nothing is known.
 */
#define MD_SOL_MESHD  0x6d64
#define MD_SO_STEERED 1

/* Where SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST are asked for: include/uapi/linux/netfilter_ipv4.h and …_ipv6. */
#define MD_SO_ORIGINAL_DST 80

enum md_identity_kind {
	MD_IDENTITY_CGROUP = 1, /* a cgroup with all below it, by its id; the deepest that is named counts */
	MD_IDENTITY_USER = 2,   /* uid, where no cgroup above the socket is named */
};

/* Key of md_identities; the value is the number of the identity, never 0. */
struct md_identity_key {
	__u64 value;
	__u32 kind; /* enum md_identity_kind */
	__u32 reserved;
};

/* Value of md_guarded; the key is the endpoint of a backend of an encrypted service that is on this host. */
struct md_guarded {
	__u32 service_id;
	__u32 backend_id;
	__u8 permissive; /* 1: clear text from other hosts passes and is counted */
	__u8 way;        /* enum md_service_way, for the worker's own connection to it */
	__u8 elsewhere;  /* 1: another service has the endpoint, a loopback one, on another host */
	__u8 reserved;   /* zero */
};

#endif
