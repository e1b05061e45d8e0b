// SPDX-License-Identifier: Apache-2.0
#include "flows/sweeper.hpp"

#include <chrono>

#include <netinet/in.h>

#include "flows/flow.hpp"

namespace meshd::flows {

namespace {

constexpr std::uint64_t kept_ns = 5'000'000'000;
constexpr std::size_t most_at_once = 65536;

std::uint64_t ns(std::chrono::milliseconds time) { return static_cast<std::uint64_t>(time.count()) * 1'000'000U; }

// Nobody has written into the record since it was read: it is not yet that of another connection with the same ends.
bool is_unchanged(const md_flow& now, const md_flow& then) {
    return now.start_ns == then.start_ns && now.seen_ns == then.seen_ns && now.state == then.state && now.socket == then.socket &&
           now.cookie == then.cookie;
}

// Watchers were told that it was opened.
bool was_told(const md_flow& record) {
    if (record.source == MD_FLOW_DEVICE) return record.settled != 0 && record.state < MD_FLOW_CLOSED;
    return record.state == MD_FLOW_ESTABLISHED;
}

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

base::Result<bool> Sweeper::remove(const md_flow_key& key, const md_flow& found) {
    const auto record = maps_.flow(key, found.source);
    if (!record) return tl::make_unexpected(record.error());
    if (!*record || !is_unchanged(**record, found)) return false;
    if (auto erased = maps_.erase_flow(key, found.source); !erased) return tl::make_unexpected(erased.error());
    return true;
}

base::Result<void> Sweeper::remove_ended(std::uint64_t now_ns) {
    const auto ended = maps_.ended();
    if (!ended) return tl::make_unexpected(ended.error());
    const auto until = now_ns > kept_ns ? now_ns - kept_ns : 0;
    for (const auto& one : *ended) {
        if (one.ended_ns < removed_until_ns_ || one.ended_ns >= until) continue;
        const auto record = maps_.flow(one.key);
        if (!record) return tl::make_unexpected(record.error());
        // Another connection with the same ends may have begun.
        if (!*record || (*record)->state < MD_FLOW_CLOSED || (*record)->seen_ns != one.ended_ns) continue;
        if (auto erased = maps_.erase_flow(one.key); !erased) return erased;
    }
    removed_until_ns_ = until;
    return {};
}

base::Result<void> Sweeper::keep_those_without_socket(std::vector<Found>& found) const {
    std::vector<md_socket_view> views;
    views.reserve(found.size());
    for (const auto& [key, record] : found) views.push_back(question(from_record(key, record)));
    if (auto looked = maps_.look(views); !looked) return looked;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < found.size(); ++i)
        if (views[i].alive == 0) found[kept++] = found[i];
    found.resize(kept);
    return {};
}

base::Result<Swept> Sweeper::remove_stale(std::uint64_t now_ns, const config::TrackTimeouts& timeouts) {
    std::vector<Found> stale;
    std::vector<Found> asked;
    base::Result<void> outcome;
    const auto ask = [&] {
        outcome = keep_those_without_socket(asked);
        if (outcome) stale.insert(stale.end(), asked.begin(), asked.end());
        asked.clear();
    };
    Swept swept;
    auto done = maps_.for_each_flow([&](const md_flow_key& key, const md_flow& record) {
        if (!outcome) return;
        if (stale.size() >= most_at_once) {
            swept.more = true;
            return;
        }
        if (record.source == MD_FLOW_DEVICE || record.state >= MD_FLOW_CLOSED) {
            const auto lifetime = record.source == MD_FLOW_DEVICE ? lifetime_ns(key, record, timeouts) : 2 * kept_ns;
            if (record.seen_ns + lifetime < now_ns) stale.push_back({key, record});
        } else if (record.socket != 0) {
            asked.push_back({key, record});
            if (asked.size() >= 32 * MD_LOOK_SOCKETS) ask();
        }
    });
    if (!done) return tl::make_unexpected(done.error());
    if (outcome) ask();
    if (!outcome) return tl::make_unexpected(outcome.error());
    for (const auto& [key, record] : stale) {
        const auto removed = remove(key, record);
        if (!removed) return tl::make_unexpected(removed.error());
        if (*removed && was_told(record)) swept.aged.push_back(aged_out(key, record));
    }
    return swept;
}

}  // namespace meshd::flows
