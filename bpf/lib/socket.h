/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a socket remembers of its translations, in socket storage: it lives and dies with the socket, survives the
 * agent, and no table can overflow. The kernel holds the socket's lock in every hook that writes here.
 */
#ifndef MESHD_LIB_SOCKET_H
#define MESHD_LIB_SOCKET_H

static __always_inline void md_fill_translation(struct md_translation *translation, const struct md_endpoint *service,
                                                const struct md_choice *choice)
{
	translation->service = *service;
	translation->backend = *choice->backend;
	translation->service_id = choice->service_id;
	translation->backend_id = choice->backend_id;
}

/* A connected socket was given a backend, and is led to it by an outbound listener when `steered`. false: no memory
 * for it. */
static __always_inline bool md_remember_peer(struct bpf_sock *sk, const struct md_endpoint *service,
                                             const struct md_choice *choice, bool steered)
{
	struct md_sock_peer *memory = bpf_sk_storage_get(&md_sock_peer, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (!memory)
		return false;
	md_fill_translation(&memory->peer, service, choice);
	memory->way = choice->way;
	memory->steered = steered;
	memory->unlisted = choice->silent && !steered;
	return true;
}

/* Whether it had connected to a service before, or tried to. */
static __always_inline bool md_had_peer(struct bpf_sock *sk)
{
	const struct md_sock_peer *memory = bpf_sk_storage_get(&md_sock_peer, sk, NULL, 0);

	return memory && memory->peer.backend_id;
}

/* A socket connects to something that is no service: what it was told before no longer holds. false: nothing was. */
static __always_inline bool md_forget_peer(struct bpf_sock *sk)
{
	struct md_sock_peer *memory = bpf_sk_storage_get(&md_sock_peer, sk, NULL, 0);

	if (!memory || !memory->peer.backend_id)
		return false;
	memory->peer.backend_id = 0;
	return true;
}

/* The service address behind the backend that a connected socket has as its peer, or NULL. */
static __always_inline const struct md_endpoint *md_service_of_peer(struct bpf_sock *sk, const struct md_endpoint *peer)
{
	const struct md_sock_peer *memory = bpf_sk_storage_get(&md_sock_peer, sk, NULL, 0);

	if (!memory || !memory->peer.backend_id)
		return NULL;
	/* A steered socket's peer is a listener of this node, and nobody asks for its name. */
	if (!memory->steered && !md_same_endpoint(&memory->peer.backend, peer))
		return NULL;
	return &memory->peer.service;
}

/* The service address behind the source of a datagram on an unconnected socket, or NULL. */
static __always_inline const struct md_endpoint *md_service_of_source(struct bpf_sock *sk,
                                                                      const struct md_endpoint *source)
{
	const struct md_sock_udp *memory = bpf_sk_storage_get(&md_sock_udp, sk, NULL, 0);

	if (!memory)
		return NULL;
	for (int way = 0; way < MD_UDP_WAYS; way++) {
		const struct md_translation *translation = &memory->ways[way];

		if (translation->backend_id && md_same_endpoint(&translation->backend, source))
			return &translation->service;
	}
	return NULL;
}

/* Which of its translations an unconnected socket already has for a service address; MD_UDP_WAYS: none. A number, for
 * the verifier would follow each pointer on its own. */
static __always_inline __u32 md_find_way(const struct md_sock_udp *memory, const struct md_endpoint *service)
{
	__u32 way;

	for (way = 0; way < MD_UDP_WAYS; way++) {
		const struct md_translation *translation = &memory->ways[way];

		if (translation->backend_id && md_same_endpoint(&translation->service, service))
			break;
	}
	return md_blur(way, memory->next);
}

static __always_inline struct md_translation *md_way_at(struct md_sock_udp *memory, __u32 way)
{
	/* The compiler knows, the verifier does not. */
	barrier_var(way);
	return way < MD_UDP_WAYS ? &memory->ways[way] : NULL;
}

/* Room for one more translation: the oldest gives way. */
static __always_inline __u32 md_next_way(struct md_sock_udp *memory)
{
	__u32 way = memory->next % MD_UDP_WAYS;

	memory->next = way + 1;
	return way;
}

/* Whether new traffic may still go to the backend of a translation. */
static __always_inline bool md_still_good(const struct md_translation *translation, __u32 service_id)
{
	const struct md_backend *backend;

	if (translation->service_id != service_id)
		return false;
	backend = bpf_map_lookup_elem(&md_backends, &translation->backend_id);
	return backend && backend->state == MD_BACKEND_READY && backend->weight > 0 &&
	       md_same_endpoint(&backend->endpoint, &translation->backend);
}

#endif
