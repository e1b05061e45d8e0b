/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between the address fields of a cgroup hook's context and md_endpoint. */
#ifndef MESHD_LIB_ENDPOINT_H
#define MESHD_LIB_ENDPOINT_H

#define MD_MAPPED_PREFIX bpf_htonl(0xffff) /* third word of ::ffff:a.b.c.d */

static __always_inline __u32 *md_words(struct md_address *address)
{
	return (__u32 *)address->bytes;
}

static __always_inline const __u32 *md_const_words(const struct md_address *address)
{
	return (const __u32 *)address->bytes;
}

static __always_inline bool md_is_v4(const struct md_address *address)
{
	const __u32 *words = md_const_words(address);

	return words[0] == 0 && words[1] == 0 && words[2] == MD_MAPPED_PREFIX;
}

static __always_inline bool md_same_endpoint(const struct md_endpoint *a, const struct md_endpoint *b)
{
	const __u32 *left = md_const_words(&a->address), *right = md_const_words(&b->address);

	/* The last word is first compared: ports differ more often than networks. */
	return a->port == b->port && left[3] == right[3] && left[2] == right[2] && left[1] == right[1] &&
	       left[0] == right[0] && a->protocol == b->protocol;
}

/* MPTCP sockets open their first subflow to the same address as TCP would: for a service they are TCP. */
static __always_inline __u8 md_protocol(__u32 protocol)
{
	return protocol == IPPROTO_MPTCP ? IPPROTO_TCP : protocol;
}

static __always_inline void md_read_v4(const struct bpf_sock_addr *ctx, struct md_endpoint *endpoint)
{
	__u32 *words = md_words(&endpoint->address);

	words[0] = 0;
	words[1] = 0;
	words[2] = MD_MAPPED_PREFIX;
	words[3] = ctx->user_ip4;
	endpoint->port = ctx->user_port;
	endpoint->protocol = md_protocol(ctx->protocol);
	endpoint->reserved = 0;
}

static __always_inline void md_read_v6(const struct bpf_sock_addr *ctx, struct md_endpoint *endpoint)
{
	__u32 *words = md_words(&endpoint->address);

	words[0] = ctx->user_ip6[0];
	words[1] = ctx->user_ip6[1];
	words[2] = ctx->user_ip6[2];
	words[3] = ctx->user_ip6[3];
	endpoint->port = ctx->user_port;
	endpoint->protocol = md_protocol(ctx->protocol);
	endpoint->reserved = 0;
}

static __always_inline void md_write_v4(struct bpf_sock_addr *ctx, const struct md_endpoint *endpoint)
{
	ctx->user_ip4 = md_const_words(&endpoint->address)[3];
	ctx->user_port = endpoint->port;
}

static __always_inline void md_write_v6(struct bpf_sock_addr *ctx, const struct md_endpoint *endpoint)
{
	const __u32 *words = md_const_words(&endpoint->address);

	ctx->user_ip6[0] = words[0];
	ctx->user_ip6[1] = words[1];
	ctx->user_ip6[2] = words[2];
	ctx->user_ip6[3] = words[3];
	ctx->user_port = endpoint->port;
}

static __always_inline bool md_is_loopback(const struct md_address *address)
{
	const __u32 *words = md_const_words(address);

	if (md_is_v4(address))
		return (bpf_ntohl(words[3]) >> 24) == 127;
	return words[0] == 0 && words[1] == 0 && words[2] == 0 && words[3] == bpf_htonl(1);
}

/* An address of one host: this one. */
static __always_inline bool md_is_own(const struct md_address *address)
{
	const __u32 *kind = bpf_map_lookup_elem(&md_locals, address);

	return kind && *kind == MD_LOCAL_OWN;
}

#endif
