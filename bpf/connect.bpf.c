// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Hooks of cgroup v2 on socket addresses. connect and sendmsg ask the policy and replace a service address by a
 * backend, getpeername and recvmsg give the application the service address back. Nothing here runs for a packet.
 */
#include "lib/program.h"
#include "lib/count.h"
#include "lib/verifier.h"
#include "lib/endpoint.h"
#include "lib/choose.h"
#include "lib/session.h"
#include "lib/kernel_socket.h"
#include "lib/flow_events.h"
#include "lib/socket.h"
#include "lib/policy.h"
#include "lib/worker.h"
#include "lib/policy_socket.h"
#include "lib/limit.h"
#include "lib/limit_socket.h"
#include "lib/listener.h"
#include "lib/steer.h"
#include "lib/translate.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Before 5.18 a hook cannot name the errno, and the application sees EPERM. */
static __always_inline int md_fail(int error)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_set_retval))
		bpf_set_retval(error);
	return MD_REFUSE;
}

/* Without a policy a call costs one look into an array. */
#define MD_DENIED(call) (md_policy_in_force() && (call))

#define MD_HOOK(section, name, family, policy, core)                                                                   \
	SEC(section)                                                                                                   \
	int name(struct bpf_sock_addr *ctx)                                                                            \
	{                                                                                                              \
		struct md_endpoint endpoint;                                                                           \
		int result;                                                                                            \
                                                                                                                       \
		if (policy)                                                                                            \
			return md_fail(-EPERM);                                                                        \
		md_read_##family(ctx, &endpoint);                                                                      \
		result = core;                                                                                         \
		if (result < 0)                                                                                        \
			return md_fail(result);                                                                        \
		if (result)                                                                                            \
			md_write_##family(ctx, &endpoint);                                                             \
		return MD_ALLOW;                                                                                       \
	}

MD_HOOK("cgroup/connect4", md_connect4, v4, MD_DENIED(md_denies_connect_v4(ctx)),
        md_connect(ctx, &endpoint, MD_REACH_V4))
/* connect() of an AF_INET6 socket may be sent to an IPv4-mapped address. */
MD_HOOK("cgroup/connect6", md_connect6, v6, MD_DENIED(md_denies_connect_v6(ctx)),
        md_connect(ctx, &endpoint, MD_REACH_BOTH))
MD_HOOK("cgroup/sendmsg4", md_sendmsg4, v4, MD_DENIED(md_denies_send_v4(ctx)), md_send(ctx, &endpoint, MD_REACH_V4))
/* udpv6_sendmsg() refuses an IPv4-mapped address from a hook with ENOTSUPP. Mapped destinations of the application come
 * to sendmsg4. */
MD_HOOK("cgroup/sendmsg6", md_sendmsg6, v6, MD_DENIED(md_denies_send_v6(ctx)), md_send(ctx, &endpoint, MD_REACH_V6))
MD_HOOK("cgroup/getpeername4", md_peername4, v4, 0, md_getpeername(ctx->sk, &endpoint))
MD_HOOK("cgroup/getpeername6", md_peername6, v6, 0, md_getpeername(ctx->sk, &endpoint))
MD_HOOK("cgroup/recvmsg4", md_recvmsg4, v4, 0, md_receive(ctx->sk, &endpoint))
MD_HOOK("cgroup/recvmsg6", md_recvmsg6, v6, 0, md_receive(ctx->sk, &endpoint))
