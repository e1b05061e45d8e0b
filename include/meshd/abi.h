/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between the programs in the kernel and everything else. Raise MD_ABI_VERSION with every change of a key,
 * a value or the meaning of a map: it names the directory of the pins, so programs and maps of two versions never mix.
 */
#ifndef MESHD_ABI_H
#define MESHD_ABI_H

#include "meshd/balance.h"
#include "meshd/counters.h"
#include "meshd/flows.h"
#include "meshd/forward.h"
#include "meshd/limits.h"
#include "meshd/maps.h"
#include "meshd/policy.h"
#include "meshd/tls.h"
#include "meshd/types.h"

#define MD_ABI_VERSION 2

/*
 * Questions to the datapath. Their bytes follow an Ethernet header of zeros in the packet that is given to a program of
 * bpf/inspect.bpf.c by BPF_PROG_TEST_RUN; the answer comes back in the same place.
 */
#define MD_QUESTION_OFFSET 14

/* Program md_explain, for `meshctl explain` and the tests: which backend would be chosen? */
struct md_explain {
	struct md_endpoint destination; /* in: what the application asks for */
	__u8 reach;                     /* in: enum md_reach, the families of backends that the socket can be sent to */
	__u8 pad[3];                    /* zero */
	__u32 draw;                     /* in: the random number to begin with; 0: draw one */
	__u32 hash;                     /* in: for MD_PICK_MAGLEV; 0: as `draw` */
	__u64 now_ns;                   /* in: CLOCK_MONOTONIC to reckon with; 0: what it is */
	__u32 reason;                   /* out: enum md_reason */
	__s32 error;                    /* out: 0, or the negative errno that connect() would return */
	__u32 service_id;               /* out: 0 when the destination is no service */
	__u32 slot;                     /* out: index of the slot that was picked */
	__u32 slots;                    /* out: how many slots it was picked from */
	__u32 backend_id;               /* out */
	struct md_endpoint backend;     /* out */
	__u32 tls;                      /* out: 1: the connection would be encrypted, or could not be */
};

/*
 * Programs md_find_tables and md_read_table: what does md_tables hold? On older kernels (seen on 5.10 and 6.1) each
 * system call that looks at an entry of a map of maps waits until all its readers have left, ten milliseconds or more;
 * a program does not.
 */
#define MD_FIND_WORDS 4

struct md_find_tables {
	__u32 first;                  /* in: service id of the lowest bit */
	__u32 reserved;               /* zero */
	__u64 present[MD_FIND_WORDS]; /* out: bit i of word w: service first + 64 w + i has a table */
};

#define MD_READ_SLOTS 16

struct md_read_table {
	__u32 service_id;                    /* in */
	__u32 first;                         /* in: slot to begin with */
	__u32 count;                         /* out: slots that follow; fewer than MD_READ_SLOTS: the table ends here */
	struct md_slot slots[MD_READ_SLOTS]; /* out */
};

/* Program md_find_maglevs: what does md_maglevs hold? As md_find_tables: cheaper than system calls. */
#define MD_FIND_MAGLEVS 64

struct md_find_maglevs {
	__u32 first;                         /* in: service id of fingerprints[0] */
	__u32 reserved;                      /* zero */
	__u64 fingerprints[MD_FIND_MAGLEVS]; /* out: of service first + i; 0: it has no table */
};

/*
 * Program md_look_at_pair: where a pair stands and, when asked to, one step of leaving: an end that nothing waits in,
 * and nothing is on its way to, is taken out of md_sockets.
 */
enum md_end_state {
	MD_END_NONE = 0,     /* not enrolled yet, or closed */
	MD_END_ENROLLED = 1, /* on the short way */
	MD_END_PLAIN = 2,    /* was taken out: a plain TCP socket again */
};

struct md_end_view {
	__u64 cookie;
	__u64 inode;          /* of the socket's file; 0: no process holds it */
	__u64 waiting;        /* bytes charged to its receive queues */
	__u64 bytes_tcp;      /* it sent by TCP */
	__u32 unread;         /* bytes that came by TCP and wait to be read */
	__u32 blocked;        /* bytes that it has to send, and may not: the peer's TCP window is closed */
	__u32 receive_buffer; /* bytes */
	__u32 references;     /* see md_acceleration.idle_refs */
	__u32 process;        /* see md_end */
	__u32 reserved;
	__u8 state;       /* enum md_end_state, after the step */
	__u8 taken_out;   /* this step did it */
	__u8 queue_empty; /* nothing of the short way waits */
	__u8 at_end;      /* the peer has sent FIN */
	__u8 pad[4];
};

enum md_take_out {
	MD_TAKE_OUT = 1,   /* sockets that can be */
	MD_FORGET_PAIR = 2 /* once TCP is done with its sockets and they are out: their readers have been told */
};

struct md_look_at_pair {
	__u64 pair;                 /* in: key in md_pairs */
	__u32 take_out;             /* in: bits of enum md_take_out */
	__u32 found;                /* out: 0: there is no such pair any more */
	struct md_pair value;       /* out */
	struct md_end_view ends[2]; /* out, by enum md_side */
};

/*
 * Program md_look_at_sockets: what TCP says now of sockets that own records of md_flows. Bytes are payload without SYN
 * and FIN, so those that the applications count.
 */
#define MD_LOOK_SOCKETS 32

/* What a TCP socket says of itself. */
struct md_socket_numbers {
	__u64 bytes_out; /* delivered: acknowledged by the peer */
	__u64 bytes_in;
	__u64 short_out; /* by the short way */
	__u64 short_in;
	__u32 packets_out;
	__u32 packets_in;
	__u32 rtt_us;
	__u32 min_rtt_us;
	__u32 retransmits;
	__u32 response_us;
};

struct md_socket_view {
	__u64 socket;   /* in: as in md_flow */
	__u64 cookie;   /* in */
	__u8 outgoing;  /* in */
	__u8 alive;     /* out: 0: there is no such socket any more */
	__u8 tcp_state; /* out: of the kernel (include/net/tcp_states.h) */
	__u8 pad[5];
	struct md_socket_numbers numbers; /* out */
};

struct md_look_at_sockets {
	__u32 count; /* in: up to MD_LOOK_SOCKETS */
	__u32 reserved;
	struct md_socket_view views[MD_LOOK_SOCKETS];
};

#endif
