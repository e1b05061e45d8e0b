// SPDX-License-Identifier: Apache-2.0
#include "config/backends_from_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "config/characters.hpp"
#include "config/host_names.hpp"

namespace meshd::config {

namespace {

using From = model::BackendsFrom::Kind;

constexpr std::array<std::string_view, 7> keys{"consul", "etcd", "dns", "srv", "registry", "tags", "datacenter"};
constexpr std::array<std::pair<std::string_view, From>, 4> kinds{
    {{"consul", From::consul}, {"etcd", From::etcd}, {"dns", From::dns}, {"srv", From::srv}}};
constexpr std::array<std::string_view, 2> only_consul{"tags", "datacenter"};
constexpr std::size_t max_tag_length = 255;  // bytes

// The key that says what is asked; nothing when there is none or more than one.
Value find_query(Document& document, const MappingReader& object, model::BackendsFrom& result) {
    Value query;
    std::string_view first;
    for (const auto& [key, kind] : kinds) {
        const auto value = object.find(key);
        if (!value.exists()) continue;
        if (query.exists()) {
            document.refuse(value.mark(),
                            fmt::format("\"backends_from\" has both \"{}\" and \"{}\", expected one of them", first, key));
            return {};
        }
        query = value;
        first = key;
        result.kind = kind;
    }
    if (!query.exists())
        document.refuse(object.mark(), "\"backends_from\" needs the key \"consul\", \"etcd\", \"dns\" or \"srv\"");
    return query;
}

void read_dns_name(Document& document, Value value, std::string_view label, model::BackendsFrom& result) {
    const auto expected = result.kind == From::dns ? "the name of a host" : "the name of SRV records";
    auto text = read_text(document, value, label);
    if (!text) return;
    if (text->ends_with('.')) text->remove_suffix(1);  // every name is a whole one
    if (base::IpAddress::parse(*text))
        refuse_value(document, value, label, expected, "write an address into \"backends\"");
    else if (!is_dns_name(*text))
        refuse_value(document, value, label, expected);
    result.name = *text;
}

void read_consul_service(Document& document, Value value, const MappingReader& object, model::BackendsFrom& result) {
    if (!object.text("consul", result.name)) return;
    if (!model::is_service_name(result.name)) refuse_value(document, value, "\"consul\"", "the name of a service in Consul");
    for (const auto& [key, member] : {std::pair("registry", &result.registry), std::pair("datacenter", &result.datacenter)})
        if (object.text(key, *member) && !model::is_service_name(*member))
            refuse_value(document, object.find(key), '"' + std::string(key) + '"', "a name");
    read_tags(document, object, result.tags);
}

void read_etcd_service(Document& document, Value value, const MappingReader& object, model::BackendsFrom& result) {
    if (!object.text("etcd", result.name)) return;
    if (!model::is_service_name(result.name) || result.name.find('/') != std::string::npos)
        refuse_value(document, value, "\"etcd\"", "the name of a service that is announced in etcd, without a slash");
    if (object.text("registry", result.registry) && !model::is_service_name(result.registry))
        refuse_value(document, object.find("registry"), "\"registry\"", "a name");
}

void refuse_key_of(Document& document, const MappingReader& object, std::string_view key, std::string_view whose) {
    if (object.has(key))
        document.refuse(object.find(key).mark(), fmt::format("\"{}\" of \"backends_from\" belongs to {}", key, whose),
                        "remove it");
}

}  // namespace

void read_tags(Document& document, const MappingReader& object, std::vector<std::string>& result) {
    const auto list = object.find("tags");
    if (!list.exists() || !expect_list(document, list, "\"tags\"", "texts")) return;
    if (list.size() > max_tags)
        document.refuse(list.mark(), fmt::format("\"tags\" must have at most {} texts, found {}", max_tags, list.size()));
    for (const auto item : list) {
        const auto text = read_text(document, item, "a tag");
        if (!text) return;
        if (text->empty() || text->size() > max_tag_length)
            refuse_value(document, item, "a tag", fmt::format("text of 1 to {} bytes", max_tag_length));
        if (std::find(result.begin(), result.end(), *text) != result.end())
            document.refuse(item.mark(), fmt::format("tag {} is given twice", quote(*text)));
        result.emplace_back(*text);
    }
    std::sort(result.begin(), result.end());  // so that the same question is asked once
}

void read_backends_from(Document& document, Value value, const std::vector<PortDraft>& ports, model::Service& result) {
    const MappingReader object(document, value, "\"backends_from\"", keys);
    if (!document.ok()) return;
    auto& from = result.backends_from.emplace();
    const auto query = find_query(document, object, from);
    if (!query.exists()) return;
    switch (from.kind) {
        case From::consul:
            read_consul_service(document, query, object, from);
            break;
        case From::etcd:
            read_etcd_service(document, query, object, from);
            break;
        case From::dns:
        case From::srv:
            read_dns_name(document, query, from.kind == From::dns ? "\"dns\"" : "\"srv\"", from);
            refuse_key_of(document, object, "registry", "\"consul\" or \"etcd\"");
            break;
    }
    if (from.kind != From::consul)
        for (const auto key : only_consul) refuse_key_of(document, object, key, "\"consul\"");
    for (const auto& port : ports) {
        result.ports.push_back({port.name, port.number, port.protocol, {}, port.node_port});
        result.target_ports.push_back(port.target);
    }
}

}  // namespace meshd::config
