// SPDX-License-Identifier: Apache-2.0
#include "flows/scan.hpp"

#include <cstring>
#include <ctime>
#include <functional>
#include <string_view>
#include <unordered_map>

#include "reconcile/encode.hpp"

namespace meshd::flows {

namespace {

// Sockets that are asked in one go: some calls of the program, little memory.
constexpr std::size_t chunk = 32 * MD_LOOK_SOCKETS;

struct KeyHash {
    std::size_t operator()(const md_track_key& key) const {
        return std::hash<std::string_view>{}({reinterpret_cast<const char*>(&key), sizeof key});  // NOLINT: its bytes
    }
};
struct KeyEqual {
    bool operator()(const md_track_key& a, const md_track_key& b) const { return reconcile::same_bytes(a, b); }
};

// Asks the sockets of flows that have one. Those whose socket has gone are as their record says now; without a record they go.
base::Result<void> ask(const kernel::FlowMaps& maps, std::vector<Flow>& flows) {
    std::vector<md_socket_view> views;
    std::vector<std::size_t> owners;
    for (std::size_t i = 0; i < flows.size(); ++i) {
        if (flows[i].socket == 0 || flows[i].is_over()) continue;
        views.push_back(question(flows[i]));
        owners.push_back(i);
    }
    if (auto looked = maps.look(views); !looked) return looked;
    std::vector<bool> gone(flows.size());
    for (std::size_t i = 0; i < views.size(); ++i) {
        auto& flow = flows[owners[i]];
        if (take(flow, views[i])) continue;
        const auto record = maps.flow(flow.key);
        if (!record) return tl::make_unexpected(record.error());
        if (*record && (*record)->socket == 0)
            flow = from_record(flow.key, **record);
        else
            gone[owners[i]] = true;
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < flows.size(); ++i)
        if (!gone[i]) flows[kept++] = flows[i];
    flows.resize(kept);
    return {};
}

using Visit = std::function<void(const Flow&)>;

base::Result<void> for_each_record(const kernel::FlowMaps& maps, const Visit& visit) {
    base::Result<void> looked;
    auto done = maps.for_each_flow([&](const md_flow_key& key, const md_flow& record) {
        if (record.source == 0) return;  // being made right now
        if (record.source == MD_FLOW_DEVICE && record.state == MD_FLOW_ESTABLISHED && record.settled == 0) {
            // A handshake: a socket of this node may have the connection by now.
            const auto of_socket = maps.flow(key);
            if (!of_socket) looked = tl::make_unexpected(of_socket.error());
            if (!of_socket || *of_socket) return;
        }
        visit(from_record(key, record));
    });
    return done ? looked : done;
}

base::Result<void> for_each_connection(const kernel::FlowMaps& maps, const Visit& visit) {
    std::vector<std::pair<md_track_key, md_track>> requests;
    std::unordered_map<md_track_key, md_track, KeyHash, KeyEqual> replies;
    auto done = maps.for_each_track([&](const md_track_key& key, const md_track& track) {
        if (track.kind == MD_TRACK_REQUEST)
            requests.emplace_back(key, track);
        else
            replies.emplace(key, track);
    });
    if (!done) return done;
    for (const auto& [key, request] : requests) {
        const auto reply = replies.find(reply_key(key, request));
        visit(from_tracks(key, request, reply == replies.end() ? nullptr : &reply->second));
    }
    return {};
}

void add(md_socket_numbers& sum, const md_socket_numbers& part) {
    sum.bytes_out += part.bytes_out;
    sum.bytes_in += part.bytes_in;
    sum.short_out += part.short_out;
    sum.short_in += part.short_in;
    sum.packets_out += part.packets_out;
    sum.packets_in += part.packets_in;
}

}  // namespace

std::uint64_t monotonic_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

base::Result<Listing> list(const kernel::FlowMaps& maps, const Filter& filter, control::FlowSort sort, std::size_t limit,
                           std::uint64_t now_ns) {
    Listing listing;
    Best best(sort, limit);
    const bool ask_all = filter.needs_sockets() || Best::needs_sockets(sort);
    std::vector<Flow> waiting;
    base::Result<void> asked;
    const auto settle = [&] {
        asked = ask(maps, waiting);
        for (const auto& flow : waiting) {
            if (!asked || !filter.matches_state(flow)) continue;
            ++listing.matched;
            best.put(flow);
        }
        waiting.clear();
    };
    const auto visit = [&](const Flow& flow) {
        ++listing.total;
        if (!asked || !filter.may_match(flow, now_ns)) return;
        if (ask_all) {
            waiting.push_back(flow);
            if (waiting.size() >= chunk) settle();
        } else if (filter.matches_state(flow)) {
            ++listing.matched;
            best.put(flow);
        }
    };
    if (auto done = for_each_record(maps, visit); !done) return tl::make_unexpected(done.error());
    if (auto done = for_each_connection(maps, visit); !done) return tl::make_unexpected(done.error());
    if (asked) settle();
    if (!asked) return tl::make_unexpected(asked.error());
    listing.flows = best.take();
    if (!ask_all)
        if (asked = ask(maps, listing.flows); !asked) return tl::make_unexpected(asked.error());
    return listing;
}

base::Result<Summary> summarize(const kernel::FlowMaps& maps) {
    Summary summary;
    std::vector<Flow> waiting;
    base::Result<void> asked;
    const auto settle = [&] {
        asked = ask(maps, waiting);
        for (const auto& flow : waiting) {
            if (!asked || flow.is_over()) continue;
            auto& open = summary.local[{flow.service_id, flow.backend_id}];
            ++open.connections;
            add(open.numbers, flow.numbers);
        }
        waiting.clear();
    };
    auto done = for_each_record(maps, [&](const Flow& flow) {
        ++summary.flows[{flow.source, flow.state}];
        if (!asked || flow.source != Source::client || flow.service_id == 0 || flow.is_over()) return;
        waiting.push_back(flow);
        if (waiting.size() >= chunk) settle();
    });
    if (!done) return tl::make_unexpected(done.error());
    if (asked) settle();
    if (!asked) return tl::make_unexpected(asked.error());
    done = for_each_connection(maps, [&](const Flow& flow) {
        ++summary.flows[{flow.source, flow.state}];
        auto& forwarded = summary.forwarded[{flow.service_id, flow.backend_id}];
        forwarded.connections += flow.is_over() ? 0 : 1;
        add(forwarded.numbers, flow.numbers);
    });
    if (!done) return tl::make_unexpected(done.error());
    return summary;
}

base::Result<std::uint64_t> flush(const kernel::FlowMaps& maps, const Filter& filter, std::uint64_t now_ns) {
    std::vector<md_track_key> keys;
    std::uint64_t connections = 0;
    auto done = maps.for_each_track([&](const md_track_key& key, const md_track& track) {
        if (track.kind != MD_TRACK_REQUEST || !filter.may_match(from_tracks(key, track, nullptr), now_ns)) return;
        ++connections;
        keys.push_back(key);
        keys.push_back(reply_key(key, track));
    });
    if (!done) return tl::make_unexpected(done.error());
    // A masqueraded connection is translated once more on its way out: its requests look as replies do, turned.
    for (std::size_t i = 1, count = keys.size(); i < count; i += 2) {
        const auto onward_key = turned(keys[i]);
        const auto onward = maps.track(onward_key);
        if (!onward) return tl::make_unexpected(onward.error());
        if (!*onward || (*onward)->kind != MD_TRACK_SOURCE) continue;
        keys.push_back(onward_key);
        keys.push_back(reply_key(onward_key, **onward));
    }
    for (const auto& key : keys)
        if (auto erased = maps.erase_track(key); !erased) return tl::make_unexpected(erased.error());
    return connections;
}

}  // namespace meshd::flows
