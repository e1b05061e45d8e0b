/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The types of the first layout that had an ABI version (1), as they were: what a migration begins with. Never to be changed.
 * Included instead of meshd/abi.h, never beside it.
 */
#ifndef MESHD_FIRST_LAYOUT_H
#define MESHD_FIRST_LAYOUT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* Longest service name with its terminating NUL: a namespace and a DNS label fit with room to spare. */
#define MD_NAME_SIZE 128

/*
 * An IPv6 address, or an IPv4 address in its IPv4-mapped form ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), in network byte order.
 * One form for both families, so that no map and no function exists twice.
 */
struct md_address {
    __u8 bytes[16];
} __attribute__((aligned(4)));

/* Where a connection or a datagram goes. Also the key of md_frontends. */
struct md_endpoint {
    struct md_address address;
    __be16 port;
    __u8 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
    __u8 reserved; /* zero */
};

/* How a slot of a service's table is picked. Weights are already in the table: see md_slot. */
enum md_pick {
    MD_PICK_RANDOM = 0, /* each slot with equal probability */
    MD_PICK_CYCLE = 1,  /* one slot after the other, by the service's cursor */
};

/* Families of backends that a call can be sent to: an AF_INET socket only to IPv4, an AF_INET6 socket in connect() to both. */
enum md_reach {
    MD_REACH_V4 = 1,
    MD_REACH_V6 = 2,
    MD_REACH_BOTH = 3,
};

/* What connect() and sendmsg() answer when a service has no usable backend. */
enum md_no_backend {
    MD_NO_BACKEND_REFUSE = 0,      /* ECONNREFUSED */
    MD_NO_BACKEND_UNREACHABLE = 1, /* EHOSTUNREACH */
};

/* Value of md_frontends. */
struct md_frontend {
    __u32 service_id; /* index into md_tables and md_cursors, key of md_services; never 0 */
};

/*
 * What a service is called: value of md_services. "Service" in the kernel is one port of a service of the
 * registry. Only for people, for restarts (ids are found again by name) and for metrics; no program reads it.
 */
struct md_service {
    char name[MD_NAME_SIZE];
    __be16 port;
    __u8 protocol;
    __u8 reserved; /* zero */
};

/* The part of a table that holds for the whole service. Repeated in each of its slots, so one line of a dump explains itself. */
struct md_table {
    __u32 slots_v4;  /* slots [0, slots_v4) hold IPv4 backends */
    __u32 slots_v6;  /* slots [slots_v4, slots_v4 + slots_v6) hold IPv6 backends */
    __u8 pick;       /* enum md_pick */
    __u8 no_backend; /* enum md_no_backend */
    __u16 reserved;  /* zero */
};

/*
 * One slot of a service's table: value of the inner arrays of md_tables. A backend of weight w stands in w slots (divided by
 * the greatest common divisor of all weights), so one draw of one slot is a weighted choice. A service without a usable backend
 * has one slot with backend_id 0 and both counts 0.
 */
struct md_slot {
    struct md_table table;
    __u32 backend_id;
    struct md_endpoint backend;
};

enum md_backend_state {
    MD_BACKEND_READY = 0, /* takes new connections */
    MD_BACKEND_DRAIN = 1, /* takes none, keeps those it has */
    MD_BACKEND_MAINT = 2, /* out of service by an operator's word */
};

/* Value of md_backends: what a backend id means. */
struct md_backend {
    struct md_endpoint endpoint;
    __u32 service_id;
    __u16 weight;
    __u8 state;    /* enum md_backend_state */
    __u8 reserved; /* zero */
};

/* Value of md_cursors: where MD_PICK_CYCLE goes on. Written by programs. */
struct md_cursor {
    __u64 next;
};

/* Key of md_connects. backend_id 0 counts what reached no backend. */
struct md_connects_key {
    __u32 service_id;
    __u32 backend_id;
};

/* Value of md_connects, per CPU. */
struct md_connects {
    __u64 connects;  /* connect() calls given this backend (backend_id 0: refused) */
    __u64 datagrams; /* unconnected datagrams given this backend (backend_id 0: refused) */
};

/* A service address and the backend that stands for it on one socket. */
struct md_translation {
    struct md_endpoint service;
    struct md_endpoint backend;
    __u32 service_id;
    __u32 backend_id; /* 0: unused */
};

/* Value of md_sock_peer (socket storage): what a connected socket was told its peer is. */
struct md_sock_peer {
    struct md_translation peer;
};

/* An unconnected UDP socket talks to several services; the oldest translation gives way to a ninth. */
#define MD_UDP_WAYS 8

/* Value of md_sock_udp (socket storage). */
struct md_sock_udp {
    __u32 next; /* the way that is written next, modulo MD_UDP_WAYS */
    __u32 reserved;
    struct md_translation ways[MD_UDP_WAYS];
};

/* Value of md_meta[0]: who made these maps. */
struct md_meta {
    __u32 abi_version;
    __u32 reserved;
    char made_by[56]; /* version of the agent that created the maps */
};

#endif
