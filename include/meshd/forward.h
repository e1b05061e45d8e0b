/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Forwarded traffic: packets for a service address that no socket of a served cgroup sent. Programs at the devices that
 * configuration names give them a backend and remember it for each connection (docs/forwarding.md).
 */
#ifndef MESHD_FORWARD_H
#define MESHD_FORWARD_H

#include "meshd/types.h"

/* How packets for a service reach their backend. */
enum md_forward {
	MD_FORWARD_NONE = 0, /* not at all: only connect() and sendmsg() lead to backends */
	MD_FORWARD_NAT = 1,  /* the destination is translated, and the source where replies would miss this node */
	MD_FORWARD_DSR = 2,  /* direct server return: the packet is handed to the backend as it is */
};

/* When the source is translated, too. */
enum md_masquerade {
	MD_MASQUERADE_AUTO =
	        0, /* when the packet leaves by the device it came by: replies need not come back this way */
	MD_MASQUERADE_ALWAYS = 1, /* when it leaves this node at all */
	MD_MASQUERADE_NEVER = 2,
};

/* Value of md_forwarding[0]: what the agent has decided. */
struct md_forwarding {
	__u8 masquerade;     /* enum md_masquerade */
	__u8 node_ports;     /* 1: md_frontends has entries with 0.0.0.0 or ::, which stand for each of md_locals */
	__u8 rejects;        /* 1: who sends to a service without a usable backend is told, not left to wait */
	__u8 reserved;       /* zero */
	__u16 first_port;    /* host order: source ports that this node may use for translated sources */
	__u16 last_port;     /* host order, included */
	__u32 timeouts_s[8]; /* by enum md_track_state: a track that was not seen for so long is over */
};

/* What holds the programs at a device. */
enum md_mechanism {
	MD_MECHANISM_TCX = 1,        /* links */
	MD_MECHANISM_CLSACT = 2,     /* filters in a qdisc that was there */
	MD_MECHANISM_OWN_CLSACT = 3, /* filters in a qdisc that the agent has made */
};

/* Whether packets at a device are also seen at another one that is looked at. */
enum md_below {
	MD_BELOW_NOTHING = 0,
	MD_BELOW_MASTER = 1, /* a port of that one (bridge, bond): there, but for what passes from port to port */
	MD_BELOW_ITSELF = 2, /* another name for packets of that one (macvlan, ipvlan): all of them there */
};

/* Value of md_devices; the key is the interface index. A device without an entry is left alone. */
struct md_device {
	struct md_address v4; /* an address of this node on that device, for translated sources; zero: it has none */
	struct md_address v6;
	__u8 header_size; /* bytes before the IP header: 14, or 0 for devices without a link layer */
	__u8 mechanism;   /* enum md_mechanism; for the next agent, no program reads it */
	__u8 below;       /* enum md_below: flows are counted at another device of md_devices */
	__u8 reserved;    /* zero */
};

/* Value of md_locals. */
enum md_local {
	MD_LOCAL_OWN = 1, /* an address of this node */
	MD_LOCAL_NETWORK =
	        2, /* first or last address of a network that this node is in: broadcast, or any of its routers */
};

/* Key of md_tracks and md_opening: addresses and ports as they stand in a packet. */
struct md_track_key {
	struct md_address source;
	struct md_address destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 reserved[3];
};

/*
 * Destinations are translated where a packet comes in, sources where it leaves, as netfilter does: in between, routing,
 * firewalls and the check of sources see client and backend, both ways. A masqueraded connection has all four.
 */
enum md_track_kind {
	MD_TRACK_REQUEST = 1, /* coming in: from the client, to the service. The destination becomes the backend */
	MD_TRACK_REPLY = 2,   /* leaving: from the backend, to the client. The source becomes the service */
	MD_TRACK_SOURCE = 3,  /* leaving: from the client, to the backend. The source becomes this node */
	MD_TRACK_RETURN = 4,  /* coming in: from the backend, to this node. The destination becomes the client */
};

/*
 * Where a connection stands, as this node sees its packets (RFC 9293, 3.3.2).
 */
enum md_track_state {
	MD_TRACK_OPENING = 0,     /* in md_opening: the client has not shown that it hears the backend */
	MD_TRACK_ESTABLISHED = 1, /* both directions seen */
	MD_TRACK_CLOSING = 2,     /* a FIN seen from one side */
	MD_TRACK_CLOSED = 3,      /* FIN seen from both sides, or a RST */
	MD_TRACK_UDP = 4,         /* UDP, and both sides go on after the first answer */
	MD_TRACK_STATES = 5,
};

/* Bits of md_track.fins. */
#define MD_TRACK_FIN_REQUEST 1
#define MD_TRACK_FIN_REPLY   2
#define MD_TRACK_RESET       4
#define MD_TRACK_LIMITED     8 /* no end: of REQUEST, it began with a SYN that was held to the service's limit */

/*
 * Value of md_tracks and md_opening: what becomes of the packets of one direction. REQUEST and REPLY name each other,
 * SOURCE and RETURN likewise: the key of the other is (new destination, new source). What a connection has carried is
 * in REQUEST and REPLY.
 */
struct md_track {
	struct md_address source; /* what the addresses and ports become */
	struct md_address destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 kind;    /* enum md_track_kind */
	__u8 state;   /* enum md_track_state; the same in both entries that name each other */
	__u8 fins;    /* MD_TRACK_FIN_REQUEST and so on; likewise */
	__u8 forward; /* enum md_forward */
	__u32 service_id;
	__u32 backend_id;
	__u32 next_seq; /* TCP: the sequence number after the last payload byte that was counted */
	__u32 device;   /* interface index that first saw it */
	__u64 packets;
	__u64 bytes;    /* payload: retransmitted bytes count once */
	__u64 start_ns; /* CLOCK_MONOTONIC */
	__u64 seen_ns;
	__u64 asked_ns;    /* REQUEST: when the client last sent payload and had no answer yet; 0: it has one */
	__u32 response_us; /* REQUEST: last: from there to the first payload of the answer; 0: not seen */
	__u32 answered;    /* REPLY, TCP: acknowledgement number of the last payload */
};

/*
 * Value of md_track_ends: a filter in front of md_tracks and md_opening, which most packets have no entry in. Byte h is
 * 1 when a track was made to or from an address and port of hash h: services and backends, of which there are few. It
 * is never cleared: a full filter costs a look into the tables, as without it.
 */
#define MD_TRACK_ENDS 65536

struct md_track_ends {
	__u8 seen[MD_TRACK_ENDS];
};

/* Key of md_affinity: which backend a client of a service was given last. */
struct md_affinity_key {
	struct md_address client;
	__u32 service_id;
};

struct md_affinity {
	__u32 backend_id;
	__u32 reserved;
	__u64 seen_ns;
};

/*
 * A service's Maglev table (Eisenbud et al., NSDI 2016, section 3.4): value of the inner arrays of md_maglevs, each
 * element a row of MD_MAGLEV_ROW entries. Entries [0, size_v4) hold IPv4 backends, the size_v6 after them IPv6. Sizes
 * are primes, or 0 for a family without a usable backend; they stand in every row, so one row explains itself, and one
 * update replaces the table whole. The agent freezes an inner array before it puts it in place, so its fingerprint
 * stays true as long as it is there.
 */
#define MD_MAGLEV_ROW 12

struct md_maglev {
	__u32 size_v4;
	__u32 size_v6;
	__u64 fingerprint; /* of what the table was made from; never 0. For the agent, no program reads it */
	__u32 backends[MD_MAGLEV_ROW]; /* backend ids */
};

#endif
