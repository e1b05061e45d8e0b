/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The vitals of backends, from TCP connections of others that pass this node: how many are open, and which were refused
 * or not answered. Not their times: what passes is seen too coarsely. A track may go unseen, so the agent counts, too.
 */
#ifndef MESHD_LIB_VITALS_TRACK_H
#define MESHD_LIB_VITALS_TRACK_H

/* The SYN that is sent for the third time, three seconds after the first: nobody answers. */
#define MD_UNANSWERED_SYNS 3

/*
 * Functions that the verifier looks at once, and not for each state of a packet: so they take numbers only, and answer
 * with one that says nothing.
 */

/* The client has shown that it hears the backend. */
__weak __noinline int md_vitals_settled(__u32 service_id, __u32 backend_id)
{
	struct md_vitals *vitals = md_vitals_of(backend_id);

	if (!vitals)
		return 0;
	md_vitals_add_forwarded(vitals, 1);
	md_judge_established(service_id, vitals);
	return 0;
}

__weak __noinline int md_vitals_failed(__u32 service_id, __u32 backend_id, __u32 how)
{
	struct md_balancing_state *state = md_balancing_state_of(service_id);
	struct md_vitals *vitals = state ? md_vitals_of(backend_id) : NULL;

	if (vitals)
		md_note_failure(service_id, backend_id, vitals, state, (enum md_failure)how);
	return 0;
}

__weak __noinline int md_vitals_ended(__u32 backend_id)
{
	struct md_vitals *vitals = md_vitals_of(backend_id);

	if (vitals)
		md_vitals_add_forwarded(vitals, -1);
	return 0;
}

#endif
