// SPDX-License-Identifier: Apache-2.0
// Programs on their hooks: a link for each, pinned, so that it outlives the agent and can be given another program in place.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include <linux/bpf.h>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "kernel/cgroup.hpp"

namespace meshd::kernel {

struct Hook {
    const char* program;  // also the name of the link's pin
    const char* section;
    bpf_attach_type type;
};

// Answers come before questions: when connect starts to translate, getpeername and recvmsg already translate back. sockops, which
// enrols sockets on the short way, comes when everything that enrolled sockets need is in place.
inline constexpr std::array<Hook, 9> hooks{{
    {"md_peername4", "cgroup/getpeername4", BPF_CGROUP_INET4_GETPEERNAME},
    {"md_peername6", "cgroup/getpeername6", BPF_CGROUP_INET6_GETPEERNAME},
    {"md_recvmsg4", "cgroup/recvmsg4", BPF_CGROUP_UDP4_RECVMSG},
    {"md_recvmsg6", "cgroup/recvmsg6", BPF_CGROUP_UDP6_RECVMSG},
    {"md_connect4", "cgroup/connect4", BPF_CGROUP_INET4_CONNECT},
    {"md_connect6", "cgroup/connect6", BPF_CGROUP_INET6_CONNECT},
    {"md_sendmsg4", "cgroup/sendmsg4", BPF_CGROUP_UDP4_SENDMSG},
    {"md_sendmsg6", "cgroup/sendmsg6", BPF_CGROUP_UDP6_SENDMSG},
    {"md_sockops", "sockops", BPF_CGROUP_SOCK_OPS},
}};

// Each packet of local sockets runs through these: attached only when the configuration asks for response times.
inline constexpr std::array<Hook, 2> response_hooks{{
    {"md_response_out", "cgroup_skb/egress", BPF_CGROUP_INET_EGRESS},
    {"md_response_in", "cgroup_skb/ingress", BPF_CGROUP_INET_INGRESS},
}};

// A network namespace by a descriptor of its own.
struct Netns {
    base::UniqueFd fd;
    std::uint32_t inode = 0;

    static base::Result<Netns> own();  // of the calling thread
};

class Link {
public:
    // Takes over the pinned link when it is on this cgroup, or in this namespace, and gives it the program; else attaches anew
    // and pins. Old first, new after: where a link of another cgroup is replaced, there is a moment with both and none with
    // neither.
    static base::Result<Link> attach(int program_fd, const Hook& hook, const Cgroup& cgroup, const std::string& pin);
    static base::Result<Link> attach(int program_fd, const Hook& hook, const Netns& netns, const std::string& pin);

    // Detaches what attach() attached anew. A link that was taken over stays: it is somebody's working traffic.
    void undo();

private:
    template <typename Refused>
    static base::Result<Link> attach(int program_fd, const Hook& hook, int target, base::UniqueFd pinned, bool is_here,
                                     const std::string& pin, const Refused& refused);
    Link(base::UniqueFd fd, std::string pin, bool fresh) : fd_(std::move(fd)), pin_(std::move(pin)), fresh_(fresh) {}

    base::UniqueFd fd_;
    std::string pin_;
    bool fresh_;
};

// Takes the program of a pinned link off its hook, at once, and removes the pin. No such pin: nothing.
base::Result<void> detach(const std::string& pin);

// The id of the program on a pinned link; 0 when there is none, or its cgroup or namespace is gone.
std::uint32_t attached_program(const std::string& pin);

}  // namespace meshd::kernel
