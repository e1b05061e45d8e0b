/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How good a backend is: what is smoothed, how it decays, what it comes to. Pure integer arithmetic, compiled natively
 * by the agent and the tests as well (docs/balancing.md has formulas and sources).
 */
#ifndef MESHD_LIB_SCORE_H
#define MESHD_LIB_SCORE_H

#include "meshd/balance.h"

/* One in the fixed point of weights below. */
#define MD_ONE 65536

/* After so many half-lives nothing is left. */
#define MD_HALF_LIVES 16

/* Half-lives in one unit of 1024 ns, in 1/2^36: 1024 * 2^36 / (MD_DECAY_NS * ln 2). */
#define MD_HALF_LIFE_STEP 10152

/*
 * exp(-age / MD_DECAY_NS) in 1/MD_ONE. As a power of two: its whole part shifts, its fraction f is
 * 1 - 0.6716 f + 0.1716 f^2, right at 0, 1/2 and 1 and within 0.4 % of 2^-f in between.
 */
static inline __attribute__((always_inline)) __u32 md_decay(__u64 age_ns)
{
	__u64 halves, fraction;

	if (age_ns >= MD_HALF_LIVES * (MD_DECAY_NS * 7 / 10))
		return 0;
	halves = (age_ns >> 10) * MD_HALF_LIFE_STEP >> 20;
	fraction = halves & (MD_ONE - 1);
	return (__u32)((MD_ONE - (44014 * fraction >> 16) + ((11246 * fraction >> 16) * fraction >> 16)) >>
	               (halves >> 16));
}

static inline __attribute__((always_inline)) __u64 md_age(__u64 now_ns, __u64 then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

/* A smoothed value of the moment `then_ns`, now. */
static inline __attribute__((always_inline)) __u32 md_decayed(__u32 value, __u64 then_ns, __u64 now_ns)
{
	return value ? (__u32)((__u64)value * md_decay(md_age(now_ns, then_ns)) >> 16) : 0;
}

/* Better samples are mixed in no more often than this: in shorter times the change would round to nothing. */
#define MD_MIX_NS (MD_DECAY_NS / 64)

/*
 * A peak EWMA: a sample above the smoothed value replaces it, one below moves it by 1 - exp(-age / MD_DECAY_NS) (after
 * Finagle's PeakEwma, twitter/finagle, 2017).
 */
static inline __attribute__((always_inline)) void md_smooth_time(__u32 *value, __u64 *then_ns, __u32 sample_us,
                                                                 __u64 now_ns)
{
	__u64 age = md_age(now_ns, *then_ns);
	__u32 keep = md_decay(age), old = (__u32)((__u64)*value * keep >> 16);

	if (sample_us < old && age < MD_MIX_NS)
		return;
	*value = sample_us >= old ? sample_us : old + (__u32)((__u64)sample_us * (MD_ONE - keep) >> 16);
	*then_ns = now_ns;
}

/* What a backend costs that is being tried and has not answered yet: it is tried one connection at a time. */
#define MD_UNKNOWN_US 1000000

static inline __attribute__((always_inline)) __u64 md_open_of(const struct md_vitals *vitals)
{
	__s64 open = vitals ? (__s64)vitals->open + vitals->forwarded : 0;

	/* Lost counts (a map that was emptied by hand) may lead below zero. */
	return open > 0 ? open : 0;
}

/* Microseconds: (connect time + response time) * (open + 1) + failure penalty * share of failures. */
static inline __attribute__((always_inline)) __u64 md_latency_score(const struct md_vitals *vitals, __u32 penalty_us,
                                                                    __u64 now_ns)
{
	__u64 delay, score, open = md_open_of(vitals);
	__u32 failures;

	if (!vitals)
		return 0;
	delay = (__u64)md_decayed(vitals->connect_us, vitals->connect_ns, now_ns) +
	        md_decayed(vitals->response_us, vitals->response_ns, now_ns);
	failures = md_decayed(vitals->failures, vitals->judged_ns, now_ns);
	score = delay ? delay * (open + 1) : open ? MD_UNKNOWN_US + open : 0;
	return score + ((__u64)penalty_us * failures >> 16);
}

/* Open connections for each unit of weight, in 1/MD_ONE, with the one that is to come. */
static inline __attribute__((always_inline)) __u64 md_least_score(const struct md_vitals *vitals, __u16 weight)
{
	return ((md_open_of(vitals) + 1) << 16) / (weight ? weight : 1);
}

/* Slow start: the share of its turns that a backend takes, in 1/MD_ONE; never below a sixteenth, or it would not warm
 * up. */
static inline __attribute__((always_inline)) __u32 md_warmth(const struct md_vitals *vitals, __u32 slow_start_ms,
                                                             __u64 now_ns)
{
	__u64 age_ms, share;

	if (!vitals || !slow_start_ms || !vitals->ready_since_ns)
		return MD_ONE;
	age_ms = md_age(now_ns, vitals->ready_since_ns) / 1000000;
	if (age_ms >= slow_start_ms)
		return MD_ONE;
	share = age_ms * MD_ONE / slow_start_ms;
	return share < MD_ONE / 16 ? MD_ONE / 16 : (__u32)share;
}

static inline __attribute__((always_inline)) __u8 md_is_ejected(const struct md_vitals *vitals, __u64 now_ns)
{
	return vitals && vitals->ejected_until_ns > now_ns;
}

#endif
