/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pairs, the services' shares of the short way, and what the agent has decided about them. */
#ifndef MESHD_LIB_PAIR_H
#define MESHD_LIB_PAIR_H

static __always_inline const struct md_acceleration *md_decided(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&md_acceleration, &zero);
}

static __always_inline struct md_paths *md_paths_of(__u32 service_id)
{
	static const struct md_paths none = {};
	struct md_paths *paths = bpf_map_lookup_elem(&md_paths, &service_id);

	if (paths)
		return paths;
	bpf_map_update_elem(&md_paths, &service_id, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&md_paths, &service_id);
}

/* A connection was not paired, or a message took TCP. */
static __always_inline void md_count_why(__u32 service_id, enum md_why why)
{
	struct md_paths *paths = md_paths_of(service_id);

	md_count(MD_REASON_OF_WHY(why));
	if (paths && why < MD_WHY_COUNT)
		paths->why[why] += 1;
}

static __always_inline bool md_service_is_off(__u32 service_id)
{
	void *slots = bpf_map_lookup_elem(&md_tables, &service_id);
	const struct md_slot *head;
	__u32 zero = 0;

	head = slots ? bpf_map_lookup_elem(slots, &zero) : NULL;
	return head && head->table.way == MD_WAY_OFF;
}

/* What the agent decided since this pair last looked: a pause of its service, or the end of its service's right. */
static __always_inline void md_refresh(struct md_pair *pair, const struct md_acceleration *decided)
{
	const struct md_halt *halt = bpf_map_lookup_elem(&md_halts, &pair->service_id);

	pair->stopped_until_ns = halt ? halt->stopped_until_ns : 0;
	if (decided->mode == MD_MODE_OFF || (halt && halt->excluded) || md_service_is_off(pair->service_id))
		pair->stopped_until_ns = ~0ULL;
	if (decided->stopped_until_ns > pair->stopped_until_ns)
		pair->stopped_until_ns = decided->stopped_until_ns;
	pair->epoch = decided->epoch;
}

static __always_inline bool md_is_stopped(struct md_pair *pair, const struct md_acceleration *decided)
{
	if (pair->epoch != decided->epoch)
		md_refresh(pair, decided);
	return pair->stopped_until_ns && bpf_ktime_get_ns() < pair->stopped_until_ns;
}

/* Bytes of receive buffer that TCP begins with, and half of which it announces as its first window. */
#define MD_FIRST_BUFFER 131072

/*
 * TCP drops what it has no room for beside waiting bytes of the short way, and its sender tries again later and later.
 * A pair that leaves for good needs room for both; where the program has fixed less than this, nobody can make any.
 */
static __always_inline bool md_receive_buffer_is_too_small(__u64 socket)
{
	return md_receive_buffer(socket) < MD_FIRST_BUFFER && md_receive_buffer_is_fixed(socket);
}

/* TCP is done with every socket that was ever enrolled for the pair. */
static __always_inline bool md_is_closed(const struct md_pair *pair)
{
	return pair->closed >= 2 || (pair->closed && !(pair->ends[MD_CLIENT].cookie && pair->ends[MD_SERVER].cookie));
}

static __always_inline void md_tell(__u64 id, struct md_pair *pair, enum md_why why)
{
	struct md_event *event = bpf_ringbuf_reserve(&md_events, sizeof(*event), 0);

	if (!event)
		return; /* the agent looks through md_pairs, too */
	event->pair = id;
	event->service_id = pair->service_id;
	event->why = why;
	event->left = pair->left != 0;
	event->reserved = 0;
	bpf_ringbuf_submit(event, 0);
}

/* A pair tells of a reader that is behind so often at most. */
#define MD_TELL_EVERY_NS 100000000ULL

/* A reader is behind. Its receive buffer is full of what came by the short way, so that TCP would drop what comes next
 * and try again later and later: the agent gives it room. */
static __always_inline void md_fell_behind(__u64 id, struct md_pair *pair)
{
	__u64 now = bpf_ktime_get_ns();

	if (pair->told_ns && now - pair->told_ns < MD_TELL_EVERY_NS)
		return;
	pair->told_ns = now;
	md_tell(id, pair, MD_WHY_TCP_BACKLOG);
}

/* From now on neither end sends anything by the short way. The agent takes the sockets out of md_sockets when nothing
 * waits in them. */
static __always_inline void md_leave(__u64 id, struct md_pair *pair, enum md_why why)
{
	struct md_paths *paths;

	if (pair->left)
		return;
	pair->left = 1 + why;
	md_count(MD_REASON_PAIR_LEFT);
	paths = md_paths_of(pair->service_id);
	if (paths)
		paths->left += 1;
	md_tell(id, pair, why);
}

#endif
