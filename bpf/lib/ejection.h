/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Passive ejection: what became of connections counts for or against their backend, and a backend with too many
 * failures is left out for a while, from the very program run on that sees the last of them (docs/ejection.md). All
 * that is said of it is written under the lock of its service, so that no two CPUs eject one backend too many; kernels
 * before 5.12 have no compare-and-exchange for programs. Compiled natively by the tests as well.
 */
#ifndef MESHD_LIB_EJECTION_H
#define MESHD_LIB_EJECTION_H

#include "lib/score.h"

/* The share of failures is smoothed over about so many connections; besides, it decays with time (lib/score.h). */
#define MD_SHARE_WINDOW 16

enum md_eject {
	MD_EJECT_NOT = 0,
	MD_EJECT_SPARED = 1, /* as many of the service are ejected as may */
	MD_EJECT_DONE = 2,
};

static inline __attribute__((always_inline)) __u32 md_share_with(__u32 share, __u8 failed)
{
	if (failed)
		return share + (MD_FAILURES_ONE - share + MD_SHARE_WINDOW - 1) / MD_SHARE_WINDOW;
	return share - (share + MD_SHARE_WINDOW - 1) / MD_SHARE_WINDOW;
}

/* Ends an ejection that has expired, or any when it is `early`. Whoever ends it counts it back: 1 when this call did.
 */
static inline __attribute__((always_inline)) __u8
md_end_ejection(struct md_vitals *vitals, struct md_balancing_state *state, __u64 now, __u8 early)
{
	__u8 ended = 0;

	bpf_spin_lock(&state->lock);
	if (vitals->ejected_until_ns && (early || vitals->ejected_until_ns <= now)) {
		vitals->ejected_until_ns = 0;
		if (state->ejected)
			state->ejected -= 1;
		if (early) {
			vitals->row = 0;
			vitals->failures = 0;
			vitals->how = MD_FAILURE_NONE;
		}
		ended = 1;
	}
	bpf_spin_unlock(&state->lock);
	return ended;
}

static inline __attribute__((always_inline)) void md_backend_worked(struct md_vitals *vitals,
                                                                    struct md_balancing_state *state, __u64 now)
{
	if (!vitals->row && !vitals->failures && !vitals->how)
		return; /* as nearly always: no lock */
	bpf_spin_lock(&state->lock);
	vitals->row = 0;
	vitals->how = MD_FAILURE_NONE;
	vitals->failures = md_share_with(md_decayed(vitals->failures, vitals->judged_ns, now), 0);
	vitals->judged_ns = now;
	bpf_spin_unlock(&state->lock);
}

/* How long the n-th ejection in a row lasts. */
static inline __attribute__((always_inline)) __u64 md_ejection_ns(const struct md_balancing *balancing, __u32 ejections)
{
	__u64 ms = (__u64)balancing->eject_ms * ejections;

	if (ms > balancing->eject_longest_ms)
		ms = balancing->eject_longest_ms;
	return ms * 1000000;
}

/* Ejections in a row as they count now: halved for each eject_longest_ms since the last one was over. */
static inline __attribute__((always_inline)) __u32 md_ejections_left(const struct md_balancing *balancing,
                                                                     const struct md_vitals *vitals, __u64 now)
{
	__u64 over = vitals->ejected_ns + md_ejection_ns(balancing, vitals->ejections);
	__u64 longest = (__u64)balancing->eject_longest_ms * 1000000;
	__u64 halvings = now > over && longest ? (now - over) / longest : 0;

	return halvings > 15 ? 0 : vitals->ejections >> halvings;
}

static inline __attribute__((always_inline)) enum md_ejection md_why_eject(const struct md_balancing *balancing,
                                                                           __u32 row, __u32 failures)
{
	if (balancing->eject_row && row >= balancing->eject_row)
		return MD_EJECTION_ROW;
	if (balancing->eject_rate && failures / 64 + 1 >= balancing->eject_rate)
		return MD_EJECTION_RATE;
	return MD_EJECTION_NOT;
}

/* A connection failed. Of what `told` has, the ids are left to the caller; with MD_EJECT_DONE only. */
static inline __attribute__((always_inline)) enum md_eject
md_backend_failed(struct md_vitals *vitals, struct md_balancing_state *state, const struct md_balancing *balancing,
                  enum md_failure how, __u64 now, struct md_ejected *told)
{
	__u32 most = balancing ? (__u32)balancing->backends * balancing->eject_most / MD_SHARE_ONE : 0;
	__u32 ejections = 0, row, share;
	__u64 until = 0;
	__u8 is_over = 0, spared = 0;
	enum md_ejection why = MD_EJECTION_NOT;

	bpf_spin_lock(&state->lock);
	row = vitals->row + (vitals->row < 0xffff);
	share = md_share_with(md_decayed(vitals->failures, vitals->judged_ns, now), 1);
	vitals->row = row;
	vitals->failures = share;
	vitals->judged_ns = now;
	vitals->how = how;
	if (balancing && balancing->eject_ms && vitals->ejected_until_ns <= now)
		why = md_why_eject(balancing, row, share);
	if (why) {
		/* An ejection that has expired, and that nobody has counted back yet, still has its place. */
		is_over = vitals->ejected_until_ns != 0;
		spared = !is_over && state->ejected >= most;
	}
	if (why && !spared) {
		ejections = md_ejections_left(balancing, vitals, now) + 1;
		until = now + md_ejection_ns(balancing, ejections);
		state->ejected += !is_over;
		vitals->ejected_until_ns = until;
		vitals->ejected_ns = now;
		vitals->ejections = ejections;
		vitals->why = why;
	}
	bpf_spin_unlock(&state->lock);

	if (!why)
		return MD_EJECT_NOT;
	if (spared)
		return MD_EJECT_SPARED;
	told->since_ns = now;
	told->until_ns = until;
	told->row = row;
	told->failures = share;
	told->ejections = ejections;
	told->why = why;
	told->how = how;
	return MD_EJECT_DONE;
}

#endif
