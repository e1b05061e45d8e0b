/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How backends do, and what the balancing of services looks at. A backend without an entry is one that nothing is
 * known of. */
#ifndef MESHD_LIB_VITALS_H
#define MESHD_LIB_VITALS_H

#include "lib/score.h"

static __always_inline struct md_vitals *md_vitals_of(__u32 backend_id)
{
	return bpf_map_lookup_elem(&md_vitals, &backend_id);
}

static __always_inline const struct md_balancing *md_balancing_of(__u32 service_id)
{
	return bpf_map_lookup_elem(&md_balancing, &service_id);
}

/* One connection more, or ended. */
static __always_inline void md_vitals_add_open(struct md_vitals *vitals, __s32 change)
{
	__sync_fetch_and_add(&vitals->open, change);
}

static __always_inline void md_vitals_add_forwarded(struct md_vitals *vitals, __s32 change)
{
	__sync_fetch_and_add(&vitals->forwarded, change);
}

/* CPUs that write at the same moment lose one sample of the two, which smoothing forgives. */
static __always_inline void md_vitals_note_connect(struct md_vitals *vitals, __u32 sample_us, __u64 now_ns)
{
	md_smooth_time(&vitals->connect_us, &vitals->connect_ns, sample_us ? sample_us : 1, now_ns);
}

static __always_inline void md_vitals_note_response(struct md_vitals *vitals, __u32 sample_us, __u64 now_ns)
{
	md_smooth_time(&vitals->response_us, &vitals->response_ns, sample_us ? sample_us : 1, now_ns);
}

#endif
