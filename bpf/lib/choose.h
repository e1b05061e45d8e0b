/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a service address to a backend. Pure but for reading maps: it neither counts nor moves a cursor, so that
 * `meshctl explain` and the tests ask the very code that connect() runs.
 */
#ifndef MESHD_LIB_CHOOSE_H
#define MESHD_LIB_CHOOSE_H

/* A range of slots of one table, all of a family that the caller can reach. */
struct md_range {
	void *slots; /* the inner array */
	__u32 first;
	__u32 count;
	__u8 pick; /* enum md_pick */
};

struct md_choice {
	__u32 service_id;              /* 0: destination is no service */
	__u32 slot;                    /* index in the table */
	const struct md_slot *backend; /* valid as long as the program runs */
	enum md_reason reason;         /* why there is no backend; undefined when there is one */
};

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

	range->pick = head->table.pick;
	if (v4 && (asked_v4 || !v6)) {
		range->first = 0;
		range->count = v4;
		return 0;
	}
	if (v6) {
		range->first = head->table.slots_v4;
		range->count = v6;
		return 0;
	}
	*reason = head->table.slots_v4 + head->table.slots_v6 ? MD_REASON_NO_BACKEND_OF_FAMILY : MD_REASON_NO_BACKEND;
	return md_no_backend_error(&head->table);
}

/* A number in [0, count): the high half of draw × count, which needs no division (Lemire 2019, "Fast random integer
 * generation"). */
static __always_inline __u32 md_scale(__u32 draw, __u32 count)
{
	return ((__u64)draw * count) >> 32;
}

static __always_inline struct md_cursor *md_cursor_of(__u32 service_id)
{
	return bpf_map_lookup_elem(&md_cursors, &service_id);
}

/* Slot for this draw (MD_PICK_RANDOM) or this position of the cursor (MD_PICK_CYCLE). */
static __always_inline __u32 md_slot_of(const struct md_range *range, __u32 draw, __u64 position)
{
	if (range->pick == MD_PICK_CYCLE)
		return range->first + (__u32)(position % range->count);
	return range->first + md_scale(draw, range->count);
}

/* 0 and a backend, or -errno and a reason. */
static __always_inline int md_choose(__u32 service_id, bool asked_v4, __u8 reach, __u32 draw, __u64 position,
                                     struct md_choice *choice)
{
	struct md_range range = {};
	int error = md_find_range(service_id, asked_v4, reach, &range, &choice->reason);

	choice->service_id = service_id;
	if (error)
		return error;
	choice->slot = md_slot_of(&range, draw, position);
	choice->backend = bpf_map_lookup_elem(range.slots, &choice->slot);
	if (choice->backend && choice->backend->backend_id)
		return 0;
	choice->reason = MD_REASON_SLOT_MISSING;
	return -ECONNREFUSED;
}

/*
 * As md_choose, with a draw of its own, moving the service's cursor on. Two CPUs that read the cursor at the same
 * moment choose the same backend once: an atomic fetch-and-add would cost kernels before 5.12, and the cycle is even
 * all the same.
 */
static __always_inline int md_choose_next(__u32 service_id, bool asked_v4, __u8 reach, struct md_choice *choice)
{
	struct md_cursor *cursor = md_cursor_of(service_id);
	__u64 position = 0;

	if (cursor) {
		position = cursor->next;
		__sync_fetch_and_add(&cursor->next, 1);
	}
	return md_choose(service_id, asked_v4, reach, bpf_get_prandom_u32(), position, choice);
}

#endif
