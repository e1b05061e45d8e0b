// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/endpoints.hpp"

#include <algorithm>
#include <tuple>

namespace meshd::registry::kubernetes {

namespace {

bool has(const std::vector<Word>& words, const Word& wanted) {
    return std::find(words.begin(), words.end(), wanted) != words.end();
}

// While a pod moves between slices both may name it; the better word about it holds.
auto rank(const Candidate& candidate) {
    const auto& endpoint = *candidate.endpoint;
    return std::tuple(!endpoint.ready, !endpoint.serving, endpoint.terminating);
}

const Word& zone_of(const Endpoint& endpoint, const Nodes& nodes) {
    if (!endpoint.zone.get().empty()) return endpoint.zone;
    const auto node = nodes.find(endpoint.node.get());
    return node == nodes.end() ? endpoint.zone : node->second.zone;
}

// Where a ready endpoint has to be. The control plane's hints say it; a service that prefers what is near and has none (its
// control plane is older than that, or the slices are somebody's own) gets what the hints would say.
class Area {
public:
    Area(const std::vector<Candidate>& all, Distribution distribution, const Nodes& nodes, const Here& here)
        : nodes_(nodes), here_(here) {
        const auto some = [&](auto holds) {
            return std::any_of(all.begin(), all.end(),
                               [&](const auto& one) { return one.endpoint->ready && holds(*one.endpoint); });
        };
        const auto all_have = [&](auto holds) { return !some([&](const Endpoint& endpoint) { return !holds(endpoint); }); };
        const bool knows_zone = !here.zone.get().empty();
        const auto is_hinted_node = [&](const Endpoint& endpoint) { return has(endpoint.for_nodes, here.node); };
        const auto is_hinted_zone = [&](const Endpoint& endpoint) { return has(endpoint.for_zones, here.zone); };
        if (all_have([](const Endpoint& endpoint) { return !endpoint.for_nodes.empty(); }) && some(is_hinted_node))
            kind_ = Kind::hinted_node;
        else if (all_have([](const Endpoint& endpoint) { return !endpoint.for_zones.empty(); }))
            kind_ = knows_zone && some(is_hinted_zone) ? Kind::hinted_zone : Kind::anywhere;
        else if (distribution == Distribution::same_node && some([&](const Endpoint& one) { return one.node == here.node; }))
            kind_ = Kind::node;
        else if (distribution != Distribution::anywhere && knows_zone &&
                 some([&](const Endpoint& one) { return zone_of(one, nodes) == here.zone; }))
            kind_ = Kind::zone;
    }

    [[nodiscard]] bool has(const Endpoint& endpoint) const {
        switch (kind_) {
            case Kind::anywhere:
                return true;
            case Kind::hinted_node:
                return kubernetes::has(endpoint.for_nodes, here_.node);
            case Kind::hinted_zone:
                return kubernetes::has(endpoint.for_zones, here_.zone);
            case Kind::node:
                return endpoint.node == here_.node;
            case Kind::zone:
                return zone_of(endpoint, nodes_) == here_.zone;
        }
        return true;
    }

private:
    static bool has(const std::vector<Word>& words, const Word& wanted) { return kubernetes::has(words, wanted); }

    enum class Kind : std::uint8_t { anywhere, hinted_node, hinted_zone, node, zone };
    Kind kind_ = Kind::anywhere;
    const Nodes& nodes_;
    const Here& here_;
};

}  // namespace

std::string locality_of(const Endpoint& endpoint, const Nodes& nodes) {
    const auto node = nodes.find(endpoint.node.get());
    const auto& region = node == nodes.end() ? std::string() : node->second.region.get();
    const auto& zone = zone_of(endpoint, nodes).get();
    const auto& name = endpoint.node.get();
    if (region.empty() && zone.empty() && name.empty()) return {};
    const auto part = [](const std::string& text) { return text.empty() ? "-" : text; };
    auto text = part(region);
    if (!zone.empty() || !name.empty()) text += "/" + part(zone);
    if (!name.empty()) text += "/" + name;
    return text;
}

// Of the endpoint's family where the node has such an address.
std::optional<base::IpAddress> host_of(const Endpoint& endpoint, const Nodes& nodes) {
    const auto node = nodes.find(endpoint.node.get());
    if (node == nodes.end() || node->second.addresses.empty()) return std::nullopt;
    const auto& all = node->second.addresses;
    const auto same =
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.is_v4() == endpoint.address.is_v4(); });
    return same != all.end() ? *same : all.front();
}

std::vector<Candidate> candidates(const ServicePortSpec& port, std::span<const Slice* const> slices) {
    std::vector<Candidate> all;
    for (const auto* const slice : slices)
        for (const auto& slice_port : slice->ports)
            if (slice_port.name == port.name && slice_port.protocol == port.protocol)
                for (const auto& endpoint : slice->endpoints) all.push_back({{endpoint.address, slice_port.number}, &endpoint});
    std::sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) {
        return a.address != b.address ? a.address < b.address : rank(a) < rank(b);
    });
    const auto same = [](const Candidate& a, const Candidate& b) { return a.address == b.address; };
    all.erase(std::unique(all.begin(), all.end(), same), all.end());
    return all;
}

std::vector<model::Backend> backends(const std::vector<Candidate>& candidates, Traffic traffic, Distribution distribution,
                                     const Nodes& nodes, const Here& here) {
    std::vector<model::Backend> result;
    for (const bool is_v4 : {true, false}) {
        std::vector<Candidate> some;
        for (const auto& one : candidates)
            if (one.address.address.is_v4() == is_v4 && (traffic == Traffic::cluster || one.endpoint->node == here.node))
                some.push_back(one);
        const Area area(some, traffic == Traffic::local ? Distribution::anywhere : distribution, nodes, here);
        const auto takes_part = [&](const Endpoint& one) { return one.ready && (traffic == Traffic::local || area.has(one)); };
        const bool any = std::any_of(some.begin(), some.end(), [&](const auto& one) { return takes_part(*one.endpoint); });
        for (const auto& [address, endpoint] : some) {
            auto state = model::BackendState::ready;
            if (any ? !takes_part(*endpoint) : !(endpoint->serving && endpoint->terminating)) {
                if (endpoint->ready && !endpoint->terminating) continue;
                state = endpoint->terminating ? model::BackendState::drain : model::BackendState::unhealthy;
            }
            result.push_back({.endpoint = address,
                              .state = state,
                              .locality = locality_of(*endpoint, nodes),
                              .host = host_of(*endpoint, nodes)});
        }
    }
    return result;
}

}  // namespace meshd::registry::kubernetes
