// SPDX-License-Identifier: Apache-2.0
#include "kernel/limit_maps.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <bpf/bpf.h>

#include "reconcile/encode.hpp"

namespace meshd::kernel {

namespace {

// Entries in one step.
constexpr std::size_t most_at_once = 8192;
// Another program of the cgroup can make the kernel forget to tell of a socket's end (bpf_sock_ops_cb_flags_set), or programs
// were missing for a while: so once in so many walks nobody is believed.
constexpr std::uint64_t walks_between_doubts = 12;

}  // namespace

LimitMaps::LimitMaps(const Datapath& datapath)
    : datapath_(datapath),
      limits_(datapath.map("md_limits")),
      state_(datapath.map("md_limit_state")),
      open_(datapath.map("md_open")),
      open_tracks_(datapath.map("md_open_tracks")) {}

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

base::Result<bool> LimitMaps::release(std::uint64_t cookie, std::uint64_t before_ns) {
    md_release_open question{};
    question.cookie = cookie;
    question.before_ns = before_ns;
    const auto answer = datapath_.ask(question);
    if (!answer) return tl::make_unexpected(answer.error());
    return answer->released != 0;
}

base::Result<bool> LimitMaps::release(const md_track_key& key, std::uint64_t before_ns) {
    md_release_track question{};
    question.key = key;
    question.before_ns = before_ns;
    const auto answer = datapath_.ask(question);
    if (!answer) return tl::make_unexpected(answer.error());
    return answer->released != 0;
}

// `ask` takes key and value, and says whether a place came back, or nothing when there was no need to ask.
template <typename Key, typename Value, typename Ask>
base::Result<std::size_t> LimitMaps::step(const Map& map, Walk& walk, const Ask& ask) {
    std::vector<Key> keys(most_at_once);
    std::vector<Value> values(most_at_once);
    auto count = static_cast<std::uint32_t>(most_at_once);
    const auto at_end = map.step(walk.cursor, keys.data(), values.data(), count);
    if (!at_end) {
        walk.cursor = {};
        return tl::make_unexpected(at_end.error());
    }
    std::size_t released = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto answer = ask(keys[i], values[i]);
        if (!answer) return tl::make_unexpected(answer.error());
        released += *answer ? 1 : 0;
    }
    if (*at_end) {
        walk.cursor = {};
        ++walk.number;
    }
    return released;
}

base::Result<std::size_t> LimitMaps::repair(std::chrono::nanoseconds age) {
    const auto counted = figures();
    if (!counted) return tl::make_unexpected(counted.error());
    if (std::none_of(counted->begin(), counted->end(), [](const auto& one) { return one.second.open != 0; })) return 0;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const auto before = static_cast<std::uint64_t>(std::max((now - age).count(), std::chrono::nanoseconds::rep{0}));
    const bool asks_all = sockets_.number % walks_between_doubts == 0;
    const auto of_sockets = step<std::uint64_t, md_open>(open_, sockets_, [&](std::uint64_t cookie, const md_open& open) {
        if (open.since_ns >= before || (open.followed != 0 && !asks_all)) return base::Result<bool>(false);
        ++asked_;
        return release(cookie, before);
    });
    if (!of_sockets) return of_sockets;
    const auto of_tracks =
        step<md_track_key, md_open_track>(open_tracks_, tracks_, [&](const md_track_key& key, const md_open_track& open) {
            if (open.since_ns >= before) return base::Result<bool>(false);
            ++asked_;
            return release(key, before);
        });
    if (!of_tracks) return of_tracks;
    return *of_sockets + *of_tracks;
}

}  // namespace meshd::kernel
