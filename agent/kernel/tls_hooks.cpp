// SPDX-License-Identifier: Apache-2.0
#include "kernel/tls_hooks.hpp"

#include <array>
#include <string>

#include <unistd.h>

#include "kernel/links.hpp"

namespace meshd::kernel {

namespace {

constexpr Hook answers{"md_getsockopt", "cgroup/getsockopt", BPF_CGROUP_GETSOCKOPT};
constexpr Hook accepts{"md_steer_sockops", "sockops", BPF_CGROUP_SOCK_OPS};
constexpr Hook guards{"md_guard", "sk_lookup", BPF_SK_LOOKUP};

struct Place {
    Hook hook;
    std::string pin;
};

// A program may be attached twice, by pins of two names.
std::array<Place, 4> places(const Pins& pins) {
    return {{{answers, pins.link("md_getsockopt")},
             {answers, pins.link("md_getsockopt_own")},
             {accepts, pins.link("md_steer_sockops")},
             {guards, pins.link("md_guard")}}};
}

base::Result<void> attach(const Datapath& datapath, const Place& place, const auto& target) {
    auto link = Link::attach(datapath.program_of(place.hook.program), place.hook, target, place.pin);
    if (!link) return tl::make_unexpected(link.error());
    return {};
}

}  // namespace

base::Result<void> attach_tls(const Datapath& datapath, const Cgroup& served, const std::optional<Cgroup>& own) {
    const auto [answer, answer_own, accept_own, guard] = places(datapath.pins());
    const auto netns = Netns::own();
    if (!netns) return tl::make_unexpected(netns.error());
    if (auto done = attach(datapath, answer, served); !done) return done;
    for (const auto& place : {answer_own, accept_own}) {
        auto done = own ? attach(datapath, place, *own) : detach(place.pin);
        if (!done) return done;
    }
    return attach(datapath, guard, *netns);
}

base::Result<void> detach_tls(const Datapath& datapath) {
    for (const auto& place : places(datapath.pins()))
        if (auto done = detach(place.pin); !done) return done;
    return {};
}

std::vector<ProgramStatus> tls_programs(const Datapath& datapath) {
    std::vector<ProgramStatus> all;
    for (const auto& place : places(datapath.pins())) {
        if (::access(place.pin.c_str(), F_OK) != 0) continue;
        ProgramStatus status{place.hook.program, place.hook.section, datapath.program_id(place.hook.program), false};
        status.attached = status.id != 0 && attached_program(place.pin) == status.id;
        all.push_back(std::move(status));
    }
    return all;
}

}  // namespace meshd::kernel
