/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The vitals of backends, from TCP connections of others that pass this node: how many are open, and which were refused
 * or not answered. Not their times: what passes is seen too coarsely. A track may go unseen, so the agent counts, too.
 */
#ifndef MESHD_LIB_VITALS_TRACK_H
#define MESHD_LIB_VITALS_TRACK_H

/* The SYN that is sent for the third time, three seconds after the first: nobody answers. */
#define MD_UNANSWERED_SYNS 3

/* The client has shown that it hears the backend. */
static __noinline void md_vitals_settled(const struct md_track *track)
{
	struct md_vitals *vitals = md_vitals_of(track->backend_id);
	struct md_balancing_state *state;
	__u64 now = bpf_ktime_get_ns();

	if (!vitals)
		goto done;
	md_vitals_add_forwarded(vitals, 1);
	if (!vitals->row && !vitals->failures && !vitals->how && !vitals->ejected_until_ns)
		goto done;
	state = md_balancing_state_of(track->service_id);
	if (!state)
		goto done;
	if (vitals->ejected_until_ns)
		md_end_ejection(vitals, state, now, false);
	if (vitals->how != MD_FAILURE_UNANSWERED)
		md_backend_worked(vitals, state, now);
done:
	MD_RETURN_NOTHING();
}

static __noinline void md_vitals_failed(const struct md_track *track, enum md_failure how)
{
	struct md_balancing_state *state = md_balancing_state_of(track->service_id);
	struct md_vitals *vitals = state ? md_vitals_of(track->backend_id) : NULL;

	if (vitals)
		md_note_failure(track->service_id, track->backend_id, vitals, state, how);
	MD_RETURN_NOTHING();
}

static __noinline void md_vitals_ended(const struct md_track *track)
{
	struct md_vitals *vitals = md_vitals_of(track->backend_id);

	if (vitals)
		md_vitals_add_forwarded(vitals, -1);
	MD_RETURN_NOTHING();
}

#endif
