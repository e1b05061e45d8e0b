/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connections that must be encrypted: which those are, and which listener they are led to instead of their backend. */
#ifndef MESHD_LIB_STEER_H
#define MESHD_LIB_STEER_H

static __always_inline const struct md_steering *md_steering_of_node(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&md_steering, &zero);
}

static __always_inline const struct md_guarded *md_guarded_of(const struct md_endpoint *backend)
{
	return bpf_map_lookup_elem(&md_guarded, backend);
}

/*
 * Whether a connection stays plain because its backend is on this host, too. From another network namespace not to an
 * address of this node: its source would be that of another host to whoever guards the backend; and what is loopback
 * there is another backend.
 */
static __always_inline bool md_stays_here(const struct md_endpoint *backend, bool is_node)
{
	const struct md_guarded *guarded = md_guarded_of(backend);

	if (!guarded || guarded->elsewhere)
		return false;
	return is_node || !(md_is_loopback(&backend->address) || md_is_own(&backend->address));
}

/* `tls`: as in md_table. `is_node`: who asks is in the node's network namespace. */
static __always_inline bool md_must_encrypt(__u8 tls, const struct md_endpoint *backend, bool is_node)
{
	if (!(tls & MD_TLS_MUTUAL))
		return false;
	return tls & MD_TLS_SAME_NODE || !md_stays_here(backend, is_node);
}

/* How many addresses of 127.0.0.0/8 connections are spread over, 127.0.N.1: two sockets of one host have some 28,000
 * ports between them, which all encrypted connections of the host would share. ::1 has no others beside it. */
#define MD_OUTBOUND_ADDRESSES 64

/* The outbound listener for an application that asked for an address of this family. false: there is none for it. */
static __always_inline bool md_find_outbound(bool asked_v4, bool is_node, struct md_endpoint *listener)
{
	const struct md_steering *steering = md_steering_of_node();
	__u32 *words = md_words(&listener->address);

	if (!steering || !steering->port)
		return false;
	listener->port = steering->port;
	listener->protocol = IPPROTO_TCP;
	listener->reserved = 0;
	if (!is_node) {
		listener->address = asked_v4 ? steering->address_v4 : steering->address_v6;
		return words[0] || words[3];
	}
	words[0] = words[1] = 0;
	words[2] = asked_v4 ? MD_MAPPED_PREFIX : 0;
	words[3] = bpf_htonl(asked_v4 ? 0x7f000001 | bpf_get_prandom_u32() % MD_OUTBOUND_ADDRESSES << 8 : 1);
	return true;
}

#endif
