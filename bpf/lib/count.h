/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counting: the only writers of md_reasons and md_connects. */
#ifndef MESHD_LIB_COUNT_H
#define MESHD_LIB_COUNT_H

static __always_inline void md_count(enum md_reason reason)
{
	__u32 key = reason;
	__u64 *count = bpf_map_lookup_elem(&md_reasons, &key);

	if (count)
		*count += 1; /* per CPU, and programs of this kind are not nested on one CPU */
}

enum md_call {
	MD_CALL_CONNECT,
	MD_CALL_DATAGRAM,
};

/* backend_id 0: the call was refused. */
static __always_inline void md_count_call(__u32 service_id, __u32 backend_id, enum md_call call)
{
	struct md_connects_key key = {.service_id = service_id, .backend_id = backend_id};
	struct md_connects *count = bpf_map_lookup_elem(&md_connects, &key);

	if (!count)
		return; /* the backend left between the choice and here */
	if (call == MD_CALL_CONNECT)
		count->connects += 1;
	else
		count->datagrams += 1;
}

#endif
