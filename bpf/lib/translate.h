/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The cores of the hooks: they take the address that the application named, leave the one to use instead in its place,
 * and return 1 (use it), 0 (nothing to change) or -errno (fail the call). Each path counts one reason.
 */
#ifndef MESHD_LIB_TRANSLATE_H
#define MESHD_LIB_TRANSLATE_H

/* The service that a call asks for; 0, and counted, when there is none. */
static __always_inline __u32 md_asked_service(const struct bpf_sock *sk, const struct md_endpoint *destination)
{
	__u32 service_id;

	if (destination->protocol != IPPROTO_TCP && destination->protocol != IPPROTO_UDP) {
		md_count(MD_REASON_PROTOCOL_UNSUPPORTED);
		return 0;
	}
	service_id = md_service_of(destination);
	if (!service_id) {
		md_count(MD_REASON_NOT_A_SERVICE);
	} else if (md_is_worker(sk)) {
		md_count(MD_REASON_WORKER_UNTOUCHED);
		return 0;
	}
	return service_id;
}

static __always_inline int md_refuse(struct bpf_sock *sk, const struct md_endpoint *asked,
                                     const struct md_choice *choice, enum md_call call, int error)
{
	md_count(choice->reason);
	md_tell_refused(sk, asked, choice->service_id, choice->reason);
	md_count_call(choice->service_id, 0, call);
	return error;
}

/* Whether the connection must be encrypted. */
static __always_inline bool md_is_to_encrypt(struct bpf_sock *sk, const struct md_choice *choice,
                                             const struct md_endpoint *destination)
{
	return choice->tls && destination->protocol == IPPROTO_TCP && sk &&
	       md_must_encrypt(choice->tls, choice->backend, md_is_of_node(sk));
}

static __always_inline int md_connect(struct bpf_sock_addr *ctx, struct md_endpoint *destination, __u8 reach)
{
	struct bpf_sock *sk = ctx->sk;
	struct md_endpoint listener = {};
	struct md_choice choice = {};
	__u32 service_id;
	bool encrypts;
	int error;

	service_id = md_asked_service(sk, destination);
	if (!service_id) {
		if (md_forget_peer(sk))
			md_limit_release(bpf_get_socket_cookie(ctx));
		return 0;
	}
	error = md_choose_next(ctx, service_id, md_is_v4(&destination->address), reach, &choice);
	if (error)
		return md_refuse(sk, destination, &choice, MD_CALL_CONNECT, error);
	/* An earlier attempt of the same socket has failed, perhaps at another service. */
	if (md_had_peer(sk))
		md_limit_release(bpf_get_socket_cookie(ctx));
	encrypts = md_is_to_encrypt(sk, &choice, destination);
	if (!encrypts) {
		md_prefer_listener(ctx, reach, &choice);
		encrypts = md_is_to_encrypt(sk, &choice, destination);
	}
	if (encrypts && !md_find_outbound(md_is_v4(&destination->address), md_is_of_node(sk), &listener)) {
		choice.reason = MD_REASON_TLS_UNAVAILABLE;
		return md_refuse(sk, destination, &choice, MD_CALL_CONNECT, -ECONNREFUSED);
	}
	error = md_limit_socket(ctx, service_id, destination->protocol, &choice.reason);
	if (error)
		return md_refuse(sk, destination, &choice, MD_CALL_CONNECT, error);

	bool remembered = md_remember_peer(sk, destination, &choice, encrypts);

	if (encrypts && !remembered) {
		md_limit_release(bpf_get_socket_cookie(ctx));
		choice.reason = MD_REASON_TLS_FORGOTTEN;
		return md_refuse(sk, destination, &choice, MD_CALL_CONNECT, -ECONNREFUSED);
	}
	*destination = encrypts ? listener : *choice.backend;
	md_count(encrypts     ? MD_REASON_TLS_STEERED
	         : remembered ? MD_REASON_CONNECT_FORWARDED
	                      : MD_REASON_STORAGE_UNAVAILABLE);
	md_count_call(service_id, choice.backend_id, MD_CALL_CONNECT);
	return 1;
}

/* An unconnected socket keeps the backend it was given first for as long as that one takes traffic: most UDP protocols
 * are conversations. */
static __always_inline int md_send(struct bpf_sock_addr *ctx, struct md_endpoint *destination, __u8 reach)
{
	struct bpf_sock *sk = ctx->sk;
	struct md_choice choice = {};
	struct md_sock_udp *memory;
	const struct md_translation *kept = NULL;
	__u32 service_id, way = MD_UDP_WAYS;
	int error;

	service_id = md_asked_service(sk, destination);
	if (!service_id)
		return 0;
	memory = bpf_sk_storage_get(&md_sock_udp, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (memory) {
		way = md_find_way(memory, destination);
		kept = md_way_at(memory, way);
	}
	if (kept && md_still_good(kept, service_id)) {
		md_count(MD_REASON_DATAGRAM_FORWARDED);
		md_count_call(service_id, kept->backend_id, MD_CALL_DATAGRAM);
		*destination = kept->backend;
		return 1;
	}

	error = md_choose_next(ctx, service_id, md_is_v4(&destination->address), reach, &choice);
	if (error)
		return md_refuse(sk, destination, &choice, MD_CALL_DATAGRAM, error);
	md_prefer_listener(ctx, reach, &choice);
	error = md_limit_socket(ctx, service_id, destination->protocol, &choice.reason);
	if (error)
		return md_refuse(sk, destination, &choice, MD_CALL_DATAGRAM, error);
	if (memory) {
		struct md_translation *filled = md_way_at(memory, way < MD_UDP_WAYS ? way : md_next_way(memory));

		if (filled)
			md_fill_translation(filled, destination, &choice);
	}
	*destination = *choice.backend;
	md_count(memory ? MD_REASON_DATAGRAM_FORWARDED : MD_REASON_STORAGE_UNAVAILABLE);
	md_count_call(service_id, choice.backend_id, MD_CALL_DATAGRAM);
	return 1;
}

static __always_inline int md_getpeername(struct bpf_sock *sk, struct md_endpoint *peer)
{
	const struct md_endpoint *service = md_service_of_peer(sk, peer);

	if (!service) {
		md_count(MD_REASON_PEER_UNTOUCHED);
		return 0;
	}
	md_count(MD_REASON_PEER_RESTORED);
	*peer = *service;
	return 1;
}

static __always_inline int md_receive(struct bpf_sock *sk, struct md_endpoint *source)
{
	const struct md_endpoint *service = md_service_of_peer(sk, source);

	if (!service)
		service = md_service_of_source(sk, source);
	if (!service) {
		md_count(MD_REASON_SOURCE_UNTOUCHED);
		return 0;
	}
	md_count(MD_REASON_SOURCE_RESTORED);
	*source = *service;
	return 1;
}

#endif
