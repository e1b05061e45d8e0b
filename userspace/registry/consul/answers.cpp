// SPDX-License-Identifier: Apache-2.0
#include "registry/consul/answers.hpp"

#include <algorithm>
#include <tuple>

#include <boost/json.hpp>

#include "base/base64.hpp"
#include "config/backend_reader.hpp"

namespace meshd::registry::consul {

namespace {

namespace json = boost::json;

constexpr std::size_t max_locality_length = 255;  // bytes, as in a registry file

tl::unexpected<base::Error> bad(std::string why) { return base::fail({"read", "the answer", 0, std::move(why), {}}); }

base::Result<json::value> parse(std::string_view text) {
    boost::system::error_code ec;
    auto value = json::parse(text, ec);
    if (ec) return bad("it is not JSON: " + ec.message());
    return value;
}

base::Result<json::array> parse_list(std::string_view text) {
    auto value = parse(text);
    if (!value) return tl::make_unexpected(value.error());
    if (!value->is_array()) return bad("expected a list");
    for (const auto& item : value->get_array())
        if (!item.is_object()) return bad("expected a list of objects");
    return std::move(value->get_array());
}

// What is missing, null or of another type is as if it were not said: Consul writes null for what is empty.
std::string text(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return {};
    return {value->get_string().data(), value->get_string().size()};
}

std::int64_t number(const json::object& object, std::string_view key, std::int64_t otherwise) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_int64() ? value->get_int64() : otherwise;
}

const json::object& child(const json::object& object, std::string_view key) {
    static const json::object none;
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_object() ? value->get_object() : none;
}

template <typename Take>
void each_object(const json::object& object, std::string_view key, Take take) {
    const auto* const list = object.if_contains(key);
    if (list == nullptr || !list->is_array()) return;
    for (const auto& item : list->get_array())
        if (item.is_object()) take(item.get_object());
}

template <typename Take>
void each_text(const json::object& object, std::string_view key, Take take) {
    const auto* const list = object.if_contains(key);
    if (list == nullptr || !list->is_array()) return;
    for (const auto& item : list->get_array())
        if (item.is_string()) take(std::string(item.get_string().data(), item.get_string().size()));
}

struct Checked {
    model::BackendState state = model::BackendState::ready;
    bool warns = false;
};

Checked checked(const json::object& entry) {
    Checked result;
    each_object(entry, "Checks", [&](const json::object& check) {
        const auto status = text(check, "Status");
        const auto id = text(check, "CheckID");
        result.warns = result.warns || status == "warning";
        if (status != "critical") return;
        const bool is_maintenance = id == "_node_maintenance" || id.starts_with("_service_maintenance:");
        const bool drains = is_maintenance && text(check, "Notes") == drained_notes;
        if (drains && result.state != model::BackendState::maint)
            result.state = model::BackendState::drain;
        else if (is_maintenance && !drains)
            result.state = model::BackendState::maint;
        else if (result.state == model::BackendState::ready)
            result.state = model::BackendState::unhealthy;
    });
    return result;
}

std::uint16_t weight_of(const json::object& service, bool warns) {
    const auto weight = number(child(service, "Weights"), warns ? "Warning" : "Passing", 1);
    return static_cast<std::uint16_t>(std::clamp<std::int64_t>(weight, 0, model::max_weight));
}

void add_label(model::Labels& labels, const std::string& name, const std::string& value) {
    if (name.empty() || name.size() > model::max_label_length || value.size() > model::max_label_length) return;
    if (labels.size() < model::max_labels) labels.emplace(name, value);
}

// Meta as it is; of the tags "version=v2" as a label of its own, and "canary" as "tag/canary".
model::Labels labels_of(const json::object& service, const std::set<std::string>& tags) {
    model::Labels labels;
    for (const auto& item : child(service, "Meta"))
        if (item.value().is_string()) add_label(labels, item.key(), text(child(service, "Meta"), item.key()));
    for (const auto& tag : tags) {
        const auto equals = tag.find('=');
        if (equals == std::string::npos)
            add_label(labels, "tag/" + tag, "set");
        else
            add_label(labels, tag.substr(0, equals), tag.substr(equals + 1));
    }
    return labels;
}

std::string locality_of(const json::object& node, const json::object& service) {
    const auto part = [&](std::string_view key) {
        auto value = text(child(service, "Meta"), key);
        return value.empty() ? text(child(node, "Meta"), key) : value;
    };
    auto region = part("region");
    if (region.empty()) region = text(node, "Datacenter");
    std::string locality;
    for (const auto& word : {region, part("zone"), text(node, "Node")}) {
        if (word.find('/') != std::string::npos) return {};  // it would be taken for two
        if (!locality.empty()) locality += '/';
        locality += word.empty() ? "-" : word;
    }
    return locality.size() > max_locality_length ? std::string{} : locality;
}

std::optional<base::SocketAddress> virtual_address_of(const json::object& service) {
    const auto& tagged = child(child(service, "TaggedAddresses"), "virtual");
    const auto address = base::IpAddress::parse(text(tagged, "Address"));
    const auto port = number(tagged, "Port", 0);
    if (!address || port < 1 || port > 65535) return std::nullopt;
    return base::SocketAddress{*address, static_cast<std::uint16_t>(port)};
}

// Why nobody can connect to it; empty: somebody can.
std::string fault(const base::IpAddress& address) {
    if (address.is_unspecified() || address.is_multicast() || config::is_broadcast(address)) return "is no unicast address";
    if (!address.is_v4() && address.is_link_local()) return "needs an interface (fe80::/10)";
    return {};
}

// A container has an address of its own, and the worker that serves it that of its node.
std::optional<base::IpAddress> host_of(const json::object& node, const base::IpAddress& address) {
    const auto host = base::IpAddress::parse(text(node, "Address"));
    const bool is_loopback = host && (host->text() == "::1" || host->text().starts_with("127."));
    if (!host || is_loopback || host == address || !fault(*host).empty()) return std::nullopt;
    return host;
}

}  // namespace

base::Result<Instances> parse_instances(std::string_view text_of) {
    const auto list = parse_list(text_of);
    if (!list) return tl::make_unexpected(list.error());
    Instances result;
    for (const auto& item : *list) {
        const auto& entry = item.get_object();
        if (!entry.contains("Node") || !entry.at("Node").is_object() || !entry.contains("Service") ||
            !entry.at("Service").is_object())
            return bad("expected a node and a service in each entry");
        const auto& node = child(entry, "Node");
        const auto& service = child(entry, "Service");
        Instance instance;
        instance.id = text(service, "ID") + " of node " + text(node, "Node");
        auto address_text = text(service, "Address");
        if (address_text.empty()) address_text = text(node, "Address");
        const auto address = base::IpAddress::parse(address_text);
        const auto port = number(service, "Port", 0);
        const auto why = address ? fault(*address) : "is no IP address";
        if (!why.empty() || port < 0 || port > 65535) {
            result.left_out[instance.id] =
                why.empty() ? "its port is " + std::to_string(port) : "its address \"" + address_text + "\" " + why;
            continue;
        }
        each_text(service, "Tags", [&](std::string tag) { instance.tags.insert(std::move(tag)); });
        const auto checks = checked(entry);
        instance.backend = {{*address, static_cast<std::uint16_t>(port)},
                            weight_of(service, checks.warns),
                            checks.state,
                            locality_of(node, service),
                            labels_of(service, instance.tags)};
        instance.backend.host = host_of(node, *address);
        instance.virtual_address = virtual_address_of(service);
        instance.protocol = base::parse_protocol(text(child(service, "Meta"), "meshd-protocol"));
        result.instances.push_back(std::move(instance));
    }
    return result;
}

std::vector<model::Backend> backends_of(const Instances& instances, const std::vector<std::string>& tags) {
    std::vector<model::Backend> backends;
    for (const auto& instance : instances.instances)
        if (std::all_of(tags.begin(), tags.end(), [&](const std::string& tag) { return instance.tags.contains(tag); }))
            backends.push_back(instance.backend);
    std::sort(backends.begin(), backends.end(), [](const model::Backend& a, const model::Backend& b) {
        return std::tie(a.endpoint, a.state, a) < std::tie(b.endpoint, b.state, b);
    });
    backends.erase(
        std::unique(backends.begin(), backends.end(), [](const auto& a, const auto& b) { return a.endpoint == b.endpoint; }),
        backends.end());
    return backends;
}

base::Result<std::map<std::string, std::set<std::string>>> parse_catalog(std::string_view text_of) {
    const auto value = parse(text_of);
    if (!value) return tl::make_unexpected(value.error());
    if (!value->is_object()) return bad("expected an object of services");
    std::map<std::string, std::set<std::string>> services;
    for (const auto& item : value->get_object()) {
        auto& tags = services[std::string(item.key())];
        each_text(value->get_object(), item.key(), [&](std::string tag) { tags.insert(std::move(tag)); });
    }
    return services;
}

base::Result<std::map<std::string, std::string>> parse_keys(std::string_view text_of) {
    const auto list = parse_list(text_of);
    if (!list) return tl::make_unexpected(list.error());
    std::map<std::string, std::string> keys;
    for (const auto& item : *list) {
        const auto key = text(item.get_object(), "Key");
        if (key.empty()) return bad("expected a key in each entry");
        if (key.ends_with('/')) continue;  // a folder, as Consul's web page makes them
        auto value = base::from_base64(text(item.get_object(), "Value"));
        if (!value) return bad("the value of " + key + " is not base64");
        keys.emplace(key, std::move(*value));
    }
    return keys;
}

base::Result<Critical> parse_critical(std::string_view text_of) {
    const auto list = parse_list(text_of);
    if (!list) return tl::make_unexpected(list.error());
    Critical checks;
    for (const auto& item : *list) {
        const auto& check = item.get_object();
        checks[text(check, "Node") + '/' + text(check, "CheckID")] = text(check, "ServiceName");
    }
    return checks;
}

}  // namespace meshd::registry::consul
