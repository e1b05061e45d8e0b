// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/cluster.hpp"

#include <algorithm>

namespace meshd::registry::kubernetes {

base::Result<void> Cluster::put(Kind kind, const boost::json::object& object) {
    const auto take = [&](auto parsed, auto keep, auto put_it) -> base::Result<void> {
        if (!parsed) {
            keep(key_of(object));
            return base::fail(parsed.error());
        }
        put_it(std::move(*parsed));
        return {};
    };
    const auto put_it = [this](auto parsed) { put(std::move(parsed)); };
    switch (kind) {
        case Kind::services:
            return take(
                parse_service(object), [this](const std::string& key) { services_.keep(key); }, put_it);
        case Kind::slices:
            return take(
                parse_slice(object), [this](const std::string& key) { slices_.keep(key); }, put_it);
        case Kind::nodes:
            return take(
                parse_node(object), [this](const std::string& key) { listed_nodes_.insert(key); }, put_it);
        case Kind::here:
            return take(
                parse_node(object), [](const std::string&) {}, [this](Node node) { put_here(std::move(node)); });
    }
    return {};
}

void Cluster::put(Service service) {
    const auto key = service.key;
    bool was_there = false;
    if (services_.put(key, service, was_there)) touched_.insert(key);
}

void Cluster::put(Slice slice) {
    const auto key = slice.key;
    bool was_there = false;
    if (!slices_.put(key, slice, was_there)) return;
    if (was_there) leave(slice);
    enter(*slices_.find(key));
}

void Cluster::enter(const Slice& slice) {
    if (slice.service.empty()) return;
    auto& keys = slices_of_[slice.service];
    keys.insert(std::lower_bound(keys.begin(), keys.end(), slice.key), slice.key);
    touched_.insert(slice.service);
}

void Cluster::leave(const Slice& slice) {
    const auto found = slices_of_.find(slice.service);
    if (found == slices_of_.end()) return;
    std::erase(found->second, slice.key);
    if (found->second.empty()) slices_of_.erase(found);
    touched_.insert(slice.service);
}

// ---- Nodes ----

void Cluster::put(Node node) {
    listed_nodes_.insert(node.name);
    auto& known = nodes_[node.name];
    if (known == node) return;
    known = std::move(node);
    touch_services_on(known.name);
}

void Cluster::put_here(Node node) {
    auto next = here_;
    next.zone = node.zone;
    next.addresses = std::move(node.addresses);
    if (next == here_) return;
    here_ = std::move(next);
    services_.each([this](const std::string& key, const Service&) { touched_.insert(key); });
}

void Cluster::remove_node(const std::string& name) {
    if (nodes_.erase(name) != 0) touch_services_on(name);
}

void Cluster::touch_services_on(const std::string& node) {
    const Word word(node);
    slices_.each([&](const std::string&, const Slice& slice) {
        const auto is_there = [&](const Endpoint& endpoint) { return endpoint.node == word; };
        if (!slice.service.empty() && std::any_of(slice.endpoints.begin(), slice.endpoints.end(), is_there))
            touched_.insert(slice.service);
    });
}

// ---- Lists and removals ----

void Cluster::remove(Kind kind, const std::string& key) {
    switch (kind) {
        case Kind::services:
            if (services_.find(key) != nullptr) touched_.insert(key);
            return services_.remove(key);
        case Kind::slices:
            if (const auto* const slice = slices_.find(key); slice != nullptr) leave(*slice);
            return slices_.remove(key);
        case Kind::nodes:
            return remove_node(key);
        case Kind::here:
            return;  // it is still where it was
    }
}

void Cluster::begin_list(Kind kind) {
    if (kind == Kind::services) services_.begin_list();
    if (kind == Kind::slices) slices_.begin_list();
    if (kind == Kind::nodes) listed_nodes_.clear();
}

std::vector<std::string> Cluster::end_list(Kind kind) {
    std::vector<std::string> gone;
    if (kind == Kind::services) gone = services_.unlisted();
    if (kind == Kind::slices) gone = slices_.unlisted();
    if (kind == Kind::nodes)
        for (const auto& [name, node] : nodes_)
            if (!listed_nodes_.contains(name)) gone.push_back(name);
    for (const auto& key : gone) remove(kind, key);
    if (kind == Kind::nodes) listed_nodes_.clear();
    return gone;
}

// ---- What it means ----

std::set<std::string> Cluster::take_touched() { return std::exchange(touched_, {}); }

std::set<std::string> Cluster::all() const {
    std::set<std::string> keys;
    services_.each([&](const std::string& key, const Service&) { keys.insert(key); });
    return keys;
}

base::Result<Translation> Cluster::translate(const std::string& key) const {
    const auto* const service = services_.find(key);
    if (service == nullptr) return Translation{};
    std::vector<const Slice*> slices;
    if (const auto found = slices_of_.find(key); found != slices_of_.end())
        for (const auto& slice : found->second) slices.push_back(slices_.find(slice));
    return kubernetes::translate(*service, slices, nodes_, here_);
}

}  // namespace meshd::registry::kubernetes
