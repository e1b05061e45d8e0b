/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What connections to a backend came to: the only writers of md_traffic. */
#ifndef MESHD_LIB_TRAFFIC_H
#define MESHD_LIB_TRAFFIC_H

static __always_inline struct md_traffic *md_traffic_of(__u32 service_id, __u32 backend_id)
{
	static const struct md_traffic none = {};
	struct md_traffic_key key = {.service_id = service_id, .backend_id = backend_id};
	struct md_traffic *traffic = bpf_map_lookup_elem(&md_traffic, &key);

	if (traffic)
		return traffic;
	bpf_map_update_elem(&md_traffic, &key, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&md_traffic, &key);
}

static __always_inline void md_note_time(struct md_times *times, __u64 us)
{
	__u32 bucket;

	for (bucket = 0; bucket < MD_TIME_BUCKETS - 1; bucket++)
		if (us < (__u64)MD_TIME_UNIT_US << bucket)
			break;
	times->buckets[bucket] += 1;
	times->sum_us += us;
}

#endif
