/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What balancing looks at besides a service's table: how its backends do, as this node has seen it (docs/balancing.md).
 */
#ifndef MESHD_BALANCE_H
#define MESHD_BALANCE_H

#ifndef __VMLINUX_H__
#include <linux/bpf.h>
#endif

#include "meshd/types.h"

/* Whom a Maglev choice of connect() hashes, and who keeps a backend. Forwarded packets have a client's address in any
 * case. */
enum md_hash_by {
	MD_HASH_CONNECTION = 0, /* a new draw for each connection; affinity: as MD_HASH_SOURCE */
	MD_HASH_SOURCE = 1,     /* the address that the socket is bound to; unbound: its network namespace */
	MD_HASH_WORKLOAD = 2,   /* the cgroup of the process */
};

/*
 * Value of md_balancing; the key is the service id. A service whose policy needs none of this has no entry. Shares are
 * of MD_SHARE_ONE.
 */
struct md_balancing {
	__u32 failure_penalty_us; /* lambda: what a certain failure weighs against waiting */
	__u32 slow_start_ms;      /* a new backend gets its whole share after so long; 0: at once */
	__u32 affinity_s;         /* a source keeps its backend for so long after its last connection; 0: it does not */
	__u32 eject_ms;           /* first ejection; the n-th in a row lasts n times as long. 0: none is ejected */
	__u32 eject_longest_ms;
	__u16 eject_row;    /* failures in a row that eject; 0: any number */
	__u16 eject_rate;   /* smoothed share of failures that ejects; 0: any */
	__u16 eject_most;   /* share of the port's backends that may be ejected at one time */
	__u16 spill_open;   /* open connections for each unit of weight from which on others than near ones are used; 0:
	                       never */
	__u16 backends;     /* of the table, usable ones: what eject_most is a share of */
	__u8 hash_by;       /* enum md_hash_by */
	__u8 prefers_local; /* 1: near slots come first, see md_table.near_v4 */
};

/*
 * Value of md_eject_state; the key is the service id. The agent makes and removes entries, programs write them. The
 * lock holds for what the md_vitals of the service's backends say of failures and ejections, too (bpf/lib/eject.h).
 */
struct md_balancing_state {
	struct bpf_spin_lock lock;
	__u32 ejected; /* backends whose md_vitals.ejected_until_ns is not 0 */
};

/* What a connection that failed came to. */
enum md_failure {
	MD_FAILURE_NONE = 0,
	MD_FAILURE_REFUSED = 1,
	MD_FAILURE_RESET = 2,     /* before it was established */
	MD_FAILURE_TIMED_OUT = 3, /* no answer to SYN, or given up after it was sent more than once */
	MD_FAILURE_UNREACHABLE = 4,
	MD_FAILURE_UNANSWERED = 5, /* established, then reset or timed out before a byte came back */
};

enum md_ejection {
	MD_EJECTION_NOT = 0,
	MD_EJECTION_ROW = 1,  /* failures in a row */
	MD_EJECTION_RATE = 2, /* share of failures */
};

/*
 * Value of md_vitals; the key is the backend id. The agent makes and removes entries with their backends, programs
 * write them. Smoothed values are of the moment beside them; whoever reads one lets it decay from there to now
 * (bpf/lib/score.h).
 */
struct md_vitals {
	__s32 open;             /* TCP connections of this node's sockets, from SYN to their end */
	__u32 connect_us;       /* smoothed, from SYN to established; 0: not seen */
	__u32 response_us;      /* smoothed, from a request to its answer, where that is seen */
	__u16 failures;         /* smoothed share of failed connections, of MD_FAILURES_ONE */
	__u16 row;              /* failures in a row */
	__u64 connect_ns;       /* CLOCK_MONOTONIC: of what moment connect_us is */
	__u64 response_ns;      /* likewise */
	__u64 ejected_until_ns; /* 0: not ejected. A time that has passed counts as not ejected */
	__u64 ejected_ns;       /* when it was last ejected */
	__u64 judged_ns;        /* when `failures` was last written: its own moment */
	__u64 ready_since_ns;   /* for slow start: when the agent made it usable; 0: long ago */
	__u16 ejections;        /* in a row; halved for each eject_longest_ms without one */
	__u8 why;               /* enum md_ejection, of the last one */
	__u8 how;               /* enum md_failure, of the last failure; MD_FAILURE_NONE once a connection did well */
	__u8 unlisted;          /* 1: it is here and took a connection, although no socket was found that listens */
	__u8 reserved[3];
	__s32 forwarded; /* TCP connections of others that pass this node: as the agent counted them last, and since */
	__u32 pad;
};

/* Record of md_ejections: a backend was ejected. Times of CLOCK_MONOTONIC. */
struct md_ejected {
	__u64 since_ns;
	__u64 until_ns;
	__u32 service_id;
	__u32 backend_id;
	__u16 row;
	__u16 failures;
	__u16 ejections; /* in a row, this one among them */
	__u8 why;        /* enum md_ejection */
	__u8 how;        /* enum md_failure */
};

/*
 * Program md_readmit: ends an ejection. One that has expired is ended in any case, so that it is counted back also when
 * no connection comes.
 */
struct md_readmit {
	__u32 service_id; /* in */
	__u32 backend_id; /* in */
	__u32 early;      /* in: 1: also one that has not expired */
	__u32 ended;      /* out: 1: this call ended it */
};

/* Program md_recount: corrects md_vitals.forwarded. Tracks may go unseen. */
struct md_recount {
	__u32 backend_id; /* in */
	__s32 change;     /* in */
	__u32 found;      /* out: 0: it has no vitals */
};

/* Program md_warm_backend: from now on a backend is new, for slow start. */
struct md_warm {
	__u32 backend_id; /* in */
	__u32 found;      /* out: 0: it has no vitals */
};

/* Shares of md_balancing. */
#define MD_SHARE_ONE 1024

/* All failed, in md_vitals.failures: finer than MD_SHARE_ONE, for one sample in 64 must move small shares, too. */
#define MD_FAILURES_ONE 65535

/* Time constant of smoothed times and of the share of failures. */
#define MD_DECAY_NS 10000000000ULL

#endif
