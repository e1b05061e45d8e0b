// SPDX-License-Identifier: Apache-2.0
#include "config/registries_reader.hpp"

#include <algorithm>
#include <map>
#include <span>

#include <fmt/format.h>

#include "config/characters.hpp"
#include "config/duration.hpp"
#include "config/host_names.hpp"
#include "config/percent.hpp"
#include "config/server_access_reader.hpp"
#include "config/system_names.hpp"
#include "model/policy.hpp"
#include "model/service.hpp"

namespace meshd::config {

namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 12> consul_keys{"name",        "url",        "token_file", "ca",    "certificate", "key",
                                                       "server_name", "datacenter", "namespace",  "reads", "discover",    "keys"};
constexpr std::array<std::string_view, 9> etcd_keys{"name", "endpoints",     "ca",    "certificate", "key", "server_name",
                                                    "user", "password_file", "prefix"};
constexpr std::array<std::string_view, 6> kubernetes_keys{"name", "kubeconfig", "context", "node", "cgroup_root", "pods"};
constexpr std::array<std::string_view, 3> dns_keys{"servers", "least_ttl", "most_ttl"};
constexpr std::array<std::string_view, 2> hold_keys{"share", "time"};
// Registries that are there without being named.
constexpr std::array<std::string_view, 2> reserved_names{"files", "dns"};

constexpr DurationRange ttl_range{100ms, 24h, "a time from 100ms to 24h (units: ms, s, m, h)"};
constexpr DurationRange hold_range{100ms, 10min, "a time from 100ms to 10m (units: ms, s, m, h)"};
constexpr DurationRange resync_range{1s, 24h, "a time from 1s to 24h (units: ms, s, m, h)"};
constexpr PercentRange share_range{1, 100, "a share from 1% to 100%"};
constexpr std::size_t max_name_length = 63;    // bytes
constexpr std::size_t max_text_length = 1024;  // bytes: of what only the registry's server understands

using Names = std::map<std::string, Mark>;  // of registries, and where they stand

void read_name(Document& document, const MappingReader& object, std::string& name, Names& names) {
    const auto value = object.find("name");
    const auto mark = value.exists() ? value.mark() : object.mark();
    if (object.text("name", name)) {
        if (name.size() > max_name_length || !model::is_service_name(name) || name.find('/') != std::string::npos)
            refuse_value(document, value, "\"name\"",
                         fmt::format("at most {} letters, digits, \".\", \"-\" and \"_\", with a letter or a digit at both ends",
                                     max_name_length));
        if (std::find(reserved_names.begin(), reserved_names.end(), name) != reserved_names.end())
            document.refuse(mark, fmt::format("{} is the name of a registry that is always there", quote(name)),
                            "give this one another name");
    }
    const auto [first, is_new] = names.emplace(name, mark);
    if (!is_new)
        document.refuse(mark, fmt::format("registry {} is given twice, first in line {}", quote(name), first->second.line),
                        "give each a \"name\" of its own");
}

// One mapping, or a list of them.
template <typename Item, typename Read>
void read_items(Document& document, const MappingReader& section, std::string_view key, std::string_view what,
                std::span<const std::string_view> keys, std::vector<Item>& items, Names& names, Read read) {
    const auto value = section.find(key);
    if (!value.exists()) return;
    const auto read_one = [&](Value one) {
        const MappingReader object(document, one, what, keys);
        if (!document.ok()) return;
        auto& item = items.emplace_back();
        read_name(document, object, item.name, names);
        read(object, item);
    };
    if (value.kind() == Kind::mapping) return read_one(value);
    const auto label = '"' + std::string(key) + '"';
    if (value.kind() != Kind::list) {
        const auto* const remedy = value.kind() != Kind::nothing ? ""
                                   : key == "kubernetes"         ? "write {} for the cluster that meshd is a pod of"
                                                                 : "remove the key or put something into it";
        refuse_value(document, value, label, "a mapping or a list of mappings", remedy);
        return;
    }
    if (value.size() > max_registries)
        document.refuse(value.mark(),
                        fmt::format("{} must have at most {} registries, found {}", label, max_registries, value.size()));
    for (const auto one : value)
        if (document.ok()) read_one(one);
}

void read_bounded(Document& document, const MappingReader& object, std::string_view key, std::string& result) {
    if (object.text(key, result) && (result.empty() || result.size() > max_text_length))
        refuse_value(document, object.find(key), '"' + std::string(key) + '"',
                     fmt::format("text of 1 to {} bytes", max_text_length));
}

// What becomes part of a query.
void read_word(Document& document, const MappingReader& object, std::string_view key, std::string& result) {
    const auto is_word = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    if (object.text(key, result) &&
        (result.empty() || result.size() > max_name_length || !std::all_of(result.begin(), result.end(), is_word)))
        refuse_value(document, object.find(key), '"' + std::string(key) + '"',
                     fmt::format("1 to {} letters, digits, \"-\" and \"_\"", max_name_length));
}

void read_consul(Document& document, const MappingReader& object, model::ConsulRegistry& result) {
    if (object.require("url")) result.url = read_server_url(document, object.find("url"), "\"url\"");
    if (document.ok()) read_server_access(document, object, result.url.starts_with("https:"), result.access);
    read_word(document, object, "datacenter", result.datacenter);
    read_word(document, object, "namespace", result.partition_ns);
    object.choice("reads", result.reads, model::consul_reads, model::parse_consul_reads);
    object.boolean("discover", result.discover);
    read_bounded(document, object, "keys", result.keys);
    if (result.keys.starts_with('/'))
        document.refuse(object.find("keys").mark(),
                        fmt::format("\"keys\" must not begin with a slash, found {}", quote(result.keys)),
                        "Consul's keys begin without one");
}

void read_etcd(Document& document, const MappingReader& object, model::EtcdRegistry& result) {
    if (!object.require("endpoints")) return;
    const auto list = object.find("endpoints");
    if (!expect_list(document, list, "\"endpoints\"", "addresses")) return;
    if (list.size() == 0 || list.size() > max_servers) {
        document.refuse(list.mark(),
                        fmt::format("\"endpoints\" must have 1 to {} addresses, found {}", max_servers, list.size()));
        return;
    }
    for (const auto item : list) result.endpoints.push_back(read_server_url(document, item, "an endpoint"));
    if (!document.ok()) return;
    const bool is_https = std::any_of(result.endpoints.begin(), result.endpoints.end(),
                                      [](const auto& endpoint) { return endpoint.starts_with("https:"); });
    read_server_access(document, object, is_https, result.access);
    read_bounded(document, object, "user", result.user);
    read_path(document, object, "password_file", result.password_file);
    for (const auto& [key, other] : {std::pair("user", "password_file"), std::pair("password_file", "user")})
        if (object.has(key) && !object.has(other))
            document.refuse(object.find(key).mark(), fmt::format("\"{}\" needs the key \"{}\" beside it", key, other));
    read_bounded(document, object, "prefix", result.prefix);
}

void read_kubernetes(Document& document, const MappingReader& object, model::KubernetesRegistry& result) {
    read_path(document, object, "kubeconfig", result.kubeconfig);
    read_bounded(document, object, "context", result.context);
    if (object.has("context") && !object.has("kubeconfig"))
        document.refuse(object.find("context").mark(), "\"context\" needs the key \"kubeconfig\" beside it");
    if (object.text("node", result.node) && !is_dns_name(result.node))
        refuse_value(document, object.find("node"), "\"node\"", "the name of a node");
    if (object.text("cgroup_root", result.cgroup_root) && result.cgroup_root != "/" && !model::is_workload(result.cgroup_root))
        refuse_value(document, object.find("cgroup_root"), "\"cgroup_root\"",
                     "the path of a cgroup below the mount of cgroup v2, as --cgroup-root of the kubelet");
    object.boolean("pods", result.pods);
}

void read_dns(Document& document, const MappingReader& section, model::DnsSettings& result) {
    constexpr std::string_view expected = "an address and a port such as 127.0.0.1:53 or \"[::1]:53\"";
    if (const auto list = section.find("servers"); list.exists() && expect_list(document, list, "\"servers\"", "addresses")) {
        if (list.size() > max_servers)
            document.refuse(list.mark(),
                            fmt::format("\"servers\" must have at most {} addresses, found {}", max_servers, list.size()));
        for (const auto item : list) {
            const auto text = read_text(document, item, "a server", expected);
            if (!text) return;
            const auto address = base::SocketAddress::parse(*text);
            if (!address || address->port == 0 || address->address.is_unspecified()) {
                refuse_value(document, item, "a server", expected);
                return;
            }
            result.servers.push_back(*address);
        }
    }
    read_duration(document, section, "least_ttl", result.least_ttl, ttl_range);
    read_duration(document, section, "most_ttl", result.most_ttl, ttl_range);
    if (result.least_ttl > result.most_ttl)
        document.refuse(section.find(section.has("least_ttl") ? "least_ttl" : "most_ttl").mark(),
                        "\"least_ttl\" must not be longer than \"most_ttl\"");
}

void read_order(Document& document, const MappingReader& section, const Names& names, std::vector<std::string>& result) {
    const auto list = section.find("order");
    if (!list.exists() || !expect_list(document, list, "\"order\"", "names of registries")) return;
    std::vector<std::string_view> known{"files"};
    for (const auto& [name, mark] : names) known.emplace_back(name);
    for (const auto item : list) {
        const auto text = read_text(document, item, "a registry");
        if (!text) return;
        if (std::find(known.begin(), known.end(), *text) == known.end()) {
            refuse_value(document, item, "a registry", join(known, "or"), suggest(*text, known));
            return;
        }
        if (std::find(result.begin(), result.end(), *text) != result.end()) {
            document.refuse(item.mark(), fmt::format("registry {} is given twice", quote(*text)));
            return;
        }
        result.emplace_back(*text);
    }
}

}  // namespace

void read_registries(Document& document, const MappingReader& section, model::Registries& result) {
    Names names;
    read_items(document, section, "consul", "a Consul registry", consul_keys, result.consul, names,
               [&](const MappingReader& object, auto& item) { read_consul(document, object, item); });
    read_items(document, section, "etcd", "an etcd registry", etcd_keys, result.etcd, names,
               [&](const MappingReader& object, auto& item) { read_etcd(document, object, item); });
    read_items(document, section, "kubernetes", "a Kubernetes registry", kubernetes_keys, result.kubernetes, names,
               [&](const MappingReader& object, auto& item) { read_kubernetes(document, object, item); });
    read_section(document, section, "dns", dns_keys, [&](const MappingReader& dns) { read_dns(document, dns, result.dns); });
    read_order(document, section, names, result.order);
    read_section(document, section, "hold", hold_keys, [&](const MappingReader& hold) {
        auto share = static_cast<std::uint8_t>(result.hold.share);
        read_percent(document, hold, "share", share, share_range);
        result.hold.share = share;
        read_duration(document, hold, "time", result.hold.time, hold_range);
    });
    read_duration(document, section, "resync", result.resync, resync_range);
}

void read_store(Document& document, const MappingReader& section, const model::Registries& registries, std::string& result) {
    const auto value = section.find("store");
    if (!section.text("store", result) || !document.ok() || result.empty()) return;
    std::vector<std::string_view> known;
    for (const auto& etcd : registries.etcd) known.emplace_back(etcd.name);
    for (const auto& consul : registries.consul)
        if (!consul.keys.empty()) known.emplace_back(consul.name);
    for (const auto& kubernetes : registries.kubernetes) known.emplace_back(kubernetes.name);
    if (std::find(known.begin(), known.end(), result) != known.end()) return;
    const auto expected = known.empty() ? "a registry of etcd, of Kubernetes, or of Consul with \"keys\"" : join(known, "or");
    refuse_value(document, value, "\"store\"", expected, suggest(result, known));
}

}  // namespace meshd::config
