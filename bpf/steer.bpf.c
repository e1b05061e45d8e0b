// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Encrypted services: what a listener is told of the connections that were led to it, and clear text from other hosts
 * refused. Attached only while some service is encrypted.
 */
#include "lib/program.h"
#include "lib/count.h"
#include "lib/endpoint.h"
#include "lib/kernel_socket.h"
#include "lib/tuple.h"
#include "lib/steer.h"
#include "lib/steer_socket.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Of address families and levels: include/linux/socket.h. */
#define AF_INET6 10
#define SOL_IP   0
#define SOL_IPV6 41

/* The kernel looks at no more of an answer; a longer one passes as it is when the program says so (Documentation/bpf/
 * prog_cgroup_sockopt.rst). */
#define MD_LONGEST_ANSWER 4096

static __always_inline __s32 md_answer_v4(struct bpf_sockopt *ctx, const struct md_endpoint *backend)
{
	struct sockaddr_in *answer = ctx->optval;

	if ((void *)(answer + 1) > ctx->optval_end || !md_is_v4(&backend->address))
		return 0;
	__builtin_memset(answer, 0, sizeof(*answer));
	answer->sin_family = AF_INET;
	answer->sin_port = backend->port;
	answer->sin_addr.s_addr = md_const_words(&backend->address)[3];
	return sizeof(*answer);
}

static __always_inline __s32 md_answer_v6(struct bpf_sockopt *ctx, const struct md_endpoint *backend)
{
	struct sockaddr_in6 *answer = ctx->optval;

	if ((void *)(answer + 1) > ctx->optval_end)
		return 0;
	__builtin_memset(answer, 0, sizeof(*answer));
	answer->sin6_family = AF_INET6;
	answer->sin6_port = backend->port;
	__builtin_memcpy(&answer->sin6_addr, &backend->address, sizeof(answer->sin6_addr));
	return sizeof(*answer);
}

static __always_inline __s32 md_answer_all(struct bpf_sockopt *ctx, const struct md_steered *steered)
{
	struct md_steered *answer = ctx->optval;

	if ((void *)(answer + 1) > ctx->optval_end)
		return 0;
	*answer = *steered;
	return sizeof(*answer);
}

/* Bytes of the answer; 0: the kernel's own stands, since the question is not ours, the socket no listener's, or the
 * caller has no room. */
static __always_inline __s32 md_answer_steered(struct bpf_sockopt *ctx)
{
	bool asks_for_all = ctx->level == MD_SOL_MESHD && ctx->optname == MD_SO_STEERED;
	bool asks_for_v4 = ctx->level == SOL_IP && ctx->optname == MD_SO_ORIGINAL_DST;
	bool asks_for_v6 = ctx->level == SOL_IPV6 && ctx->optname == MD_SO_ORIGINAL_DST;
	const struct md_steered *steered;

	if (!(asks_for_all || asks_for_v4 || asks_for_v6) || !ctx->sk)
		return 0;
	steered = bpf_sk_storage_get(&md_sock_steered, ctx->sk, NULL, 0);
	if (!steered)
		return 0;
	if (asks_for_all)
		return md_answer_all(ctx, steered);
	return asks_for_v4 ? md_answer_v4(ctx, &steered->backend) : md_answer_v6(ctx, &steered->backend);
}

SEC("cgroup/getsockopt")
int md_getsockopt(struct bpf_sockopt *ctx)
{
	__s32 size = md_answer_steered(ctx);

	if (size) {
		ctx->optlen = size;
		ctx->retval = 0;
		/* See md_read_tuple(): else one store at a computed offset would do for both zeros. */
		asm volatile("r0 = 1" ::: "r0", "memory");
	} else if (ctx->optlen > MD_LONGEST_ANSWER) {
		ctx->optlen = 0;
		asm volatile("r0 = 2" ::: "r0", "memory");
	}
	return MD_ALLOW;
}

/* Where the listeners' own cgroup is not one of those that are served. */
SEC("sockops")
int md_steer_sockops(struct bpf_sock_ops *ctx)
{
	if (ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		md_steer_accepted(ctx);
	return 1;
}

/* For the reasons of md_read_tuple(), as it does. */
static __always_inline void md_read_lookup(struct bpf_sk_lookup *lookup, struct md_address *remote,
                                           struct md_endpoint *local)
{
	volatile struct bpf_sk_lookup *ctx = lookup;
	__u32 *there = md_words(remote), *here = md_words(&local->address);

	if (ctx->family == AF_INET) {
		there[2] = MD_MAPPED_PREFIX;
		there[3] = ctx->remote_ip4;
		here[2] = MD_MAPPED_PREFIX;
		here[3] = ctx->local_ip4;
		asm volatile("r0 = 4" ::: "r0", "memory");
	} else {
		there[0] = ctx->remote_ip6[0];
		there[1] = ctx->remote_ip6[1];
		there[2] = ctx->remote_ip6[2];
		there[3] = ctx->remote_ip6[3];
		here[0] = ctx->local_ip6[0];
		here[1] = ctx->local_ip6[1];
		here[2] = ctx->local_ip6[2];
		here[3] = ctx->local_ip6[3];
		asm volatile("r0 = 6" ::: "r0", "memory");
	}
	local->port = bpf_htons((__u16)ctx->local_port);
	local->protocol = IPPROTO_TCP;
}

/* From nowhere: a program asks who listens (lib/listener.h). No packet comes from there: the kernel drops it before. */
static __always_inline bool md_is_nowhere(const struct md_address *address)
{
	const __u32 *words = md_const_words(address);

	return !words[0] && !words[1] && !words[3] && (!words[2] || words[2] == MD_MAPPED_PREFIX);
}

/* A connection that begins asks for its listener. Who is refused here is answered as where nobody listens. */
SEC("sk_lookup")
int md_guard(struct bpf_sk_lookup *ctx)
{
	const struct md_guarded *guarded;
	struct md_endpoint local = {};
	struct md_address remote = {};

	if (ctx->protocol != IPPROTO_TCP)
		return SK_PASS;
	md_read_lookup(ctx, &remote, &local);
	guarded = md_guarded_of(&local);
	if (!guarded || md_is_nowhere(&remote) || md_is_loopback(&remote) || md_is_own(&remote))
		return SK_PASS;
	if (guarded->permissive) {
		md_count(MD_REASON_CLEAR_TEXT_ACCEPTED);
		return SK_PASS;
	}
	md_count(MD_REASON_CLEAR_TEXT_REFUSED);
	return SK_DROP;
}
