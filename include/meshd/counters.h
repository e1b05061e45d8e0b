/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every path through a program counts exactly one of these reasons. This list makes the enum, the label of
 * meshd_datapath_events_total, the rows of `meshctl status -o wide` and the table in docs/metrics.md.
 *
 * X(enumerator, label, what it means)
 */
#ifndef MESHD_COUNTERS_H
#define MESHD_COUNTERS_H

/* clang-format off */
#define MD_REASONS(X)                                                                                                       \
	X(NOT_A_SERVICE, "not_a_service", "destination is no service address; left untouched")                              \
	X(CONNECT_FORWARDED, "connect_forwarded", "connect() to a service address was given a backend")                     \
	X(DATAGRAM_FORWARDED, "datagram_forwarded", "unconnected datagram to a service address was given a backend")        \
	X(NO_BACKEND, "no_backend", "service has no usable backend; the call failed with an errno")                         \
	X(NO_BACKEND_OF_FAMILY, "no_backend_of_family", "the service has backends, but none of a family that this socket can reach; the call failed with an errno") \
	X(TABLE_MISSING, "table_missing", "a service address without a table: should never count; the call failed with an errno") \
	X(SLOT_MISSING, "slot_missing", "a table shorter than it says: should never count; the call failed with an errno")  \
	X(PROTOCOL_UNSUPPORTED, "protocol_unsupported", "neither TCP nor UDP; left untouched")                              \
	X(PEER_RESTORED, "peer_restored", "getpeername() answered with the service address")                                \
	X(PEER_UNTOUCHED, "peer_untouched", "getpeername() of a socket that no service address was given to")              \
	X(SOURCE_RESTORED, "source_restored", "a datagram's source was shown as the service address")                      \
	X(SOURCE_UNTOUCHED, "source_untouched", "a datagram that did not come from a translated backend")                  \
	X(STORAGE_UNAVAILABLE, "storage_unavailable", "no memory for a socket's translation: forwarded, but its peer shows as the backend")
/* clang-format on */

enum md_reason {
#define X(enumerator, label, meaning) MD_REASON_##enumerator,
	MD_REASONS(X)
#undef X
	        MD_REASON_COUNT
};

#endif
