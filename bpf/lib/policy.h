/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who may connect to whom. md_decide() is pure but for reading maps; md_denies_socket() and md_policy_packet() enforce
 * what it says, and count it. Without a policy each costs one look into an array.
 */
#ifndef MESHD_LIB_POLICY_H
#define MESHD_LIB_POLICY_H

/* Classes by md_source_kind and md_destination_kind; 0: no rule of that kind can match. */
struct md_classes {
	__u32 source[3];
	__u32 destination[3];
};

struct md_decision {
	__u64 rule;
	__u32 rank; /* ~0: no rule matched */
	__u8 verdict;
};

static __always_inline void *md_policy_in_force(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&md_policies, &zero);
}

static __always_inline const struct md_policy *md_prefix_of(void *policies, enum md_prefix_kind kind,
                                                            const struct md_address *address)
{
	struct md_prefix key = {.length = MD_PREFIX_HEAD + 128, .kind = kind, .address = *address};

	return bpf_map_lookup_elem(policies, &key);
}

static __always_inline __u32 md_policy_class_of(const struct md_policy_id *id)
{
	const struct md_policy_class *found = bpf_map_lookup_elem(&md_policy_ids, id);

	return found ? found->class_id : 0;
}

static __always_inline bool md_has_source(const struct md_policy *policy, enum md_source_kind kind)
{
	return policy->patterns & (0xfffULL << MD_PATTERN(kind, 0, 0, 0));
}

static __always_inline bool md_has_destination(const struct md_policy *policy, enum md_destination_kind kind)
{
	return policy->patterns & ((0xfULL << MD_PATTERN(0, kind, 0, 0)) | (0xfULL << MD_PATTERN(1, kind, 0, 0)) |
	                           (0xfULL << MD_PATTERN(2, kind, 0, 0)));
}

static __always_inline __u32 md_service_class(const struct md_policy *policy, const struct md_endpoint *destination)
{
	struct md_policy_id id = {.generation = policy->generation, .kind = MD_ID_SERVICE, .endpoint = *destination};

	return md_policy_class_of(&id);
}

static __always_inline __u32 md_workload_class(const struct md_policy *policy, __u64 cgroup)
{
	struct md_policy_id id = {.generation = policy->generation, .kind = MD_ID_WORKLOAD};

	__builtin_memcpy(&id.endpoint.address, &cgroup, sizeof(cgroup));
	return md_policy_class_of(&id);
}

/* Unbound sockets that connect to a loopback address get one. */
/* The class of the source address of a socket that is bound to none. */
static __always_inline __u32 md_unbound_class(void *policies, const struct md_policy *policy,
                                              const struct md_address *destination, bool foreign)
{
	struct md_address source = {};

	if (md_is_loopback(destination)) {
		if (md_is_v4(destination))
			md_words(&source)[2] = MD_MAPPED_PREFIX;
		md_words(&source)[3] = md_is_v4(destination) ? bpf_htonl(0x7f000001) : bpf_htonl(1);
		policy = md_prefix_of(policies, MD_PREFIX_SOURCE, &source);
		return policy ? policy->class_id : 0;
	}
	if (md_is_v4(destination))
		return foreign ? policy->unknown_v4 : policy->local_v4;
	return foreign ? policy->unknown_v6 : policy->local_v6;
}

static __always_inline bool md_is_zero(const struct md_address *address)
{
	const __u32 *words = md_const_words(address);

	return (words[0] | words[1] | words[3]) == 0 && (words[2] == 0 || words[2] == MD_MAPPED_PREFIX);
}

static __always_inline void md_look_for_verdict(const struct md_policy *policy, __u32 pattern, __u32 source,
                                                __u32 destination, __be16 port, __u8 protocol,
                                                struct md_decision *decision)
{
	struct md_verdict_key key = {.generation = policy->generation,
	                             .source = source,
	                             .destination = destination,
	                             .port = pattern & 2 ? port : 0,
	                             .protocol = pattern & 1 ? protocol : 0,
	                             .pattern = pattern};
	const struct md_verdict *found;

	if (!(policy->patterns & (1ULL << pattern)))
		return;
	found = bpf_map_lookup_elem(&md_verdicts, &key);
	if (!found || found->rank >= decision->rank)
		return;
	decision->rank = found->rank;
	decision->rule = found->rule;
	decision->verdict = found->verdict;
}

/* The address that the kernel puts in the place of an unspecified one (ip_route_output_key_hash(), tcp_v6_connect()).
 */
static __always_inline void md_real_destination(const struct md_address *source, struct md_address *destination)
{
	__u32 *words = md_words(destination);

	if (!md_is_zero(destination))
		return;
	if (md_is_v4(destination) && md_is_v4(source) && !md_is_zero(source)) {
		*destination = *source;
	} else if (md_is_v4(destination) || (md_is_v4(source) && !md_is_zero(source))) {
		words[2] = MD_MAPPED_PREFIX;
		words[3] = bpf_htonl(0x7f000001);
	} else {
		words[3] = bpf_htonl(1);
	}
}

/* The most specific rule among the best of each pattern. Unrolled: the verifier allows no index into classes. */
static __always_inline void md_decide(const struct md_policy *policy, const struct md_classes *classes, __be16 port,
                                      __u8 protocol, struct md_decision *decision)
{
	decision->rule = 0;
	decision->rank = ~0U;
	decision->verdict = policy->default_verdict;
#pragma unroll
	for (__u32 source = 0; source < 3; source++) {
#pragma unroll
		for (__u32 destination = 0; destination < 3; destination++) {
			__u32 from = classes->source[source], to = classes->destination[destination];

			if ((source && !from) || (destination && !to))
				continue;
#pragma unroll
			for (__u32 rest = 0; rest < 4; rest++)
				md_look_for_verdict(policy, MD_PATTERN(source, destination, 0, 0) + rest, from, to,
				                    port, protocol, decision);
		}
	}
}

/* `asked`: the service's endpoint, should the destination be one of a service. */
static __always_inline void md_classify(void *policies, const struct md_policy *policy, const struct md_address *source,
                                        const struct md_endpoint *destination, const struct md_endpoint *asked,
                                        bool foreign, struct md_classes *classes)
{
	classes->destination[MD_DESTINATION_CIDR] = policy->class_id;
	if (md_has_destination(policy, MD_DESTINATION_SERVICE))
		classes->destination[MD_DESTINATION_SERVICE] = md_service_class(policy, asked);
	if (md_has_source(policy, MD_SOURCE_CIDR)) {
		if (md_is_zero(source)) {
			classes->source[MD_SOURCE_CIDR] =
			        md_unbound_class(policies, policy, &destination->address, foreign);
		} else {
			const struct md_policy *from = md_prefix_of(policies, MD_PREFIX_SOURCE, source);

			classes->source[MD_SOURCE_CIDR] = from ? from->class_id : 0;
		}
	}
}

/* Counts a decision; whether it stops anything. */
static __always_inline bool md_policy_stops(const struct md_policy *policy, const struct md_decision *decision)
{
	struct md_rule_hits *hits = bpf_map_lookup_elem(&md_rule_hits, &decision->rule);
	bool denied = decision->verdict == MD_VERDICT_DENY;

	if (!denied) {
		if (hits)
			hits->allowed += 1;
		return false;
	}
	if (policy->audit) {
		if (hits)
			hits->audited += 1;
		md_count(MD_REASON_POLICY_AUDITED);
		return false;
	}
	if (hits)
		hits->denied += 1;
	md_count(MD_REASON_POLICY_DENIED);
	return true;
}

/*
 * For packets that come in by a device: whether the policy denies the flow that they begin. `destination` as the packet
 * has it, before any translation; `asked` is the same, or the endpoint that a service has at every address of this
 * node. Nothing is known of the workload that sent it.
 */
static __always_inline bool md_policy_packet(const struct md_address *source, const struct md_endpoint *destination,
                                             const struct md_endpoint *asked)
{
	void *policies = md_policy_in_force();
	struct md_classes classes = {};
	struct md_decision decision = {};
	const struct md_policy *policy;

	if (!policies)
		return false;
	policy = md_prefix_of(policies, MD_PREFIX_DESTINATION, &destination->address);
	if (!policy)
		return true; /* cannot be: the empty prefix is always there */
	md_classify(policies, policy, source, destination, asked, true, &classes);
	md_decide(policy, &classes, destination->port, destination->protocol, &decision);
	return md_policy_stops(policy, &decision);
}

/* For packets that come in by a device and do not show what they begin. No rule is counted, for none is known to match.
 */
static __always_inline bool md_policy_unread(void)
{
	void *policies = md_policy_in_force();
	const struct md_address any = {};
	const struct md_policy *policy;

	if (!policies)
		return false;
	policy = md_prefix_of(policies, MD_PREFIX_DESTINATION, &any);
	if (policy && !policy->denies_packets)
		return false;
	if (policy && policy->audit) {
		md_count(MD_REASON_POLICY_AUDITED);
		return false;
	}
	md_count(MD_REASON_POLICY_UNREAD);
	return true;
}

#endif
