// SPDX-License-Identifier: Apache-2.0
#include "config/announce_reader.hpp"

#include <algorithm>
#include <map>
#include <string>

#include <fmt/format.h>

#include "config/backend_reader.hpp"
#include "config/backends_from_reader.hpp"
#include "config/balancing_reader.hpp"
#include "config/characters.hpp"
#include "config/duration.hpp"
#include "config/health_reader.hpp"
#include "model/service.hpp"

namespace meshd::config {

namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 10> keys{"name",   "registry", "address", "port",  "weight",
                                                "labels", "tags",     "virtual", "probe", "ttl"};
constexpr std::array<std::string_view, 3> virtual_keys{"address", "port", "protocol"};
constexpr std::array<std::string_view, 2> protocols{"tcp", "udp"};
constexpr DurationRange ttl_range{5s, 1h, "a time from 5s to 1h (units: ms, s, m, h)"};

struct Places {
    std::vector<std::string_view> names;  // of registries that take announcements
    std::size_t consul = 0;               // the first so many are Consul's
};

Places places_of(const model::Registries& registries) {
    Places places;
    for (const auto& one : registries.consul) places.names.emplace_back(one.name);
    places.consul = places.names.size();
    for (const auto& one : registries.etcd) places.names.emplace_back(one.name);
    return places;
}

// The registry that is named, or the only one there is.
void read_registry(Document& document, const MappingReader& object, const Places& places, std::string& result) {
    if (places.names.empty()) {
        document.refuse(object.mark(), "nobody can be told of this service: there is no Consul and no etcd registry",
                        "write registry.consul or registry.etcd");
        return;
    }
    const auto value = object.find("registry");
    if (!value.exists() && places.names.size() > 1) {
        document.refuse(object.mark(), "an announcement needs the key \"registry\", since there are several",
                        "write " + join(places.names, "or"));
        return;
    }
    result = places.names.front();
    if (!object.text("registry", result)) return;
    if (std::find(places.names.begin(), places.names.end(), result) == places.names.end())
        refuse_value(document, value, "\"registry\"", join(places.names, "or"), suggest(result, places.names));
}

bool is_consul(const Places& places, const std::string& name) {
    const auto end = places.names.begin() + static_cast<std::ptrdiff_t>(places.consul);
    return std::find(places.names.begin(), end, name) != end;
}

void read_name(Document& document, const MappingReader& object, std::string& result) {
    if (!object.require("name") || !object.text("name", result)) return;
    if (!model::is_service_name(result) || result.find('/') != std::string::npos)
        refuse_value(document, object.find("name"), "\"name\"",
                     fmt::format("at most {} letters, digits, \".\", \"-\" and \"_\", with a letter or a digit at both ends",
                                 model::max_name_length));
}

void read_endpoint(Document& document, const MappingReader& object, base::SocketAddress& result) {
    if (object.require("address", "write the address of this host that others connect to"))
        if (const auto address = read_unicast_address(document, object.find("address"))) result.address = *address;
    if (object.require("port")) object.number("port", result.port, port_range);
}

void read_virtual(Document& document, const MappingReader& object, std::optional<model::VirtualAddress>& result) {
    read_section(document, object, "virtual", virtual_keys, [&](const MappingReader& section) {
        auto& address = result.emplace();
        read_endpoint(document, section, address.address);
        section.choice("protocol", address.protocol, protocols, base::parse_protocol);
    });
}

model::Announcement read_one(Document& document, const MappingReader& object, const Places& places) {
    model::Announcement result;
    read_name(document, object, result.name);
    read_registry(document, object, places, result.registry);
    read_endpoint(document, object, result.endpoint);
    object.number("weight", result.weight, {1, model::max_weight});
    read_labels(document, object, result.labels);
    read_tags(document, object, result.tags);
    read_virtual(document, object, result.virtual_address);
    if (document.ok() && object.has("probe")) read_probe(document, object.find("probe"), result.probe.emplace());
    read_duration(document, object, "ttl", result.ttl, ttl_range);
    if (!document.ok() || is_consul(places, result.registry)) return result;
    for (const std::string_view key : {"tags", "virtual"})
        if (object.has(key))
            document.refuse(object.find(key).mark(),
                            fmt::format("\"{}\" is for Consul, and {} is an etcd registry", key, quote(result.registry)),
                            key == "tags" ? "write \"labels\"" : "write a registry file that has \"backends_from\"");
    return result;
}

}  // namespace

void read_announcements(Document& document, const MappingReader& top, const model::Registries& registries,
                        std::vector<model::Announcement>& result) {
    const auto list = top.find("announce");
    if (!document.ok() || !list.exists() || !expect_list(document, list, "\"announce\"", "services")) return;
    if (list.size() > model::max_announcements)
        document.refuse(list.mark(), fmt::format("\"announce\" must have at most {} services, found {}", model::max_announcements,
                                                 list.size()));
    const auto places = places_of(registries);
    std::map<std::string, Mark> seen;
    for (const auto item : list) {
        const MappingReader object(document, item, "an announcement", keys);
        if (!document.ok()) return;
        auto one = read_one(document, object, places);
        if (!document.ok()) return;
        if (const auto [first, is_new] = seen.emplace(one.id(), item.mark()); !is_new)
            document.refuse(item.mark(), fmt::format("service {} at {} is announced twice, first in line {}", quote(one.name),
                                                     one.endpoint.text(), first->second.line));
        result.push_back(std::move(one));
    }
}

}  // namespace meshd::config
