// SPDX-License-Identifier: Apache-2.0
#include "flows/sweeper.hpp"

#include <chrono>
#include <vector>

#include <netinet/in.h>

#include "flows/flow.hpp"

namespace meshd::flows {

namespace {

constexpr std::uint64_t kept_ns = 5'000'000'000;
constexpr std::size_t most_at_once = 65536;  // the next pass removes more

std::uint64_t ns(std::chrono::milliseconds time) { return static_cast<std::uint64_t>(time.count()) * 1'000'000U; }

}  // namespace

std::uint64_t lifetime_ns(const md_flow_key& key, const md_flow& record, const config::TrackTimeouts& timeouts) {
    if (key.protocol != IPPROTO_TCP) return ns(timeouts.udp);
    switch (record.state) {
        case MD_FLOW_OPENING:
            return ns(timeouts.opening);
        case MD_FLOW_ESTABLISHED:
            return ns(record.fins != 0 ? timeouts.closing : timeouts.established);
        default:
            return ns(timeouts.closed);
    }
}

base::Result<void> Sweeper::remove_ended_record(const md_flow_key& key, std::uint64_t ended_ns) {
    const auto record = maps_.flow(key);
    if (!record) return tl::make_unexpected(record.error());
    // Another connection with the same ends may have begun.
    if (!*record || (*record)->state < MD_FLOW_CLOSED || (*record)->seen_ns != ended_ns) return {};
    return maps_.erase_flow(key);
}

base::Result<void> Sweeper::remove_ended(std::uint64_t now_ns) {
    const auto ended = maps_.ended();
    if (!ended) return tl::make_unexpected(ended.error());
    const auto until = now_ns > kept_ns ? now_ns - kept_ns : 0;
    for (const auto& one : *ended) {
        if (one.ended_ns < removed_until_ns_ || one.ended_ns >= until) continue;
        if (auto removed = remove_ended_record(one.key, one.ended_ns); !removed) return removed;
    }
    removed_until_ns_ = until;
    return {};
}

base::Result<void> Sweeper::remove_stale(std::uint64_t now_ns, const config::TrackTimeouts& timeouts) {
    std::vector<md_flow_key> stale;
    std::vector<md_flow_key> owners;
    std::vector<md_socket_view> views;
    base::Result<void> asked;
    const auto ask = [&] {
        asked = maps_.look(views);
        for (std::size_t i = 0; asked && i < views.size(); ++i) {
            if (views[i].alive != 0) continue;
            const auto record = maps_.flow(owners[i]);
            if (!record) asked = tl::make_unexpected(record.error());
            // A socket that closed meanwhile has said so in its record.
            else if (*record && (*record)->socket == views[i].socket && (*record)->cookie == views[i].cookie)
                stale.push_back(owners[i]);
        }
        owners.clear();
        views.clear();
    };
    auto done = maps_.for_each_flow([&](const md_flow_key& key, const md_flow& record) {
        if (!asked || stale.size() >= most_at_once) return;
        if (record.source == MD_FLOW_DEVICE || record.state >= MD_FLOW_CLOSED) {
            const auto lifetime = record.source == MD_FLOW_DEVICE ? lifetime_ns(key, record, timeouts) : 2 * kept_ns;
            if (record.seen_ns + lifetime < now_ns) stale.push_back(key);
        } else if (record.socket != 0) {
            owners.push_back(key);
            views.push_back(question(from_record(key, record)));
            if (views.size() >= MD_LOOK_SOCKETS) ask();
        }
    });
    if (!done) return done;
    if (asked) ask();
    if (!asked) return asked;
    for (const auto& key : stale)
        if (auto erased = maps_.erase_flow(key); !erased) return erased;
    return {};
}

}  // namespace meshd::flows
