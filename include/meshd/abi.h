/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between the programs in the kernel and everything else. Raise MD_ABI_VERSION with every change of a key,
 * a value or the meaning of a map: it names the directory of the pins, so programs and maps of two versions never mix.
 */
#ifndef MESHD_ABI_H
#define MESHD_ABI_H

#include "meshd/counters.h"
#include "meshd/maps.h"
#include "meshd/types.h"

#define MD_ABI_VERSION 1

/*
 * Questions to the datapath. Their bytes follow an Ethernet header of zeros in the packet that is given to a program of
 * bpf/inspect.bpf.c by BPF_PROG_TEST_RUN; the answer comes back in the same place.
 */
#define MD_QUESTION_OFFSET 14

/* Program md_explain, for `meshctl explain` and the tests: which backend would be chosen? */
struct md_explain {
	struct md_endpoint destination; /* in: what the application asks for */
	__u8 reach;                     /* in: enum md_reach, the families of backends that the socket can be sent to */
	__u8 pad[3];                    /* zero */
	__u32 draw;                     /* in: for MD_PICK_RANDOM the random number to use; 0: draw one */
	__u32 reason;                   /* out: enum md_reason */
	__s32 error;                    /* out: 0, or the negative errno that connect() would return */
	__u32 service_id;               /* out: 0 when the destination is no service */
	__u32 slot;                     /* out: index of the slot that was picked */
	__u32 slots;                    /* out: how many slots it was picked from */
	__u32 backend_id;               /* out */
	struct md_endpoint backend;     /* out */
};

/*
 * Programs md_find_tables and md_read_table: what does md_tables hold? On older kernels (seen on 5.10 and 6.1) each
 * system call that looks at an entry of a map of maps waits until all its readers have left, ten milliseconds or more;
 * a program does not.
 */
#define MD_FIND_WORDS 4

struct md_find_tables {
	__u32 first;                  /* in: service id of the lowest bit */
	__u32 reserved;               /* zero */
	__u64 present[MD_FIND_WORDS]; /* out: bit i of word w: service first + 64 w + i has a table */
};

#define MD_READ_SLOTS 16

struct md_read_table {
	__u32 service_id;                    /* in */
	__u32 first;                         /* in: slot to begin with */
	__u32 count;                         /* out: slots that follow; fewer than MD_READ_SLOTS: the table ends here */
	struct md_slot slots[MD_READ_SLOTS]; /* out */
};

#endif
