// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Asks the datapath without using it: never attached, run by BPF_PROG_TEST_RUN. Packet programs, since that type can be
 * run this way on every supported kernel; SEC("syscall") came with 5.14 and, before 6.1, refuses maps that are not
 * preallocated.
 */
#include "lib/program.h"
#include "lib/endpoint.h"
#include "lib/count.h"
#include "lib/choose.h"
#include "lib/kernel_socket.h"
#include "lib/vitals.h"
#include "lib/eject.h"
#include "lib/policy.h"
#include "lib/limit.h"
#include "lib/limit_track.h"
#include "lib/steer.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* As for a socket of the node's network namespace. */
static __always_inline void md_answer_tls(struct md_explain *query, const struct md_choice *choice)
{
	bool asked_v4 = md_is_v4(&query->destination.address);
	struct md_endpoint listener = {};

	query->tls = query->destination.protocol == IPPROTO_TCP && md_must_encrypt(choice->tls, choice->backend, true);
	if (!query->tls)
		return;
	query->reason = MD_REASON_TLS_STEERED;
	if (md_find_outbound(asked_v4, true, &listener))
		return;
	query->reason = MD_REASON_TLS_UNAVAILABLE;
	query->error = -ECONNREFUSED;
}

static __always_inline void md_answer(struct md_explain *query)
{
	struct md_choice choice = {};
	struct md_range range = {};
	struct md_cursor *cursor;
	enum md_reason ignored;
	bool asked_v4 = md_is_v4(&query->destination.address);
	struct md_draw draw = {.seed = query->draw ? query->draw : bpf_get_prandom_u32(), .now_ns = query->now_ns};

	query->service_id = md_service_of(&query->destination);
	if (!query->service_id) {
		query->reason = MD_REASON_NOT_A_SERVICE;
		return;
	}
	cursor = md_cursor_of(query->service_id);
	draw.hash = query->hash ? query->hash : draw.seed;
	draw.position = cursor ? cursor->next : 0;
	query->error = md_choose(query->service_id, asked_v4, query->reach, &draw, &choice);
	if (query->error) {
		query->reason = choice.reason;
		return;
	}
	md_find_range(query->service_id, asked_v4, query->reach, &range, &ignored);
	query->slot = choice.slot;
	query->slots = range.count;
	query->backend_id = choice.backend_id;
	query->backend = *choice.backend;
	query->reason =
	        query->destination.protocol == IPPROTO_UDP ? MD_REASON_DATAGRAM_FORWARDED : MD_REASON_CONNECT_FORWARDED;
	md_answer_tls(query, &choice);
}

SEC("tc")
int md_explain(struct __sk_buff *skb)
{
	struct md_explain query;

	if (bpf_skb_load_bytes(skb, MD_QUESTION_OFFSET, &query, sizeof(query)))
		return -1;
	md_answer(&query);
	return bpf_skb_store_bytes(skb, MD_QUESTION_OFFSET, &query, sizeof(query), 0);
}

SEC("tc")
int md_find_tables(struct __sk_buff *skb)
{
	__u32 first;

	if (bpf_skb_load_bytes(skb, MD_QUESTION_OFFSET + offsetof(struct md_find_tables, first), &first, sizeof(first)))
		return -1;
	for (__u32 word = 0; word < MD_FIND_WORDS; word++) {
		__u64 present = 0;

		for (__u32 bit = 0; bit < 64; bit++) {
			__u32 service_id = first + word * 64 + bit;

			if (bpf_map_lookup_elem(&md_tables, &service_id))
				present |= 1ULL << bit;
		}
		if (bpf_skb_store_bytes(skb, MD_QUESTION_OFFSET + offsetof(struct md_find_tables, present) + word * 8,
		                        &present, sizeof(present), 0))
			return -1;
	}
	return 0;
}

SEC("tc")
int md_find_maglevs(struct __sk_buff *skb)
{
	__u32 first;

	if (bpf_skb_load_bytes(skb, MD_QUESTION_OFFSET, &first, sizeof(first)))
		return -1;
	for (__u32 i = 0; i < MD_FIND_MAGLEVS; i++) {
		__u32 service_id = first + i;
		__u32 offset = MD_QUESTION_OFFSET + offsetof(struct md_find_maglevs, fingerprints) + i * 8;
		void *rows = bpf_map_lookup_elem(&md_maglevs, &service_id);
		const struct md_maglev *row = NULL;
		__u64 fingerprint = 0;
		__u32 zero = 0;

		if (rows)
			row = bpf_map_lookup_elem(rows, &zero);
		if (row)
			fingerprint = row->fingerprint;
		if (bpf_skb_store_bytes(skb, offset, &fingerprint, sizeof(fingerprint), 0))
			return -1;
	}
	return 0;
}

SEC("tc")
int md_read_table(struct __sk_buff *skb)
{
	struct {
		__u32 service_id, first, count;
	} head;
	void *slots;

	if (bpf_skb_load_bytes(skb, MD_QUESTION_OFFSET, &head, sizeof(head)))
		return -1;
	head.count = 0;
	slots = bpf_map_lookup_elem(&md_tables, &head.service_id);
	for (__u32 i = 0; slots && i < MD_READ_SLOTS; i++) {
		__u32 index = head.first + i;
		const struct md_slot *slot = bpf_map_lookup_elem(slots, &index);

		if (!slot)
			break;
		if (bpf_skb_store_bytes(skb,
		                        MD_QUESTION_OFFSET + offsetof(struct md_read_table, slots) + i * sizeof(*slot),
		                        slot, sizeof(*slot), 0))
			return -1;
		head.count = i + 1;
	}
	return bpf_skb_store_bytes(skb, MD_QUESTION_OFFSET, &head, sizeof(head), 0);
}

/* What the policy says, by the core that the hooks run. The workload is that of the deepest cgroup that a rule names.
 */
static __always_inline void md_answer_policy(struct md_ask_policy *query)
{
	void *policies = md_policy_in_force();
	struct md_endpoint real = query->destination;
	struct md_classes classes = {};
	struct md_decision decision = {};
	const struct md_policy *policy;

	query->rank = ~0U;
	if (!policies)
		return;
	md_real_destination(&query->source, &real.address);
	policy = md_prefix_of(policies, MD_PREFIX_DESTINATION, &real.address);
	if (!policy)
		return;
	md_classify(policies, policy, &query->source, &real, &query->destination, query->foreign, &classes);
	for (__u32 i = 0; i < 4; i++)
		if (!classes.source[MD_SOURCE_WORKLOAD] && query->cgroups[i])
			classes.source[MD_SOURCE_WORKLOAD] = md_workload_class(policy, query->cgroups[i]);
	md_decide(policy, &classes, query->destination.port, query->destination.protocol, &decision);
	query->generation = policy->generation;
	query->audit = policy->audit;
	query->rule = decision.rule;
	query->rank = decision.rank;
	query->verdict = decision.verdict;
}

SEC("tc")
int md_ask_policy(struct __sk_buff *skb)
{
	struct md_ask_policy query;

	if (bpf_skb_load_bytes(skb, MD_QUESTION_OFFSET, &query, sizeof(query)))
		return -1;
	md_answer_policy(&query);
	return bpf_skb_store_bytes(skb, MD_QUESTION_OFFSET, &query, sizeof(query), 0);
}

/*
 * Repairs the count of open connections: an entry whose socket is gone, or that never sent a SYN (connect() failed
 * between the hook and that), gives its place back.
 */
SEC("tc")
int md_release_open(struct __sk_buff *skb)
{
	struct md_release_open query;
	const struct md_open *open;

	if (bpf_skb_load_bytes(skb, MD_QUESTION_OFFSET, &query, sizeof(query)))
		return -1;
	open = bpf_map_lookup_elem(&md_open, &query.cookie);
	query.released = 0;
	if (open && open->since_ns < query.before_ns &&
	    (!md_socket_is(open->socket, query.cookie) || md_socket_is_closed(open->socket)))
		query.released = md_limit_release(query.cookie);
	return bpf_skb_store_bytes(skb, MD_QUESTION_OFFSET, &query, sizeof(query), 0);
}

/* First where it begins: it is put into md_tracks before it leaves md_opening. */
static __always_inline bool md_track_is_open(const struct md_track_key *key)
{
	const struct md_track *track = bpf_map_lookup_elem(&md_opening, key);

	if (!track)
		track = bpf_map_lookup_elem(&md_tracks, key);
	return track && track->state != MD_TRACK_CLOSED;
}

/* The same for forwarded connections: tracks end unseen when they are not used for long, or give way to others. */
SEC("tc")
int md_release_track(struct __sk_buff *skb)
{
	struct md_release_track query;
	const struct md_open_track *open;

	if (bpf_skb_load_bytes(skb, MD_QUESTION_OFFSET, &query, sizeof(query)))
		return -1;
	open = bpf_map_lookup_elem(&md_open_tracks, &query.key);
	query.released = 0;
	if (open && open->since_ns < query.before_ns && !md_track_is_open(&query.key))
		query.released = md_limit_release_track(&query.key);
	return bpf_skb_store_bytes(skb, MD_QUESTION_OFFSET, &query, sizeof(query), 0);
}

/* A system call would write the whole of the vitals, and undo what programs write meanwhile. */
SEC("tc")
int md_warm_backend(struct __sk_buff *skb)
{
	struct md_vitals *vitals;
	struct md_warm query;

	if (bpf_skb_load_bytes(skb, MD_QUESTION_OFFSET, &query, sizeof(query)))
		return -1;
	vitals = md_vitals_of(query.backend_id);
	query.found = vitals != NULL;
	if (vitals)
		vitals->ready_since_ns = bpf_ktime_get_ns();
	return bpf_skb_store_bytes(skb, MD_QUESTION_OFFSET, &query, sizeof(query), 0);
}

SEC("tc")
int md_recount_backend(struct __sk_buff *skb)
{
	struct md_vitals *vitals;
	struct md_recount query;

	if (bpf_skb_load_bytes(skb, MD_QUESTION_OFFSET, &query, sizeof(query)))
		return -1;
	vitals = md_vitals_of(query.backend_id);
	query.found = vitals != NULL;
	if (vitals)
		md_vitals_add_forwarded(vitals, query.change);
	return bpf_skb_store_bytes(skb, MD_QUESTION_OFFSET, &query, sizeof(query), 0);
}

/* The lock is the programs': only they can take it. */
SEC("tc")
int md_readmit(struct __sk_buff *skb)
{
	struct md_balancing_state *state;
	struct md_readmit query;
	struct md_vitals *vitals;

	if (bpf_skb_load_bytes(skb, MD_QUESTION_OFFSET, &query, sizeof(query)))
		return -1;
	state = md_balancing_state_of(query.service_id);
	vitals = md_vitals_of(query.backend_id);
	query.ended = state && vitals && md_end_ejection(vitals, state, bpf_ktime_get_ns(), query.early);
	return bpf_skb_store_bytes(skb, MD_QUESTION_OFFSET, &query, sizeof(query), 0);
}
