/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One record for each flow that this node knows: TCP connections of local sockets (followed by sockops), and packets
 * that pass the devices that configuration names. Translated flows are counted in their tracks: see md_track.
 */
#ifndef MESHD_FLOWS_H
#define MESHD_FLOWS_H

#include "meshd/types.h"

/* Value of md_flow_config[0]: what the agent has decided. */
struct md_flow_config {
	__u8 sockets; /* 1: TCP connections of local sockets are followed */
	__u8 devices; /* 1: packets that pass devices untranslated are counted */
	__u8 watched; /* 1: somebody reads md_flow_events */
	__u8 timed;   /* 1: packets are timed from request to answer */
};

/* Key of md_flows and md_device_flows: the two ends in the order of their bytes, so that both directions find the same
 * record. */
struct md_flow_key {
	struct md_address low; /* low, low_port < high, high_port as bytes */
	struct md_address high;
	__be16 low_port;
	__be16 high_port;
	__u8 protocol;
	__u8 twin; /* below MD_FLOW_TWINS. Sockets of two network namespaces may have the same ends: the later counts on
	            */
	__u8 reserved[2];
};

#define MD_FLOW_TWINS 4

enum md_flow_source {
	MD_FLOW_SOCKET = 1, /* a socket of this node: TCP's own counters say how much */
	MD_FLOW_DEVICE = 2, /* counted packet by packet at a device */
	MD_FLOW_TRACK = 3,  /* of a translated connection: in events only, its record is a pair of md_tracks */
};

enum md_flow_state {
	MD_FLOW_OPENING = 0,
	MD_FLOW_ESTABLISHED = 1,
	MD_FLOW_CLOSED = 2, /* ended by FIN on both sides, or by a socket that closed */
	MD_FLOW_RESET = 3,  /* ended by RST of either side, or given up since the peer did not answer */
	MD_FLOW_FAILED = 4, /* connect() did not succeed */
};

/* One direction. */
struct md_flow_way {
	__u64 bytes;       /* payload that TCP has delivered, or that passed a device */
	__u64 bytes_short; /* payload by the short way */
	__u64 packets;
	__u32 next_seq; /* MD_FLOW_DEVICE: as in md_track */
	__u32 reserved;
};

/*
 * Value of md_flows (MD_FLOW_SOCKET) and md_device_flows (MD_FLOW_DEVICE). Times of CLOCK_MONOTONIC. A connection with
 * both ends in the served cgroup has one record, which its client's socket owns.
 */
struct md_flow {
	struct md_flow_way ways[2]; /* [0]: from low to high */
	__u64 start_ns;
	__u64 seen_ns;    /* last change that the kernel noted; open sockets are asked when the record is read */
	__u64 socket;     /* address of the tcp_sock that owns the record; 0: closed, or a device's */
	__u64 cookie;     /* its cookie */
	__u64 cgroup;     /* id of its cgroup */
	__u64 asked_ns;   /* MD_FLOW_DEVICE: when the client last sent payload and had no answer yet; 0: it has one */
	__u32 service_id; /* 0: to no service */
	__u32 backend_id;
	struct md_endpoint service; /* the address that the application asked for; zero: no service */
	__u32 connect_us;           /* from SYN to established, for flows that were opened here */
	__u32 rtt_us;               /* smoothed */
	__u32 min_rtt_us;
	__u32 retransmits; /* segments */
	__u32 response_us; /* last: from the last byte of a request to the first byte of its answer; 0: not seen */
	__u32 device;      /* MD_FLOW_DEVICE: interface index that first saw it */
	__u8 client;       /* 0: low opened the flow, 1: high did */
	__u8 outgoing;     /* MD_FLOW_SOCKET: 1: the owner is the client */
	__u8 source;       /* enum md_flow_source */
	__u8 state;        /* enum md_flow_state */
	__u8 fins;         /* MD_FLOW_DEVICE: bit 0: FIN from low, bit 1: from high */
	__u8 settled;      /* MD_FLOW_DEVICE: it goes on after its handshake, and no socket has taken it over */
	__u8 pad[6];
};

enum md_flow_change {
	MD_FLOW_OPENED = 1,
	MD_FLOW_ENDED = 2,
	MD_FLOW_REFUSED = 3, /* no backend, or forbidden */
};

/* How the node knows that a flow has ended. */
enum md_flow_end {
	MD_FLOW_END_SEEN = 0, /* its state says how */
	MD_FLOW_END_AGED = 1, /* nothing was seen of it for as long as its state allows: told by the agent */
};

/* Record of md_flow_events. */
struct md_flow_event {
	struct md_flow_key key;
	__u32 change; /* enum md_flow_change */
	__u32 reason; /* MD_FLOW_REFUSED: enum md_reason; MD_FLOW_ENDED: enum md_flow_end */
	__u32 reserved[2];
	struct md_flow flow; /* MD_FLOW_REFUSED: only what was asked for, and by whom */
};

/* Value of md_flows_ended: records that stay for a while so that they can be listed. The oldest of a CPU gives way. */
struct md_flow_ended {
	struct md_flow_key key;
	__u64 ended_ns; /* md_flow.seen_ns of that record; 0: none */
	__u64 next;     /* of entry 0: how many have ended on this CPU */
};

/*
 * Histograms: bucket b counts times below 2^b times 16 us that no earlier bucket holds; the last holds the rest.
 * From 16 us, a round trip within a rack, to about 8.4 s.
 */
#define MD_TIME_BUCKETS 20
#define MD_TIME_UNIT_US 16

struct md_times {
	__u64 buckets[MD_TIME_BUCKETS];
	__u64 sum_us;
};

enum md_timing {
	MD_TIMING_CONNECT = 0,
	MD_TIMING_RTT = 1,
	MD_TIMING_RESPONSE = 2,
	MD_TIMINGS = 3,
};

/* Key of md_traffic: only connections to services are in it. */
struct md_traffic_key {
	__u32 service_id;
	__u32 backend_id;
};

/*
 * Value of md_traffic, per CPU: connections of local sockets to one backend. It does not need their records, so it is
 * right when md_flows is full, but for connect times. Bytes of open connections are in their sockets.
 */
struct md_traffic {
	__u64 opened;      /* established */
	__u64 closed;      /* of those */
	__u64 failed;      /* connect() that did not succeed */
	__u64 resets;      /* of closed: ended by MD_FLOW_RESET */
	__u64 retransmits; /* segments, of closed connections */
	__u64 bytes_out;   /* to the backend by TCP, of closed connections */
	__u64 bytes_in;    /* from it, likewise */
	__u64 short_out;   /* by the short way, likewise */
	__u64 short_in;
	struct md_times times[MD_TIMINGS];
};

#endif
