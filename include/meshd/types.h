/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Plain values that cross the border between kernel and userspace. Read by BPF C, by the agent (C++) and by the tests,
 * so only fixed-width types, no pointers, no hidden padding: every byte of a map key takes part in its hash.
 */
#ifndef MESHD_TYPES_H
#define MESHD_TYPES_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#include "meshd/counters.h"

/* Longest service name with its terminating NUL: a namespace and a DNS label fit with room to spare. */
#define MD_NAME_SIZE 128

/*
 * An IPv6 address, or an IPv4 address in its IPv4-mapped form ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), in network byte
 * order. One form for both families, so that no map and no function exists twice.
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
	MD_PICK_RANDOM = 0,  /* each slot with equal probability */
	MD_PICK_CYCLE = 1,   /* one slot after the other, by the service's cursor */
	MD_PICK_MAGLEV = 2,  /* by md_maglevs and a hash */
	MD_PICK_LEAST = 3,   /* of two drawn slots, the one with fewer open connections for its weight */
	MD_PICK_LATENCY = 4, /* of two drawn slots, the one with the lower score (bpf/lib/score.h) */
};

/* Families of backends that a call can be sent to: an AF_INET socket only to IPv4, an AF_INET6 socket in connect() to
 * both. */
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

/* Whether connections to a service may take the short way. */
enum md_service_way {
	MD_WAY_DEFAULT = 0,           /* as md_acceleration says */
	MD_WAY_OFF = 1,               /* never */
	MD_WAY_NAMED = 2,             /* named by its configuration */
	MD_WAY_FIONREAD_ACCEPTED = 3, /* named, and its programs do not trust FIONREAD */
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

/* Bits of md_table.guided. */
#define MD_GUIDED           1
#define MD_GUIDED_BY_SOURCE 2 /* by who asks: Maglev, affinity */

/* The part of a table that holds for the whole service. Repeated in each of its slots, so one line of a dump explains
 * itself. */
struct md_table {
	__u32 slots_v4; /* slots [0, slots_v4) hold IPv4 backends */
	__u32 slots_v6; /* slots [slots_v4, slots_v4 + slots_v6) hold IPv6 backends */
	__u32 near_v4;  /* the first so many of slots_v4 are near; only with md_balancing.prefers_local */
	__u32 near_v6;
	__u8 pick;        /* enum md_pick */
	__u8 no_backend;  /* enum md_no_backend */
	__u8 way;         /* enum md_service_way */
	__u8 forward;     /* enum md_forward */
	__u32 affinity_s; /* clients keep their backend for so long; 0: they do not. Of forwarded packets: after the
	                     last */
	__u8 guided;      /* MD_GUIDED, when md_balancing has an entry to look at, and MD_GUIDED_BY_SOURCE */
	__u8 tls;         /* MD_TLS_MUTUAL, MD_TLS_SAME_NODE; 0: connections are plain */
	__u8 reserved[2]; /* zero */
};

/*
 * One slot of a service's table: value of the inner arrays of md_tables. A backend of weight w stands in w slots
 * (divided by the greatest common divisor of all weights), so one draw of one slot is a weighted choice. A service
 * without a usable backend has one slot with backend_id 0 and both counts 0.
 */
struct md_slot {
	struct md_table table;
	__u32 backend_id;
	__u16 weight;  /* of the backend, for MD_PICK_LEAST and md_balancing.spill_open */
	__u8 subset;   /* index of its subset; two choices are made within one */
	__u8 reserved; /* zero */
	struct md_endpoint backend;
};

enum md_backend_state {
	MD_BACKEND_READY = 0,     /* takes new connections */
	MD_BACKEND_DRAIN = 1,     /* takes none, keeps those it has */
	MD_BACKEND_MAINT = 2,     /* out of service by an operator's word */
	MD_BACKEND_UNHEALTHY = 3, /* its probes fail: takes none */
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

/* How far a connection to a service has been counted in md_traffic. */
enum md_followed {
	MD_FOLLOWED_NOT = 0,
	MD_FOLLOWED_CONNECTING = 1,
	MD_FOLLOWED_OPEN = 2,
};

/* Value of md_sock_peer (socket storage): what a connected socket was told its peer is. */
struct md_sock_peer {
	struct md_translation peer;
	__u8 way;          /* enum md_service_way, of the service when the socket connected */
	__u8 followed;     /* enum md_followed */
	__u8 counted;      /* 1: it is one of md_vitals.open of counted_id */
	__u8 unlisted;     /* 1: the backend is on this host, and nothing was found that listens there */
	__u32 response_us; /* from the last payload out to the first in after it, the last time; 0: not seen, or not
	                      timed */
	__u64 asked_ns;    /* when the last payload went out that has no answer yet; 0: none */
	__u64 syn_ns;      /* CLOCK_MONOTONIC */
	__u32 counted_id;
	__u8 steered; /* 1: it is connected to an outbound listener, which is to reach the backend */
	__u8 reserved[3];
};

/* An unconnected UDP socket talks to several services; the oldest translation gives way to a ninth. */
#define MD_UDP_WAYS 8

/* Value of md_sock_udp (socket storage). */
struct md_sock_udp {
	__u32 next; /* the way that is written next, modulo MD_UDP_WAYS */
	__u32 reserved;
	struct md_translation ways[MD_UDP_WAYS];
};

/*
 * The short way: what two sockets of this host say to each other goes from one's send call into the other's receive
 * queue (docs/acceleration.md). A socket on it is "enrolled", two that belong together are a "pair".
 */

/* A TCP connection as its client sees it. Key of md_handshakes. */
struct md_tuple {
	struct md_address client;
	struct md_address server;
	__be16 client_port;
	__be16 server_port;
};

/* Value of md_handshakes: a connection that a listener of this host was asked for, until both ends are enrolled. */
struct md_handshake {
	__u64 pair; /* 0: the client has not been seen yet; else its key in md_pairs */
	__u32 client_snd_nxt;
	__u32 client_rcv_nxt;
};

enum md_side {
	MD_CLIENT = 0,
	MD_SERVER = 1,
};

/* One socket of a pair. Programs check that the cookie still stands in the socket before they believe its address. */
struct md_end {
	__u64 socket;  /* address of the kernel's tcp_sock; 0: not enrolled, or closed */
	__u64 cookie;  /* socket cookie, its key in md_sockets */
	__u32 process; /* thread group that connected or last sent; 0: not known */
	__u32 closed;  /* 1: TCP is done with it, but it has brought bytes that wait: it is still to be taken out */
};

/* How far back the senders of a way remember the position of their messages: MD_MARKS times MD_MARK_EVERY. */
#define MD_MARKS      8
#define MD_MARK_EVERY 128

/* One direction of a pair. Written by the program that runs when its sender sends, under the sender's lock. */
struct md_way {
	__u64 bytes;     /* sent by the short way */
	__u64 messages;  /* sent by the short way */
	__u32 clean_seq; /* the receiver was seen to have read all that came by TCP when the sender's write_seq was this
	                  */
	__u8 clean;      /* clean_seq holds */
	__u8 pad[3];
	__u32 marks[MD_MARKS]; /* lower half of `bytes` at each MD_MARK_EVERY-th message, a ring */
};

/* Value of md_pairs; the key is the client's socket cookie. */
struct md_pair {
	struct md_end ends[2]; /* by enum md_side */
	struct md_way ways[2]; /* ways[s]: what ends[s] sends */
	struct md_tuple tuple;
	__u32 closed;           /* how many of its ends have closed */
	__u64 opened_ns;        /* CLOCK_MONOTONIC */
	__u64 stopped_until_ns; /* nothing takes the short way before this time; as of `epoch` */
	__u64 told_ns;          /* when the agent was last told that its readers are behind */
	__u64 asked_ns;         /* when the client last sent and had no answer yet; 0: the server has answered */
	__u32 response_us;      /* from there to the answer, the last time; 0: not seen */
	__u32 backend_id;       /* 0: the client named no service */
	__u32 epoch;            /* of md_acceleration when stopped_until_ns was looked up */
	__u32 service_id;       /* 0: the client named no service */
	__u8 sticky;            /* once a message had to take TCP the pair leaves for good */
	__u8 left;              /* 0, or 1 + enum md_why: it leaves, or has left */
	__u8 pad[6];
};

/* Value of md_sock_pair (socket storage): where an enrolled socket belongs. */
struct md_sock_pair {
	__u64 pair; /* key in md_pairs */
	__u32 side; /* enum md_side */
	__u32 reserved;
};

enum md_mode {
	MD_MODE_OFF = 0,
	MD_MODE_NAMED = 1, /* only services that are named */
	MD_MODE_ON = 2,
};

enum md_scope {
	MD_SCOPE_NONE = 0,     /* only services that are named */
	MD_SCOPE_SERVICES = 1, /* connections to services */
	MD_SCOPE_ALL = 2,      /* every TCP connection between sockets of this host */
};

/* Value of md_acceleration[0]: what the agent has decided. */
struct md_acceleration {
	__u32 epoch;        /* raised with each change that open pairs must hear of */
	__u8 mode;          /* enum md_mode */
	__u8 scope;         /* enum md_scope */
	__u8 sticky;        /* FIONREAD is wrong for bytes that come by TCP: see md_pair */
	__u8 accepted_only; /* FIONREAD is wrong for bytes of the short way: only MD_WAY_FIONREAD_ACCEPTED */
	__u8 counted;       /* the kernel does not charge waiting bytes to the receiver: md_consumed tells */
	__u8 exclusions;    /* bit 1 << enum md_exclusion_kind: md_excluded has such entries */
	__u16 idle_refs;    /* references that a socket at rest on the short way has, from the self-test */
	__u32 reserved;
	__u64 stopped_until_ns; /* a pause of the whole node; ~0: until it is resumed */
	__u64 budget_pages;     /* of TCP memory on this node; above it nothing takes the short way */
	__u64 ceiling;          /* bytes: the most that may wait for one reader */
};

/* Value of md_halts: a service that is kept off the short way. Times of CLOCK_MONOTONIC, ~0: without end. */
struct md_halt {
	__u64 stopped_until_ns; /* a pause: open pairs obey too */
	__u64 learned_until_ns; /* its readers fell behind too often: no new pairs */
	__u32 excluded;         /* 1: configuration excludes it by name */
	__u32 reserved;
};

enum md_exclusion_kind {
	MD_EXCLUDE_PORT = 0,
	MD_EXCLUDE_CGROUP = 1, /* by cgroup id, with all below it */
	MD_EXCLUDE_USER = 2,
};

/* Key of md_excluded. */
struct md_exclusion {
	__u32 kind; /* enum md_exclusion_kind */
	__u32 reserved;
	__u64 value; /* port in host order, cgroup id, uid */
};

/* Value of md_paths, per CPU; the key is the service id, 0: no service. */
struct md_paths {
	__u64 opened;            /* pairs made */
	__u64 left;              /* pairs that left the short way */
	__u64 bytes_short;       /* of ends that have closed; open pairs have their own */
	__u64 messages_short;    /* likewise */
	__u64 bytes_tcp;         /* by TCP, of ends that have closed */
	__u64 why[MD_WHY_COUNT]; /* connections not paired, and messages sent by TCP, by enum md_why */
};

/* Record of md_events: a pair begins to leave, or a reader of it has fallen behind. */
struct md_event {
	__u64 pair;
	__u32 service_id;
	__u32 why;  /* enum md_why */
	__u32 left; /* 1: it leaves */
	__u32 reserved;
};

/* Value of md_meta[0]: who made these maps. */
struct md_meta {
	__u32 abi_version;
	__u32 reserved;
	char made_by[56]; /* version of the agent that created the maps */
};

#endif
