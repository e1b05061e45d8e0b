// SPDX-License-Identifier: Apache-2.0
#include "kernel/limit_maps.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <bpf/bpf.h>

#include "reconcile/encode.hpp"

namespace meshd::kernel {

LimitMaps::LimitMaps(const Datapath& datapath)
    : datapath_(datapath),
      limits_(datapath.map("md_limits")),
      state_(datapath.map("md_limit_state")),
      open_(datapath.map("md_open")) {}

// A service that loses its limits keeps its state as long as connections count against it.
base::Result<void> LimitMaps::set(const std::map<std::uint32_t, md_limit>& wanted) const {
    std::map<std::uint32_t, md_limit> found;
    auto read = limits_.for_each([&](const std::byte* key, const std::byte* value) {
        std::uint32_t id = 0;
        std::memcpy(&id, key, sizeof id);
        std::memcpy(&found[id], value, sizeof(md_limit));
    });
    if (!read) return read;
    for (const auto& [id, limit] : wanted) {
        const auto known = found.find(id);
        if (known != found.end() && reconcile::same_bytes(known->second, limit)) continue;
        const md_limit_state none{};
        if (::bpf_map_update_elem(state_.fd(), &id, &none, BPF_NOEXIST) != 0 && errno != EEXIST)
            return base::fail_errno("write map", state_.name());
        if (auto written = limits_.update(&id, &limit); !written) return written;
    }
    for (const auto& [id, limit] : found)
        if (!wanted.contains(id))
            if (auto erased = limits_.erase(&id); !erased) return erased;
    const auto counted = figures();
    if (!counted) return tl::make_unexpected(counted.error());
    for (const auto& [id, figure] : *counted)
        if (!wanted.contains(id) && figure.open == 0)
            if (auto erased = state_.erase(&id); !erased) return erased;
    return {};
}

base::Result<std::map<std::uint32_t, LimitFigures>> LimitMaps::figures() const {
    std::map<std::uint32_t, LimitFigures> all;
    auto read = state_.for_each([&](const std::byte* key, const std::byte* value) {
        std::uint32_t id = 0;
        md_limit_state state;
        std::memcpy(&id, key, sizeof id);
        std::memcpy(&state, value, sizeof state);
        all[id] = {state.open, state.refused_connections, state.refused_rate};
    });
    if (!read) return tl::make_unexpected(read.error());
    return all;
}

base::Result<std::size_t> LimitMaps::repair(std::chrono::nanoseconds age) const {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    std::vector<std::uint64_t> cookies;
    auto read = open_.for_each([&](const std::byte* key, const std::byte* /*value*/) {
        std::memcpy(&cookies.emplace_back(), key, sizeof(std::uint64_t));
    });
    if (!read) return tl::make_unexpected(read.error());
    std::size_t released = 0;
    for (const auto cookie : cookies) {
        md_release_open question{};
        question.cookie = cookie;
        question.before_ns = static_cast<std::uint64_t>(std::max((now - age).count(), std::chrono::nanoseconds::rep{0}));
        const auto answer = datapath_.ask(question);
        if (!answer) return tl::make_unexpected(answer.error());
        released += answer->released;
    }
    return released;
}

}  // namespace meshd::kernel
