// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Asks the datapath without using it: never attached, run by BPF_PROG_TEST_RUN. Packet programs, since that type can be
 * run this way on every supported kernel; SEC("syscall") came with 5.14 and, before 6.1, refuses maps that are not
 * preallocated.
 */
#include "lib/program.h"
#include "lib/endpoint.h"
#include "lib/choose.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline void md_answer(struct md_explain *query)
{
	struct md_choice choice = {};
	struct md_range range = {};
	struct md_cursor *cursor;
	enum md_reason ignored;
	bool asked_v4 = md_is_v4(&query->destination.address);
	__u32 draw = query->draw ? query->draw : bpf_get_prandom_u32();

	query->service_id = md_service_of(&query->destination);
	if (!query->service_id) {
		query->reason = MD_REASON_NOT_A_SERVICE;
		return;
	}
	cursor = md_cursor_of(query->service_id);
	query->error = md_choose(query->service_id, asked_v4, query->reach, draw, cursor ? cursor->next : 0, &choice);
	if (query->error) {
		query->reason = choice.reason;
		return;
	}
	md_find_range(query->service_id, asked_v4, query->reach, &range, &ignored);
	query->slot = choice.slot;
	query->slots = range.count;
	query->backend_id = choice.backend->backend_id;
	query->backend = choice.backend->backend;
	query->reason =
	        query->destination.protocol == IPPROTO_UDP ? MD_REASON_DATAGRAM_FORWARDED : MD_REASON_CONNECT_FORWARDED;
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
