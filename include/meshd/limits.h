/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How many connections a service takes from this node (docs/policy.md, "Limits"). */
#ifndef MESHD_LIMITS_H
#define MESHD_LIMITS_H

#ifndef __VMLINUX_H__
#include <linux/bpf.h>
#endif

#include "meshd/forward.h"
#include "meshd/types.h"

/* Value of md_limits; the key is the service id. A service without limits has no entry. */
struct md_limit {
	__u32 connections; /* open at one time; 0: no bound */
	__u32 reserved;
	__u64 interval_ns; /* between two new connections in the long run; 0: no bound */
	__u64 burst_ns;    /* how far connections may be ahead of that: interval_ns times those that may come at once */
};

/*
 * Value of md_limit_state. The token bucket is kept as the time at which the next connection would be due if all came
 * at the steady rate (the generic cell rate algorithm, ITU-T I.371): one number, and no timer that fills it.
 */
struct md_limit_state {
	struct bpf_spin_lock lock;
	__u32 open; /* entries of md_open and md_open_tracks of this service */
	__u64 due_ns;
	__u64 refused_connections;
	__u64 refused_rate;
};

/* Value of md_open: a connection that counts against its service's bound. The key is the socket's cookie. */
struct md_open {
	__u64 socket;   /* address of the kernel's socket */
	__u64 since_ns; /* CLOCK_MONOTONIC */
	__u32 service_id;
	__u32 followed; /* 1: a SYN was sent, so its close will be told */
};

/* Value of md_open_tracks: the same for a forwarded connection. The key is that of its REQUEST track. */
struct md_open_track {
	__u64 since_ns;
	__u32 service_id;
	__u32 reserved;
};

/* Program md_release_open: is the socket of an entry of md_open still there? If not, and the entry is older than
 * `before_ns`, it is released. */
struct md_release_open {
	__u64 cookie;    /* in */
	__u64 before_ns; /* in */
	__u32 released;  /* out */
	__u32 reserved;
};

/* Program md_release_track: likewise for an entry of md_open_tracks, and its track. */
struct md_release_track {
	struct md_track_key key; /* in */
	__u64 before_ns;         /* in */
	__u32 released;          /* out */
	__u32 reserved;
};

#endif
