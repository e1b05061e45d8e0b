/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between the programs in the kernel and everything else. Raise MD_ABI_VERSION with every change of a key, a value or the
 * meaning of a map: it names the directory of the pins, so programs and maps of two versions never mix.
 */
#ifndef MESHD_ABI_H
#define MESHD_ABI_H

#include "meshd/counters.h"
#include "meshd/maps.h"
#include "meshd/types.h"

#define MD_ABI_VERSION 1

/*
 * One question to the datapath and its answer, for `meshctl explain` and the tests. The bytes follow an Ethernet header of
 * zeros in the packet given to the md_explain program by BPF_PROG_TEST_RUN; the answer comes back in the same place.
 */
struct md_explain {
	struct md_endpoint destination; /* in: what the application asks for */
	__u8 reach; /* in: enum md_reach, the families of backends that the socket can be sent to */
	__u8 pad[3]; /* zero */
	__u32 draw; /* in: for MD_PICK_RANDOM the random number to use; 0: draw one */
	__u32 reason; /* out: enum md_reason */
	__s32 error; /* out: 0, or the negative errno that connect() would return */
	__u32 service_id; /* out: 0 when the destination is no service */
	__u32 slot; /* out: index of the slot that was picked */
	__u32 slots; /* out: how many slots it was picked from */
	__u32 backend_id; /* out */
	struct md_endpoint backend; /* out */
};

#endif
