/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a service address to a backend. Pure but for reading maps: it neither counts nor moves a cursor, so that
 * `meshctl explain` and the tests ask the very code that connect() runs.
 */
#ifndef MESHD_LIB_CHOOSE_H
#define MESHD_LIB_CHOOSE_H

#include "lib/pick.h"
#include "lib/verifier.h"
#include "lib/vitals.h"
#include "lib/maglev.h"

struct md_choice {
	__u32 service_id; /* 0: destination is no service */
	__u32 slot;       /* index in the table, or in that of Maglev */
	__u32 backend_id;
	const struct md_endpoint *backend; /* valid as long as the program runs */
	enum md_reason reason;             /* why there is no backend; undefined when there is one */
	__u8 way;                          /* as in md_table */
	__u8 tls;                          /* as in md_table */
	bool silent; /* it is here, and nothing was found that listens: see md_prefer_listener() */
};

static __always_inline const struct md_slot *md_slot_at(void *slots, __u32 index)
{
	return bpf_map_lookup_elem(slots, &index);
}

/* A backend that a source keeps, or NULL when it has to look for another. */
static __always_inline const struct md_backend *md_keep(__u32 backend_id, __u32 service_id, bool is_v4, __u64 now)
{
	const struct md_backend *backend = md_backend_of(backend_id, service_id, is_v4);

	return backend && backend->state == MD_BACKEND_READY && backend->weight &&
	                       !md_is_ejected(md_vitals_of(backend_id), now)
	               ? backend
	               : NULL;
}

static __always_inline __u32 md_service_of(const struct md_endpoint *destination)
{
	const struct md_frontend *frontend = bpf_map_lookup_elem(&md_frontends, destination);

	return frontend ? frontend->service_id : 0;
}

static __always_inline int md_no_backend_error(const struct md_table *table)
{
	return table->no_backend == MD_NO_BACKEND_UNREACHABLE ? -EHOSTUNREACH : -ECONNREFUSED;
}

/*
 * The part of a service's table that a socket may use: backends of the family that it asked for, else of the other
 * family if it can reach that. 0, or -errno with *reason set.
 */
static __always_inline int md_find_range(__u32 service_id, bool asked_v4, __u8 reach, struct md_range *range,
                                         enum md_reason *reason)
{
	__u32 zero = 0;
	const struct md_slot *head;

	range->slots = bpf_map_lookup_elem(&md_tables, &service_id);
	head = range->slots ? bpf_map_lookup_elem(range->slots, &zero) : NULL;
	if (!head) {
		*reason = MD_REASON_TABLE_MISSING;
		return -ECONNREFUSED;
	}

	__u32 v4 = reach & MD_REACH_V4 ? head->table.slots_v4 : 0;
	__u32 v6 = reach & MD_REACH_V6 ? head->table.slots_v6 : 0;

	range->service_id = service_id;
	range->pick = head->table.pick;
	range->way = head->table.way;
	range->guided = head->table.guided;
	range->tls = head->table.tls;
	if (v4 && (asked_v4 || !v6)) {
		range->is_v4 = 1;
		range->first = 0;
		range->count = v4;
		range->near = head->table.near_v4 ? head->table.near_v4 : v4;
		return 0;
	}
	if (v6) {
		range->is_v4 = 0;
		range->first = head->table.slots_v4;
		range->count = v6;
		range->near = head->table.near_v6 ? head->table.near_v6 : v6;
		return 0;
	}
	*reason = head->table.slots_v4 + head->table.slots_v6 ? MD_REASON_NO_BACKEND_OF_FAMILY : MD_REASON_NO_BACKEND;
	return md_no_backend_error(&head->table);
}

static __always_inline struct md_cursor *md_cursor_of(__u32 service_id)
{
	return bpf_map_lookup_elem(&md_cursors, &service_id);
}

/* How a backend is asked for: bits of md_pick_backend()'s `asked`. */
#define MD_ASKED_REACH     3 /* enum md_reach */
#define MD_ASKED_V4        4
#define MD_ASKED_FORWARDED 8 /* by a packet: by the hash, unless the service asks for what was seen of backends */

/* The ways that lead here leave the same behind. */
static __always_inline void md_blur_choosing(struct md_choosing *choosing, __u32 any)
{
	struct md_range *range = &choosing->range;

	range->first = md_blur(range->first, any);
	range->count = md_blur(range->count, any);
	range->near = md_blur(range->near, any);
	range->pick = md_blur(range->pick, any);
	range->is_v4 = md_blur(range->is_v4, any);
	choosing->penalty_us = md_blur(choosing->penalty_us, any);
	choosing->slow_start_ms = md_blur(choosing->slow_start_ms, any);
	choosing->spill_open = md_blur(choosing->spill_open, any);
	choosing->ejects = md_blur(choosing->ejects, any);
}

/*
 * A function of its own to the verifier, which looks at it once, and not once for each way that leads here: so it takes
 * numbers only. `seed_and_hash`: the hash in the upper half. Answers with the backend's id, and the slot in the upper
 * half; 0: none.
 */
__weak __noinline __u64 md_pick_backend(__u32 service_id, __u32 asked, __u64 seed_and_hash, __u64 position,
                                        __u64 now_ns)
{
	struct md_choosing choosing = {};
	struct md_picked picked = {};
	enum md_reason ignored;

	if (md_find_range(service_id, asked & MD_ASKED_V4, asked & MD_ASKED_REACH, &choosing.range, &ignored))
		return 0;
	choosing.draw.seed = (__u32)seed_and_hash;
	choosing.draw.hash = seed_and_hash >> 32;
	choosing.draw.position = position;
	choosing.draw.now_ns = now_ns;
	if (choosing.range.guided)
		md_guide(&choosing, md_balancing_of(service_id));
	if (asked & MD_ASKED_FORWARDED && !md_compares(choosing.range.pick))
		choosing.range.pick = MD_PICK_MAGLEV;
	md_blur_choosing(&choosing, choosing.draw.seed);
	if (choosing.range.pick == MD_PICK_MAGLEV) {
		picked.backend_id = md_draw_hashed(&choosing, &picked);
		if (picked.backend_id)
			return (__u64)picked.slot << 32 | picked.backend_id;
		choosing.draw.seed = choosing.draw.hash; /* the table is not there yet */
	}
	md_pick_slot(&choosing, &picked);
	return (__u64)picked.slot << 32 | picked.backend_id;
}

/* Of an unguided table of equal slots no more needs to be known. */
static __always_inline __u32 md_plain_slot(const struct md_range *range, const struct md_draw *draw)
{
	if (range->pick == MD_PICK_CYCLE)
		return range->first + (__u32)(draw->position % range->count);
	return range->first + md_scale(draw->seed, range->count);
}

/* A choice from a range that md_find_range() has found: 0 and a backend, or -errno and a reason. */
static __always_inline int md_choose_from(const struct md_range *range, __u8 reach, bool asked_v4,
                                          const struct md_draw *draw, struct md_choice *choice)
{
	const struct md_backend *backend = NULL;
	const struct md_slot *slot;
	__u64 picked;

	choice->way = range->way;
	choice->tls = range->tls;
	if (!range->guided && range->pick <= MD_PICK_CYCLE) {
		choice->slot = md_plain_slot(range, draw);
		slot = md_slot_at(range->slots, choice->slot);
		choice->backend_id = slot ? slot->backend_id : 0;
	} else {
		picked = md_pick_backend(range->service_id, reach | (asked_v4 ? MD_ASKED_V4 : 0),
		                         (__u64)draw->hash << 32 | draw->seed, draw->position, draw->now_ns);
		choice->backend_id = (__u32)picked;
		choice->slot = picked >> 32;
		slot = md_slot_at(range->slots, choice->slot);
	}
	choice->reason = MD_REASON_SLOT_MISSING;
	if (!choice->backend_id)
		return -ECONNREFUSED;
	/* A place of a Maglev table is no slot. */
	if (slot && slot->backend_id == choice->backend_id) {
		choice->backend = &slot->backend;
		return 0;
	}
	backend = md_backend_of(choice->backend_id, range->service_id, range->is_v4);
	if (!backend)
		return -ECONNREFUSED;
	choice->backend = &backend->endpoint;
	return 0;
}

/* As md_choose_from, for a service. */
static __always_inline int md_choose(__u32 service_id, bool asked_v4, __u8 reach, struct md_draw *draw,
                                     struct md_choice *choice)
{
	struct md_range range = {};
	int error = md_find_range(service_id, asked_v4, reach, &range, &choice->reason);

	choice->service_id = service_id;
	if (error)
		return error;
	if (!draw->now_ns)
		draw->now_ns = bpf_ktime_get_ns();
	return md_choose_from(&range, reach, asked_v4, draw, choice);
}

#endif
