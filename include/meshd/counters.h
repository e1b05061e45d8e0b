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
	X(WORKER_UNTOUCHED, "worker_untouched", "destination is a service address, but meshd's worker asks for the very address; left untouched") \
	X(STORAGE_UNAVAILABLE, "storage_unavailable", "no memory for a socket's translation: forwarded, but its peer shows as the backend") \
	X(PAIRED, "paired", "both ends of a connection are on this host: enrolled on the short way")                        \
	X(PAIR_LEFT, "pair_left", "a connection leaves the short way for good")                                             \
	X(PAIR_CLOSED, "pair_closed", "an enrolled socket closed")                                                          \
	X(MESSAGE_SHORT, "message_short", "a message took the short way")                                                   \
	X(PACKET_NOT_OURS, "packet_not_ours", "a packet at a device: nothing in it is to be translated here; left untouched") \
	X(PACKET_UNPARSED, "packet_unparsed", "a packet at a device: no TCP, UDP or ICMP that could be read; left untouched") \
	X(PACKET_FRAGMENT, "packet_fragment", "a packet at a device: part of a fragmented datagram, of which only the first has ports; left untouched") \
	X(PACKET_VLAN, "packet_vlan", "a packet at a device: of a VLAN, whose own device may be looked at; left untouched") \
	X(PACKET_EXTENSION, "packet_extension", "a packet at a device: more IPv6 extension headers than are looked through, or a source route; left untouched") \
	X(FORWARD_NEW, "forward_new", "first packet of a forwarded connection: given a backend")                           \
	X(FORWARD_REQUEST, "forward_request", "packet of a known connection to its backend")                              \
	X(FORWARD_REPLY, "forward_reply", "packet from a backend back to its client")                                     \
	X(FORWARD_SOURCE, "forward_source", "packet of a forwarded connection that leaves under an address of this node")  \
	X(FORWARD_RETURN, "forward_return", "answer to an address of this node that stands for a client")                 \
	X(FORWARD_DSR, "forward_dsr", "packet handed to a backend that answers directly")                                 \
	X(FORWARD_ICMP, "forward_icmp", "ICMP error of a forwarded connection: translated with the packet in it")         \
	X(FORWARD_REFUSED, "forward_refused", "packet for a service without a usable backend: answered by a TCP reset or an ICMP error") \
	X(FORWARD_NO_BACKEND, "forward_no_backend", "packet for a service without a usable backend: dropped")             \
	X(FORWARD_OFF_LINK, "forward_off_link", "packet for direct server return, but the backend is behind a router: dropped") \
	X(FORWARD_HOP_LIMIT, "forward_hop_limit", "packet for direct server return that has come too far: dropped")        \
	X(FORWARD_NO_SOURCE, "forward_no_source", "no address or free port of this node for a translated source: dropped") \
	X(FORWARD_FULL, "forward_full", "no room to remember a connection: dropped")                                      \
	X(FORWARD_UNWRITABLE, "forward_unwritable", "a packet could not be changed: dropped")                             \
	X(FLOW_FULL, "flow_full", "no room in the table of flows: counted for its service only")                           \
	X(FLOW_UNTOLD, "flow_untold", "a watcher of flows is behind: it was not told of one")                               \
	X(POLICY_DENIED, "policy_denied", "the policy denies it: the call failed with an errno, or the packet was dropped") \
	X(POLICY_AUDITED, "policy_audited", "the policy would deny it, but is in audit mode; counted beside what became of it") \
	X(POLICY_UNREAD, "policy_unread", "a packet at a device that the policy might deny, but whose ports or addresses cannot be read: dropped") \
	X(LIMIT_CONNECTIONS, "limit_connections", "the service has as many connections as its limit allows; refused")      \
	X(LIMIT_RATE, "limit_rate", "more new connections to the service than its limit allows; refused")                  \
	X(BACKEND_EJECTED, "backend_ejected", "failures ejected a backend; counted beside what became of the connection")   \
	X(EJECTION_SPARED, "ejection_spared", "failures would have ejected a backend, but as many of its service are ejected as may") \
	X(EJECTION_UNTOLD, "ejection_untold", "a backend was ejected, and there was no room to tell the agent")             \
	X(NO_LISTENER, "no_listener", "nothing listens at a backend on this host: another was looked for; counted beside what became of the call") \
	X(NO_LISTENER_AT_ALL, "no_listener_at_all", "nothing listens at any backend that was tried; counted beside what became of the call") \
	X(LIMIT_UNTRACKED, "limit_untracked", "no room to remember a connection that counts against a limit; it passed")   \
	X(TLS_STEERED, "tls_steered", "connect() to an encrypted service was given a backend, and is led there by the worker") \
	X(TLS_UNAVAILABLE, "tls_unavailable", "nobody here can encrypt a connection to an encrypted service; the call failed with an errno") \
	X(TLS_FORGOTTEN, "tls_forgotten", "no room to remember where a steered connection goes: its listener resets it")    \
	X(CLEAR_TEXT_REFUSED, "clear_text_refused", "a connection from another host to a backend of an encrypted service was not encrypted; refused by a reset") \
	X(CLEAR_TEXT_ACCEPTED, "clear_text_accepted", "as clear_text_refused, but the service is `permissive`")             \
	X(FORWARD_TLS, "forward_tls", "packet for an encrypted service, and packets are not encrypted: answered or dropped as one without a usable backend") \
	MD_WHYS(X)

/* Why a connection was not paired, or a message of a pair took TCP. Counted for each service, too: see md_paths. */
#define MD_WHYS(X)                                                                                                          \
	X(TCP_OFF, "tcp_off", "not paired: the short way is off")                                                           \
	X(TCP_PEER_ELSEWHERE, "tcp_peer_elsewhere", "not paired: the other end is not on this host")                        \
	X(TCP_NO_SERVICE, "tcp_no_service", "not paired: no connection to a service, and only those may be")                \
	X(TCP_NOT_NAMED, "tcp_not_named", "not paired: on this kernel only services that the configuration names may be")   \
	X(TCP_EXCLUDED, "tcp_excluded", "not paired: configuration excludes the service, a port, a cgroup or a user")       \
	X(TCP_LEARNED, "tcp_learned", "not paired: readers of this service fell behind too often")                          \
	X(TCP_PAUSED, "tcp_paused", "paused")                                                                               \
	X(TCP_MPTCP, "tcp_mptcp", "not paired: a multipath TCP socket")                                                     \
	X(TCP_ULP, "tcp_ulp", "not paired: the socket has an upper layer protocol, such as kernel TLS")                     \
	X(TCP_SMALL_BUFFER, "tcp_small_buffer", "FIONREAD does not count what TCP brings, and the receiver's program has fixed a receive buffer too small for both ways") \
	X(TCP_FULL, "tcp_full", "not paired: no room in a map, or the socket is in somebody else's")                        \
	X(TCP_IDENTITY, "tcp_identity", "not paired: equal addresses, but another connection")                              \
	X(TCP_PEER_UNREADY, "tcp_peer_unready", "the other end was not enrolled yet, or did not take part")                 \
	X(TCP_PEER_GONE, "tcp_peer_gone", "the other end has closed, or has left the short way")                            \
	X(TCP_ORDER, "tcp_order", "the receiver has not yet read all that came by TCP")                                     \
	X(TCP_BACKLOG, "tcp_backlog", "as much waits for the receiver as may")                                              \
	X(TCP_MEMORY, "tcp_memory", "TCP memory of this node is above the budget")                                          \
	X(TCP_LEFT, "tcp_left", "the connection is leaving the short way")
/* clang-format on */

enum md_why {
#define X(enumerator, label, meaning) MD_WHY_##enumerator,
	MD_WHYS(X)
#undef X
	        MD_WHY_COUNT
};

enum md_reason {
#define X(enumerator, label, meaning) MD_REASON_##enumerator,
	MD_REASONS(X)
#undef X
	        MD_REASON_COUNT
};

/* The reasons of MD_WHYS come last in MD_REASONS, in the same order. */
#define MD_REASON_OF_WHY(why) ((enum md_reason)(MD_REASON_COUNT - MD_WHY_COUNT + (why)))

#endif
