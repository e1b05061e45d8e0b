/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What bpf/end_sockets.bpf.c and its caller agree on. */
#ifndef MESHD_END_SOCKETS_H
#define MESHD_END_SOCKETS_H

#define MD_MOST_DOOMED 65536 /* sockets at a time */

enum md_doom {
	MD_DOOM_WANTED = 0,
	MD_DOOM_ENDED = 1,
};

#endif
