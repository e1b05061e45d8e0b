/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Limits of forwarded connections: those that no socket of this node opens. */
#ifndef MESHD_LIB_LIMIT_TRACK_H
#define MESHD_LIB_LIMIT_TRACK_H

/* A forwarded connection has ended, or never was. `key`: of its REQUEST track. */
static __always_inline bool md_limit_release_track(const struct md_track_key *key)
{
	const struct md_open_track *open = bpf_map_lookup_elem(&md_open_tracks, key);
	__u32 service_id;

	if (!open)
		return false;
	service_id = open->service_id;
	if (bpf_map_delete_elem(&md_open_tracks, key))
		return false; /* somebody else was first */
	md_limit_give_back(service_id);
	return true;
}

/* A forwarded connection, or a conversation, is about to begin: MD_REASON_LIMIT_* when it is too many, else
 * MD_REASON_COUNT. */
static __always_inline enum md_reason md_limit_track(__u32 service_id, const struct md_track_key *key)
{
	const struct md_limit *limit = md_limit_of(service_id);
	struct md_open_track open = {.service_id = service_id};
	enum md_reason reason;
	bool holds_place;

	if (!limit)
		return MD_REASON_COUNT;
	holds_place = key->protocol == IPPROTO_TCP && limit->connections;
	if (holds_place)
		md_limit_release_track(key); /* an earlier connection with these ports */
	reason = md_limit_draw(limit, service_id, holds_place);
	if (reason != MD_REASON_COUNT || !holds_place)
		return reason;
	open.since_ns = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&md_open_tracks, key, &open, BPF_NOEXIST)) {
		md_limit_give_back(service_id);
		md_count(MD_REASON_LIMIT_UNTRACKED);
	}
	return MD_REASON_COUNT;
}

/* Whether a connection that began without a SYN, which nobody had to let in, comes with one now. */
static __always_inline bool md_limit_was_passed(const struct md_track *track, bool opening)
{
	__u32 service_id = track->service_id;

	return opening && !(track->fins & MD_TRACK_LIMITED) && md_limit_of(service_id);
}

#endif
