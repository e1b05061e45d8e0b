// SPDX-License-Identifier: Apache-2.0
#include "announce/consul_requests.hpp"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>

#include "registry/consul/requests.hpp"

namespace meshd::announce {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

std::string duration(std::chrono::milliseconds time) { return std::to_string(time.count()) + "ms"; }

// Where the reader looks for it; the third part is the name of Consul's node.
void add_locality(std::string_view locality, json::object& meta) {
    for (const std::string_view key : {"region", "zone"}) {
        const auto slash = std::min(locality.find('/'), locality.size());
        const auto part = locality.substr(0, slash);
        if (!part.empty() && part != "-") meta.emplace(key, part);
        locality.remove_prefix(std::min(slash + 1, locality.size()));
    }
}

}  // namespace

std::string consul_id(const model::Announcement& what) { return "meshd/" + what.name + '/' + what.endpoint.text(); }

std::chrono::milliseconds forgotten_after(std::chrono::milliseconds ttl) {
    return std::max<std::chrono::milliseconds>(1min, 4 * ttl);
}

std::string registration(const Wanted& wanted, bool is_passing) {
    const auto& what = wanted.what;
    json::object meta;
    for (const auto& [name, value] : what.labels) meta.emplace(name, value);
    add_locality(wanted.locality, meta);
    json::object check{{"CheckID", consul_id(what)},
                       {"Name", "announced by meshd"},
                       {"TTL", duration(what.ttl)},
                       {"Status", is_passing ? "passing" : "critical"},
                       {"DeregisterCriticalServiceAfter", duration(forgotten_after(what.ttl))}};
    json::object service{{"ID", consul_id(what)},
                         {"Name", what.name},
                         {"Address", what.endpoint.address.text()},
                         {"Port", what.endpoint.port},
                         {"Tags", json::array(what.tags.begin(), what.tags.end())},
                         {"Weights", json::object{{"Passing", what.weight}, {"Warning", what.weight}}},
                         {"Check", std::move(check)}};
    if (const auto& of = what.virtual_address) {
        meta["meshd-protocol"] = base::name(of->protocol);
        const json::object address{{"Address", of->address.address.text()}, {"Port", of->address.port}};
        service.emplace("TaggedAddresses", json::object{{"virtual", address}});
    }
    service.emplace("Meta", std::move(meta));
    return json::serialize(service);
}

std::string check_update(const Wanted& wanted) {
    return json::serialize(json::object{{"Status", wanted.is_well ? "passing" : "critical"}, {"Output", wanted.why}});
}

std::string agent_url(const model::ConsulRegistry& registry, const std::string& path) {
    auto here = registry;
    here.datacenter.clear();
    here.reads = model::ConsulReads::standard;
    return registry::consul::url_of(here, path, {}, 0, {});
}

// 404 in later versions, 500 in earlier ones.
bool is_unknown(long status, std::string_view body) {
    if (status != 404 && status != 500) return false;
    const auto says = [&](std::string_view what) { return body.find(what) != std::string_view::npos; };
    return says("nknown service") || says("nknown check") || says("does not have associated TTL");
}

}  // namespace meshd::announce
