/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which of a table's slots a new connection gets. Equal input gives equal choices: randomness comes in as a seed, time
 * as a number. Whoever includes this defines the three functions below: programs read maps by them, the tests arrays of
 * their own (test/bpf/pick_test.cpp), and both get the same choice.
 */
#ifndef MESHD_LIB_PICK_H
#define MESHD_LIB_PICK_H

#include "lib/score.h"

/* A range of slots of one table, all of a family that the caller can reach. */
struct md_range {
	void *slots; /* the inner array */
	__u32 first;
	__u32 count;
	__u32 near;       /* of these, the first so many are drawn from; all of them where nobody asks for near ones */
	__u32 service_id; /* for md_maglev_at() */
	__u8 pick;        /* enum md_pick */
	__u8 way;         /* as in md_table */
	__u8 guided;
	__u8 is_v4;
	__u8 tls; /* as in md_table */
};

static inline const struct md_slot *md_slot_at(void *slots, __u32 index);
static inline struct md_vitals *md_vitals_of(__u32 backend_id);
/* The backend in the Maglev table of the range's service; 0: there is none, or no table yet. */
static inline __u32 md_maglev_at(const struct md_range *range, __u32 hash, __u32 *place);

/* What a choice starts from. */
struct md_draw {
	__u32 seed;     /* the first random number; the others follow from it */
	__u32 hash;     /* MD_PICK_MAGLEV: of whoever is to have the same backend */
	__u64 position; /* MD_PICK_CYCLE */
	__u64 now_ns;
};

struct md_picked {
	__u32 slot;       /* index in the table; MD_PICK_MAGLEV: in that of Maglev */
	__u32 backend_id; /* 0: none */
};

/* A backend that is ejected, or warms up and leaves this turn to others, is drawn over: this often at random, ... */
#define MD_DRAWS 4

/* ... then along the slots, so that a small table is looked through as a whole. Nobody found: the first one drawn. */
#define MD_WALKS 8

/* Seeds of what is drawn apart for one choice; more than MD_DRAWS + MD_WALKS between them. */
#define MD_SECOND_SEED 64
#define MD_SPILL_SEED  128
#define MD_WARMTH_SEED 192

/* A function that the verifier looks at once, not in each state of its callers: so it takes numbers only. */
#ifdef __bpf__
#define MD_CHECKED_ONCE __attribute__((weak, noinline))
#else
#define MD_CHECKED_ONCE static inline
#endif

/* A step and the end of MurmurHash3, 32 bits (Austin Appleby, public domain). */
static inline __attribute__((always_inline)) __u32 md_mix(__u32 hash, __u32 word)
{
	word *= 0xcc9e2d51;
	word = word << 15 | word >> 17;
	hash ^= word * 0x1b873593;
	hash = hash << 13 | hash >> 19;
	return hash * 5 + 0xe6546b64;
}

static inline __attribute__((always_inline)) __u32 md_mix_end(__u32 hash)
{
	hash = (hash ^ hash >> 16) * 0x85ebca6b;
	hash = (hash ^ hash >> 13) * 0xc2b2ae35;
	return hash ^ hash >> 16;
}

/* The n-th random number that follows from a seed; the 0th is the seed. */
static inline __attribute__((always_inline)) __u32 md_random(__u32 seed, __u32 n)
{
	return n ? md_mix_end(seed + n * 0x9e3779b9U) : seed;
}

/* A number in [0, count): the high half of draw × count, which needs no division (Lemire 2019, "Fast random integer
 * generation"). */
static inline __attribute__((always_inline)) __u32 md_scale(__u32 draw, __u32 count)
{
	return (__u32)((__u64)draw * count >> 32);
}

/* Of one choice, all that does not change while it is made. */
struct md_choosing {
	struct md_range range;
	struct md_draw draw;
	/* What md_balancing says. */
	__u32 penalty_us;
	__u32 slow_start_ms;
	__u16 spill_open;
	__u8 ejects;
};

static inline __attribute__((always_inline)) void md_guide(struct md_choosing *choosing,
                                                           const struct md_balancing *balancing)
{
	if (!balancing)
		return;
	choosing->penalty_us = balancing->failure_penalty_us;
	choosing->slow_start_ms = balancing->slow_start_ms;
	choosing->spill_open = balancing->spill_open;
	choosing->ejects = balancing->eject_ms != 0;
	if (!balancing->prefers_local)
		choosing->range.near = choosing->range.count;
	if (choosing->range.near == choosing->range.count)
		choosing->spill_open = 0;
}

/* The slot of one turn; `apart` is added to the numbers of what is drawn. */
static inline __attribute__((always_inline)) __u32 md_turn_slot(const struct md_choosing *choosing, __u32 turn,
                                                                __u32 apart)
{
	const struct md_range *range = &choosing->range;
	__u32 count = range->near, walked;

	if (range->pick == MD_PICK_CYCLE && !turn)
		return range->first + (__u32)(choosing->draw.position % count);
	if (turn < MD_DRAWS)
		return range->first + md_scale(md_random(choosing->draw.seed, turn + apart), count);
	walked = md_scale(md_random(choosing->draw.seed, MD_DRAWS + apart), count) + turn - MD_DRAWS;
	return range->first + walked % count;
}

/* Whether a backend takes a connection: it is not ejected, and as warm as a lot of 1/MD_ONE asks; 0: however warm. */
MD_CHECKED_ONCE int md_takes(__u32 backend_id, __u32 ejects, __u32 slow_start_ms, __u64 now_ns, __u32 lot)
{
	const struct md_vitals *vitals = md_vitals_of(backend_id);

	if (ejects && md_is_ejected(vitals, now_ns))
		return 0;
	return lot < md_warmth(vitals, slow_start_ms, now_ns);
}

/* What is compared, less is better. `pick_and_ejects`: the latter in the upper half. */
MD_CHECKED_ONCE __u64 md_score_of(__u32 backend_id, __u32 weight, __u64 pick_and_ejects, __u32 penalty_us, __u64 now_ns)
{
	const struct md_vitals *vitals = md_vitals_of(backend_id);

	if (pick_and_ejects >> 32 && md_is_ejected(vitals, now_ns))
		return ~0ULL;
	if ((__u32)pick_and_ejects == MD_PICK_LEAST)
		return md_least_score(vitals, (__u16)weight);
	return md_latency_score(vitals, penalty_us, now_ns);
}

/* Whether a near backend has so much to do that all are drawn from. */
MD_CHECKED_ONCE int md_spills(__u32 backend_id, __u32 weight, __u32 spill_open)
{
	return md_open_of(md_vitals_of(backend_id)) >= (__u64)spill_open * (weight ? weight : 1);
}

/* As md_turn_slot(), but of all backends where the near one has too much to do. */
static inline __attribute__((always_inline)) __u32 md_turn_index(const struct md_choosing *choosing, __u32 turn,
                                                                 __u32 apart)
{
	const struct md_range *range = &choosing->range;
	__u32 index = md_turn_slot(choosing, turn, apart);
	const struct md_slot *slot;

	if (!choosing->spill_open)
		return index;
	slot = md_slot_at(range->slots, index);
	if (!slot || !md_spills(slot->backend_id, slot->weight, choosing->spill_open))
		return index;
	return range->first + md_scale(md_random(choosing->draw.seed, turn + apart + MD_SPILL_SEED), range->count);
}

/*
 * One slot that may be used, of those that `apart` leads to. From one turn to the next go numbers only: the verifier
 * would follow each pointer that is set in some turns and not in others through all of them.
 */
static inline __attribute__((always_inline)) const struct md_slot *md_draw_slot(const struct md_choosing *choosing,
                                                                                __u32 apart, struct md_picked *picked)
{
	const struct md_range *range = &choosing->range;
	__u32 index = md_turn_index(choosing, 0, apart), first = index;

	if (!choosing->ejects && !choosing->slow_start_ms)
		goto found;
	for (__u32 turn = 0; turn < MD_DRAWS + MD_WALKS;) {
		const struct md_slot *slot = md_slot_at(range->slots, index);
		__u32 lot = 0;

		if (!slot)
			break;
		if (turn < MD_DRAWS)
			lot = md_random(choosing->draw.seed, turn + apart + MD_WARMTH_SEED) >> 16;
		if (md_takes(slot->backend_id, choosing->ejects, choosing->slow_start_ms, choosing->draw.now_ns, lot))
			goto found;
		index = md_turn_index(choosing, ++turn, apart);
	}
	index = first;
found:
	picked->slot = index;
	return md_slot_at(range->slots, index);
}

/* Whether a policy draws two and compares what is known of them. */
static inline __attribute__((always_inline)) __u8 md_compares(__u8 pick)
{
	return pick == MD_PICK_LEAST || pick == MD_PICK_LATENCY;
}

static inline __attribute__((always_inline)) __u64 md_slot_score(const struct md_choosing *choosing,
                                                                 const struct md_slot *slot)
{
	return md_score_of(slot->backend_id, slot->weight, (__u64)choosing->ejects << 32 | choosing->range.pick,
	                   choosing->penalty_us, choosing->draw.now_ns);
}

/* The power of two choices (Mitzenmacher, IEEE TPDS 12(10), 2001). */
static inline __attribute__((always_inline)) const struct md_slot *md_draw_better(const struct md_choosing *choosing,
                                                                                  struct md_picked *picked)
{
	const struct md_slot *one = md_draw_slot(choosing, 0, picked), *other;
	struct md_picked second = {};

	if (!one || choosing->range.count == 1)
		return one;
	other = md_draw_slot(choosing, MD_SECOND_SEED, &second);
	if (!other || other->backend_id == one->backend_id || other->subset != one->subset ||
	    md_slot_score(choosing, other) >= md_slot_score(choosing, one))
		return one;
	picked->slot = second.slot;
	return other;
}

/* A hash leads everybody to the same backend; past one that is ejected or warming up, to the same next one. */
static inline __attribute__((always_inline)) __u32 md_draw_hashed(const struct md_choosing *choosing,
                                                                  struct md_picked *picked)
{
	const struct md_range *range = &choosing->range;
	__u32 place = 0, backend_id = md_maglev_at(range, choosing->draw.hash, &place), hash = choosing->draw.hash;
	__u32 fallback = backend_id, fallback_place = place;

	if (!choosing->ejects && !choosing->slow_start_ms)
		goto found;
	for (__u32 turn = 0; turn < MD_DRAWS + MD_WALKS; turn++) {
		if (turn) {
			hash = md_random(choosing->draw.hash, turn);
			backend_id = md_maglev_at(range, hash, &place);
		}
		if (!backend_id)
			break;
		if (md_takes(backend_id, choosing->ejects, choosing->slow_start_ms, choosing->draw.now_ns,
		             md_mix_end(hash) >> 16))
			goto found;
	}
	backend_id = fallback;
	place = fallback_place;
found:
	picked->slot = place;
	return backend_id;
}

/* The whole choice, but for MD_PICK_MAGLEV: that has no slot. */
static inline __attribute__((always_inline)) const struct md_slot *md_pick_slot(const struct md_choosing *choosing,
                                                                                struct md_picked *picked)
{
	const struct md_slot *slot;

	if (md_compares(choosing->range.pick))
		slot = md_draw_better(choosing, picked);
	else
		slot = md_draw_slot(choosing, 0, picked);
	picked->backend_id = slot ? slot->backend_id : 0;
	return slot;
}

#endif
