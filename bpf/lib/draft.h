/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs at devices work on that the stack has no room for. */
#ifndef MESHD_LIB_DRAFT_H
#define MESHD_LIB_DRAFT_H

/* A connection that is being made. In a map, for the stack has no room; nothing interrupts a program at a device by
 * another one on the same CPU. */
struct md_draft {
	struct md_packet packet;
	struct md_track request;
	struct md_track_key reply_key;
	struct md_track reply;
	/* When the connection is masqueraded. */
	struct md_address source; /* of this node */
	struct md_track_key source_key, return_key;
	struct md_track onward, back;
	__u32 hash; /* of the client */
	enum md_reason reason;
	/* What md_pick_backend() is asked with; backend_id: what it answered, or what the client keeps. */
	__u64 seed_and_hash, now_ns;
	__u32 asked, backend_id;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct md_draft);
} draft SEC(".maps");

static __always_inline const struct md_forwarding *md_forwarding_of_node(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&md_forwarding, &zero);
}

/* Puts a packet where functions that the verifier checks by themselves find it. NULL: cannot be, each CPU has its own
 * place. */
static __always_inline struct md_draft *md_put_draft(const struct md_packet *packet)
{
	__u32 zero = 0;
	struct md_draft *place = bpf_map_lookup_elem(&draft, &zero);

	if (place)
		place->packet = *packet;
	return place;
}

#endif
