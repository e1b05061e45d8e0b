/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sockets of meshd's worker, known by its user. It probes backends, and asks for each by its own address: when that is
 * a service's address, too, another backend's answer would be no answer. What it opens for clients of edge listeners is
 * not its own business, and is treated as any client's.
 */
#ifndef MESHD_LIB_WORKER_H
#define MESHD_LIB_WORKER_H

#include "meshd/edge.h"

/* uid; 0: the worker has no user of its own. Set before the programs are loaded. */
const volatile __u32 md_worker_user __weak = 0;

static __always_inline bool md_is_for_edge(const struct bpf_sock *sk)
{
	return sk && sk->priority == MD_EDGE_PRIORITY;
}

static __always_inline bool md_is_worker(const struct bpf_sock *sk)
{
	return md_worker_user && (__u32)bpf_get_current_uid_gid() == md_worker_user && !md_is_for_edge(sk);
}

#endif
