/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names (at most 15 characters, as bpftool shows them) and default sizes of the maps. Pinned under
 * PINROOT/v<ABI>/maps/NAME.
 *
 * X(name, kind, key, value, owner, purpose)
 */
#ifndef MESHD_MAPS_H
#define MESHD_MAPS_H

/* clang-format off */
#define MD_MAPS(X)                                                                                                                  \
	X(md_frontends, "hash", "md_endpoint", "md_frontend", "agent", "service address, port and protocol to service id")          \
	X(md_services, "hash", "service id", "md_service", "agent", "what a service id is called")                                  \
	X(md_tables, "array of arrays", "service id, slot", "md_slot", "agent", "the backends a service chooses from")              \
	X(md_backends, "hash", "backend id", "md_backend", "agent", "what a backend id means")                                      \
	X(md_cursors, "array", "service id", "md_cursor", "programs", "where the cycle of a service goes on")                       \
	X(md_connects, "per-CPU hash", "md_connects_key", "md_connects", "programs", "connects and datagrams for each backend")     \
	X(md_reasons, "per-CPU array", "md_reason", "count", "programs", "one count for each path through a program")               \
	X(md_sock_peer, "socket storage", "socket", "md_sock_peer", "programs", "the service address a connected socket asked for") \
	X(md_sock_udp, "socket storage", "socket", "md_sock_udp", "programs", "the services an unconnected UDP socket talks to")    \
	X(md_acceleration, "array", "0", "md_acceleration", "agent", "what the agent has decided about the short way")              \
	X(md_sockets, "socket hash", "socket cookie", "socket", "programs", "the sockets that are enrolled on the short way")       \
	X(md_handshakes, "LRU hash", "md_tuple", "md_handshake", "programs", "connections that listeners of this host were asked for") \
	X(md_pairs, "hash", "socket cookie", "md_pair", "programs", "connections with both ends enrolled")                          \
	X(md_sock_pair, "socket storage", "socket", "md_sock_pair", "programs", "the pair that an enrolled socket belongs to")      \
	X(md_paths, "per-CPU hash", "service id", "md_paths", "programs", "which way the bytes of a service went, and why")         \
	X(md_halts, "hash", "service id", "md_halt", "agent", "services that are off the short way for a while")                    \
	X(md_excluded, "hash", "md_exclusion", "1", "agent", "ports, cgroups and users that stay off the short way")                \
	X(md_consumed, "hash", "socket address", "bytes", "programs", "what readers took, where the kernel does not charge it")     \
	X(md_events, "ring buffer", "", "md_event", "programs", "pairs that leave the short way or whose readers fall behind")                        \
	X(md_meta, "array", "0", "md_meta", "agent", "ABI version of these maps and who made them")
/* clang-format on */

/* Default bounds; `limits` in the configuration changes them when the maps are created. */
#define MD_MAX_SERVICES  65536
#define MD_MAX_FRONTENDS 131072
#define MD_MAX_BACKENDS  262144
#define MD_MAX_SOCKETS   131072

/* Connections between SYN and ESTABLISHED at one time. The oldest gives way: its connection stays on TCP. */
#define MD_MAX_HANDSHAKES 8192

/* Ports, cgroups and users that configuration can exclude. */
#define MD_MAX_EXCLUSIONS 1024

/* Size of md_events in bytes, a power of two of pages: room for more than ten thousand records. */
#define MD_EVENTS_SIZE 262144

/* Largest table of one service, in slots. Weights that would need more are rounded to this resolution. */
#define MD_MAX_SLOTS 4096

#endif
