// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a packet costs at least: read, and looked up once. The costs of the real programs are multiples of this. */
/* clang-format off */
#include "lib/program.h"
#include "lib/count.h"
#include "lib/endpoint.h"
#include "lib/verifier.h"
#include "lib/wire.h"
#include "lib/packet.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tc")
int md_floor(struct __sk_buff *skb)
{
	struct md_packet packet;
	enum md_reason reason;

	if (md_read_packet(skb, 14, &packet, &reason) != MD_READ_WHOLE)
		return MD_DROP;
	return bpf_map_lookup_elem(&md_tracks, &packet.key) ? MD_DROP : MD_NEXT;
}
