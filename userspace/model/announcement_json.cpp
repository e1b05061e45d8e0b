// SPDX-License-Identifier: Apache-2.0
#include "model/announcement_json.hpp"

#include <boost/json.hpp>

#include "model/balancing_json.hpp"
#include "model/health_json.hpp"
#include "model/members.hpp"
#include "model/service.hpp"

namespace meshd::model {

namespace json = boost::json;

namespace {

constexpr std::chrono::milliseconds least_ttl{5'000}, most_ttl{3'600'000};

base::SocketAddress read_address(Members& members, std::string_view key) {
    const auto address = base::SocketAddress::parse(members.text(key));
    if (!address || address->port == 0) members.wrong(key, "ADDRESS:PORT");
    return address.value_or(base::SocketAddress{});
}

VirtualAddress read_virtual(Members& members) {
    Members inner(members.value("virtual"), members.where() + ".virtual");
    VirtualAddress result{read_address(inner, "address"), base::Protocol::tcp};
    const auto protocol = base::parse_protocol(inner.text("protocol"));
    if (!protocol) inner.wrong("protocol", "tcp or udp");
    result.protocol = protocol.value_or(base::Protocol::tcp);
    members.check(inner);
    return result;
}

}  // namespace

json::object to_json(const Announcement& announcement) {
    json::object object{{"name", announcement.name},
                        {"registry", announcement.registry},
                        {"endpoint", announcement.endpoint.text()},
                        {"weight", announcement.weight},
                        {"tags", json::array(announcement.tags.begin(), announcement.tags.end())},
                        {"ttl_ms", announcement.ttl.count()}};
    labels_to_json(announcement.labels, object);
    if (const auto& of = announcement.virtual_address)
        object.emplace("virtual", json::object{{"address", of->address.text()}, {"protocol", base::name(of->protocol)}});
    if (announcement.probe) {
        Health health;
        health.probe = announcement.probe;
        object.emplace("health", to_json(health));
    }
    return object;
}

base::Result<Announcement> announcement_from_json(const json::value& value, const std::string& where) {
    Members members(value, where);
    Announcement result;
    result.name = members.text("name");
    if (!is_service_name(result.name) || result.name.find('/') != std::string::npos) members.wrong("name", "a service name");
    result.registry = members.text("registry");
    if (result.registry.empty()) members.wrong("registry", "the name of a registry");
    result.endpoint = read_address(members, "endpoint");
    result.weight = members.number<std::uint16_t>("weight", 1);
    if (result.weight > max_weight) members.wrong("weight", "a number from 1 to 1000");
    result.tags = members.texts("tags");
    result.ttl = std::chrono::milliseconds(members.number<std::int64_t>("ttl_ms", least_ttl.count()));
    if (result.ttl > most_ttl) members.wrong("ttl_ms", "at most an hour");
    if (!members.value("virtual").is_null()) result.virtual_address = read_virtual(members);
    if (auto read = members.outcome(); !read) return tl::make_unexpected(read.error());
    if (auto read = labels_from_json(value.get_object(), where, result.labels); !read) return tl::make_unexpected(read.error());
    if (const auto& health = members.value("health"); !health.is_null()) {
        auto read = health_from_json(health, where + ".health");
        if (!read) return tl::make_unexpected(read.error());
        result.probe = std::move(read->probe);
    }
    return result;
}

}  // namespace meshd::model
