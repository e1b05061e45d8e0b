/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Limits of services. A connection that counts against the bound on open ones stands in md_open, or when it is
 * forwarded in md_open_tracks, from the moment it is let in; whoever takes its entry out gives its place back, so it is
 * given back exactly once. The bound and the rate are looked at under one lock: CPUs that connect at the same moment
 * cannot both have the last place.
 */
#ifndef MESHD_LIB_LIMIT_H
#define MESHD_LIB_LIMIT_H

static __always_inline const struct md_limit *md_limit_of(__u32 service_id)
{
	return bpf_map_lookup_elem(&md_limits, &service_id);
}

/* One more connection: MD_REASON_LIMIT_* when it is too many, else MD_REASON_COUNT. `holds_place`: it counts as open.
 */
static __always_inline enum md_reason md_limit_draw(const struct md_limit *limit, __u32 service_id, bool holds_place)
{
	struct md_limit_state *state = bpf_map_lookup_elem(&md_limit_state, &service_id);
	__u64 now = bpf_ktime_get_ns(), interval = limit->interval_ns, burst = limit->burst_ns, due;
	__u32 bound = holds_place ? limit->connections : 0;
	enum md_reason reason = MD_REASON_COUNT;

	if (!state)
		return reason; /* the agent makes it before the limit */
	bpf_spin_lock(&state->lock);
	due = state->due_ns > now ? state->due_ns : now;
	if (bound && state->open >= bound) {
		reason = MD_REASON_LIMIT_CONNECTIONS;
		state->refused_connections += 1;
	} else if (interval && due + interval > now + burst) {
		reason = MD_REASON_LIMIT_RATE;
		state->refused_rate += 1;
	} else {
		if (interval)
			state->due_ns = due + interval;
		if (bound)
			state->open += 1;
	}
	bpf_spin_unlock(&state->lock);
	return reason;
}

static __always_inline void md_limit_give_back(__u32 service_id)
{
	struct md_limit_state *state = bpf_map_lookup_elem(&md_limit_state, &service_id);

	if (!state)
		return;
	bpf_spin_lock(&state->lock);
	if (state->open)
		state->open -= 1;
	bpf_spin_unlock(&state->lock);
}

/* A socket's connection has ended, or never was. */
static __always_inline bool md_limit_release(__u64 cookie)
{
	const struct md_open *open = bpf_map_lookup_elem(&md_open, &cookie);
	__u32 service_id;

	if (!open)
		return false;
	service_id = open->service_id;
	if (bpf_map_delete_elem(&md_open, &cookie))
		return false; /* somebody else was first */
	md_limit_give_back(service_id);
	return true;
}

#endif
