/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The policy at the calls of sockets: connect() and unconnected datagrams. */
#ifndef MESHD_LIB_POLICY_SOCKET_H
#define MESHD_LIB_POLICY_SOCKET_H

/* The class of the deepest cgroup above the socket that a rule names. */
static __always_inline __u32 md_socket_workload(const struct md_policy *policy, struct bpf_sock *sk)
{
	const struct cgroup *cgroup = md_cgroup(md_address_of(sk));
	__u32 class = 0;

	for (__u32 level = 0; cgroup && level < MD_POLICY_LEVELS; level++) {
		__u64 id = md_ancestor(cgroup, level);
		__u32 found;

		if (!id)
			break;
		found = md_workload_class(policy, id);
		if (found)
			class = found;
	}
	return class;
}

/*
 * The worker is never cut off: without it no correction of a policy would arrive. What it opens for clients of edge
 * listeners is theirs, and rules hold for it.
 */
static __always_inline bool md_is_exempt(const struct md_policy *policy, const struct bpf_sock *sk)
{
	return policy->exempt_user && (__u32)bpf_get_current_uid_gid() == policy->exempt_user && !md_is_for_edge(sk);
}

/* Whether the policy denies it. `source`: what the socket is bound to, zero when that is nothing. */
static __always_inline bool md_denies_socket(struct bpf_sock_addr *ctx, const struct md_address *source,
                                             const struct md_endpoint *asked)
{
	void *policies = md_policy_in_force();
	struct md_endpoint real = *asked;
	const struct md_endpoint *destination = &real;
	struct md_classes classes = {};
	struct md_decision decision = {};
	const struct md_policy *policy;

	if (!policies)
		return false;
	md_real_destination(source, &real.address);
	policy = md_prefix_of(policies, MD_PREFIX_DESTINATION, &destination->address);
	if (!policy)
		return true; /* cannot be: the empty prefix is always there */
	md_classify(policies, policy, source, destination, asked, policy->netns != bpf_get_netns_cookie(ctx), &classes);
	if (ctx->sk && md_has_source(policy, MD_SOURCE_WORKLOAD))
		classes.source[MD_SOURCE_WORKLOAD] = md_socket_workload(policy, ctx->sk);
	md_decide(policy, &classes, destination->port, destination->protocol, &decision);
	if (decision.verdict == MD_VERDICT_DENY && md_is_exempt(policy, ctx->sk))
		return false;
	if (!md_policy_stops(policy, &decision))
		return false;
	md_tell_refused(ctx->sk, asked, md_service_of(asked), MD_REASON_POLICY_DENIED);
	return true;
}

/* Whether a call is denied. Functions of their own for the verifier: it would look at the rest of a hook for each state
 * in which they end. */
__weak __noinline int md_denies_connect_v4(struct bpf_sock_addr *ctx)
{
	struct md_endpoint destination;
	struct md_address source = {};

	md_read_v4(ctx, &destination);
	md_words(&source)[2] = MD_MAPPED_PREFIX;
	if (ctx->sk)
		md_words(&source)[3] = ctx->sk->src_ip4;
	return md_denies_socket(ctx, &source, &destination);
}

__weak __noinline int md_denies_connect_v6(struct bpf_sock_addr *ctx)
{
	struct md_endpoint destination;
	struct md_address source = {};
	__u32 *words = md_words(&source);
	struct bpf_sock *sk = ctx->sk;

	md_read_v6(ctx, &destination);
	if (sk) {
		words[0] = sk->src_ip6[0];
		words[1] = sk->src_ip6[1];
		words[2] = sk->src_ip6[2];
		words[3] = sk->src_ip6[3];
	}
	return md_denies_socket(ctx, &source, &destination);
}

__weak __noinline int md_denies_send_v4(struct bpf_sock_addr *ctx)
{
	struct md_endpoint destination;
	struct md_address source = {};

	md_read_v4(ctx, &destination);
	md_words(&source)[2] = MD_MAPPED_PREFIX;
	md_words(&source)[3] = ctx->msg_src_ip4;
	return md_denies_socket(ctx, &source, &destination);
}

__weak __noinline int md_denies_send_v6(struct bpf_sock_addr *ctx)
{
	struct md_endpoint destination;
	struct md_address source = {};
	__u32 *words = md_words(&source);

	md_read_v6(ctx, &destination);
	words[0] = ctx->msg_src_ip6[0];
	words[1] = ctx->msg_src_ip6[1];
	words[2] = ctx->msg_src_ip6[2];
	words[3] = ctx->msg_src_ip6[3];
	return md_denies_socket(ctx, &source, &destination);
}

#endif
