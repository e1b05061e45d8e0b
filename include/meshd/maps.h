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
	X(md_balancing, "hash", "service id", "md_balancing", "agent", "what balancing of a service looks at besides its table")     \
	X(md_eject_state, "hash", "service id", "md_balancing_state", "programs", "how many of its backends are ejected")       \
	X(md_vitals, "hash", "backend id", "md_vitals", "programs", "how a backend does, as this node has seen it")                 \
	X(md_sessions, "LRU hash", "md_affinity_key", "md_affinity", "programs", "the backend that a source or workload of this node keeps") \
	X(md_ejections, "ring buffer", "", "md_ejected", "programs", "backends that were ejected")                                  \
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
	X(md_forwarding, "array", "0", "md_forwarding", "agent", "what the agent has decided about forwarded traffic")              \
	X(md_devices, "hash", "interface index", "md_device", "agent", "the devices whose packets are looked at")                   \
	X(md_locals, "hash", "md_address", "md_local", "agent", "the addresses of this node, and those of all hosts of its networks") \
	X(md_maglevs, "hash of arrays", "service id, row", "md_maglev", "agent", "the Maglev tables of services that are forwarded to") \
	X(md_opening, "LRU hash", "md_track_key", "md_track", "programs", "forwarded connections whose handshake is not complete")  \
	X(md_tracks, "LRU hash", "md_track_key", "md_track", "programs", "forwarded connections, one entry a direction")            \
	X(md_track_ends, "array", "0", "md_track_ends", "programs", "which packets can have a track at all")                        \
	X(md_affinity, "LRU hash", "md_affinity_key", "md_affinity", "programs", "the backend that a client of a service keeps")    \
	X(md_flow_config, "array", "0", "md_flow_config", "agent", "which flows are followed")                                      \
	X(md_flows, "hash", "md_flow_key", "md_flow", "programs", "one record for each TCP connection of a local socket")           \
	X(md_device_flows, "LRU hash", "md_flow_key", "md_flow", "programs", "one record for each flow that passes devices untranslated") \
	X(md_flows_ended, "per-CPU array", "slot", "md_flow_ended", "programs", "the records that ended last: they are kept for a while") \
	X(md_traffic, "per-CPU hash", "md_traffic_key", "md_traffic", "programs", "what ended at each backend, and how long it took") \
	X(md_flow_events, "ring buffer", "", "md_flow_event", "programs", "flows that begin, end or are refused, while somebody watches") \
	X(md_policies, "array of tries", "0, md_prefix", "md_policy", "agent", "the policy in force, and the classes of addresses") \
	X(md_policy_ids, "hash", "md_policy_id", "md_policy_class", "agent", "the classes of services and workloads")               \
	X(md_verdicts, "hash", "md_verdict_key", "md_verdict", "agent", "what the policy says for two classes")                     \
	X(md_rule_hits, "per-CPU hash", "rule", "md_rule_hits", "programs", "what each rule of the policy has decided")             \
	X(md_limits, "hash", "service id", "md_limit", "agent", "how many connections services take")                               \
	X(md_limit_state, "hash", "service id", "md_limit_state", "programs", "how many they have, and when the next is due")       \
	X(md_open, "hash", "socket cookie", "md_open", "programs", "the connections that count against a limit")                    \
	X(md_open_tracks, "hash", "md_track_key", "md_open_track", "programs", "the forwarded connections that count against a limit") \
	X(md_steering, "array", "0", "md_steering", "agent", "where the outbound listeners of encrypted connections are")           \
	X(md_steered, "LRU hash", "md_steered_key", "md_steered", "programs", "connections on their way to an outbound listener")   \
	X(md_sock_steered, "socket storage", "socket", "md_steered", "programs", "for whom and where to a listener's connection is") \
	X(md_identities, "hash", "md_identity_key", "number", "agent", "whose connections go out under which identity")             \
	X(md_guarded, "hash", "md_endpoint", "md_guarded", "agent", "backends of encrypted services on this host")                  \
	X(md_meta, "array", "0", "md_meta", "agent", "ABI version of these maps and who made them")
/* clang-format on */

/* Default bounds; `limits` in the configuration changes them when the maps are created. */
#define MD_MAX_SERVICES  65536
#define MD_MAX_FRONTENDS 131072
#define MD_MAX_BACKENDS  262144
#define MD_MAX_SOCKETS   131072

/* Size of md_ejections in bytes, a power of two of pages: room for a thousand records. */
#define MD_EJECTIONS_SIZE 65536

/* Connections between SYN and ESTABLISHED at one time. The oldest gives way: its connection stays on TCP. */
#define MD_MAX_HANDSHAKES 8192

/* Sources and workloads of this node that keep a backend, at one time. The oldest gives way: it is given one anew. */
#define MD_MAX_SESSIONS 16384

/* Ports, cgroups and users that configuration can exclude. */
#define MD_MAX_EXCLUSIONS 1024

/* Size of md_events in bytes, a power of two of pages: room for more than ten thousand records. */
#define MD_EVENTS_SIZE 262144

/*
 * Forwarded connections at one time, two tracks each (four when masqueraded), and those in their handshake. A track
 * takes about 180 bytes. The oldest gives way: its next packet is given the same backend again as long as the service's
 * table is the same.
 */
#define MD_MAX_TRACKS     262144
#define MD_MAX_OPENING    32768
#define MD_MAX_AFFINITIES 65536

/* Flows at one time. Above, they are counted for their service only. A record takes about 300 bytes. */
#define MD_MAX_FLOWS 262144

/* Flows at one time that pass devices and are no socket's: the one that was not seen for longest gives way. They take
 * about 400 bytes each from the start. */
#define MD_MAX_DEVICE_FLOWS 65536

/* Records of flows that have ended, for each CPU. They are removed some seconds later, or when as many more have ended.
 */
#define MD_FLOWS_KEPT 2048

#define MD_MAX_DEVICES 4096
#define MD_MAX_LOCALS  4096

/* Size of md_flow_events in bytes, a power of two of pages. */
#define MD_FLOW_EVENTS_SIZE 1048576

/*
 * A policy: rules, prefixes that they name for both sides, verdicts they make, services and workloads they name. Two
 * generations stand beside each other while one replaces the other, so maps are twice as large.
 */
#define MD_MAX_RULES      4096
#define MD_MAX_PREFIXES   16384
#define MD_MAX_VERDICTS   131072
#define MD_MAX_POLICY_IDS 65536

/* Cgroups above a socket that are looked at for a workload, from the root of the hierarchy on. */
#define MD_POLICY_LEVELS 16

/* Connections at one time that count against a limit. */
#define MD_MAX_OPEN 262144

/* Steered connections at one time whose listener has not seen them yet. The oldest gives way: its connection is reset.
 */
#define MD_MAX_STEERED 16384

/* Cgroups and users that identities name. A unit may have several cgroups. */
#define MD_MAX_IDENTITIES 4096

/* Largest table of one service, in slots. Weights that would need more are rounded to this resolution. */
#define MD_MAX_SLOTS 4096

#endif
