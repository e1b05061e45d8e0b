// SPDX-License-Identifier: Apache-2.0
#include "kernel/socket_ender.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/unique_fd.hpp"
#include "meshd/end_sockets.h"

#include "bpf/end_sockets.skel.h"

namespace meshd::kernel {

namespace {

using OwnedLink = std::unique_ptr<bpf_link, decltype(&::bpf_link__destroy)>;

}  // namespace

void SocketEnder::Close::operator()(end_sockets_bpf* skeleton) const { end_sockets_bpf::destroy(skeleton); }

SocketEnder::SocketEnder(end_sockets_bpf* skeleton) : skeleton_(skeleton) {}
SocketEnder::SocketEnder(SocketEnder&&) noexcept = default;
SocketEnder& SocketEnder::operator=(SocketEnder&&) noexcept = default;
SocketEnder::~SocketEnder() = default;

base::Result<SocketEnder> SocketEnder::load() {
    constexpr auto what = "load";
    SocketEnder made(end_sockets_bpf::open());
    if (!made.skeleton_) return base::fail_errno("open", "the programs that end sockets");
    const int error = end_sockets_bpf::load(made.skeleton_.get());
    if (error == 0) return made;
    errno = -error;
    return base::fail_errno(what, "the programs that end sockets (bpf_sock_destroy, Linux 6.5)");
}

base::Result<std::unordered_set<std::uint64_t>> SocketEnder::end(std::uint8_t protocol,
                                                                 std::span<const std::uint64_t> cookies) const {
    std::unordered_set<std::uint64_t> ended;
    while (!cookies.empty()) {
        const auto some = cookies.first(std::min<std::size_t>(cookies.size(), MD_MOST_DOOMED));
        if (auto done = end_some(protocol, some, ended); !done) return tl::make_unexpected(done.error());
        cookies = cookies.subspan(some.size());
    }
    return ended;
}

base::Result<void> SocketEnder::end_some(std::uint8_t protocol, std::span<const std::uint64_t> cookies,
                                         std::unordered_set<std::uint64_t>& ended) const {
    const int map = ::bpf_map__fd(skeleton_->maps.md_doomed);
    base::Result<void> outcome;
    for (const auto& cookie : cookies) {
        const std::uint8_t wanted = MD_DOOM_WANTED;
        if (::bpf_map_update_elem(map, &cookie, &wanted, BPF_ANY) == 0) continue;
        outcome = base::fail_errno("name a socket to be ended in", "md_doomed");
        break;
    }
    if (outcome) outcome = run(protocol);
    for (const auto& cookie : cookies) {
        std::uint8_t doom = MD_DOOM_WANTED;
        if (::bpf_map_lookup_elem(map, &cookie, &doom) == 0 && doom == MD_DOOM_ENDED) ended.insert(cookie);
        ::bpf_map_delete_elem(map, &cookie);
    }
    return outcome;
}

// Reading the list to its end runs the program on all of it; there is nothing to read, for it prints nothing.
base::Result<void> SocketEnder::run(std::uint8_t protocol) const {
    auto* const program = protocol == IPPROTO_TCP ? skeleton_->progs.md_end_tcp : skeleton_->progs.md_end_udp;
    const OwnedLink link(::bpf_program__attach_iter(program, nullptr), ::bpf_link__destroy);
    if (!link) return base::fail_errno("attach", ::bpf_program__name(program));
    const base::UniqueFd list(::bpf_iter_create(::bpf_link__fd(link.get())));
    if (!list.valid()) return base::fail_errno("begin", ::bpf_program__name(program));
    std::array<char, 64> nothing{};
    while (true) {
        const auto size = ::read(list.get(), nothing.data(), nothing.size());
        if (size == 0) return {};
        // After so many sockets the kernel gives way to others.
        if (size < 0 && errno != EAGAIN && errno != EINTR) return base::fail_errno("read", ::bpf_program__name(program));
    }
}

}  // namespace meshd::kernel
