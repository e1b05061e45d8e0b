// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/objects.hpp"

#include <algorithm>

#include "registry/kubernetes/fields.hpp"

namespace meshd::registry::kubernetes {

namespace json = boost::json;

namespace {

constexpr std::uint32_t default_affinity_s = 3 * 60 * 60;  // of Kubernetes

Word word(std::string_view text) { return Word(std::string(text)); }

std::string shown(std::string_view text) { return "\"" + std::string(text.substr(0, 80)) + "\""; }

std::optional<base::IpAddress> address_at(const std::string& where, std::string_view text, Findings& findings) {
    auto address = base::IpAddress::parse(text);
    if (!address) findings.refuse(where, shown(text) + " is no IP address");
    return address;
}

void add(std::vector<base::IpAddress>& addresses, const std::optional<base::IpAddress>& address) {
    if (address && std::find(addresses.begin(), addresses.end(), *address) == addresses.end()) addresses.push_back(*address);
}

std::optional<base::Protocol> protocol_of(const Fields& port) {
    const auto text = port.text("protocol");
    if (text.empty() || text == "TCP") return base::Protocol::tcp;
    if (text == "UDP") return base::Protocol::udp;
    return std::nullopt;
}

// A policy that a later version of Kubernetes may add is not guessed at: it would send traffic where nobody wants it.
Traffic traffic_of(const Fields& spec, std::string_view key) {
    const auto text = spec.text(key);
    if (!text.empty() && text != "Cluster" && text != "Local")
        spec.findings().refuse(spec.place(key), shown(text) + " is neither Cluster nor Local");
    return text == "Local" ? Traffic::local : Traffic::cluster;
}

Distribution distribution_of(const Fields& spec) {
    const auto text = spec.text("trafficDistribution");
    if (text == "PreferClose" || text == "PreferSameZone") return Distribution::same_zone;
    return text == "PreferSameNode" ? Distribution::same_node : Distribution::anywhere;
}

void read_cluster_ips(const Fields& spec, Service& service) {
    if (spec.text("type") == "ExternalName") return;
    const auto read = [&](const std::string& where, std::string_view text) {
        if (!text.empty() && text != "None") add(service.cluster_ips, address_at(where, text, spec.findings()));
    };
    spec.each_text("clusterIPs", read);
    // Servers before 1.20 have this one only.
    if (service.cluster_ips.empty()) read(spec.place("clusterIP"), spec.text("clusterIP"));
}

void read_load_balancer(const Fields& spec, const Fields& status, Service& service) {
    if (spec.text("type") != "LoadBalancer") return;
    status.object("loadBalancer").each_object("ingress", [&](const Fields& ingress) {
        const auto ip = ingress.text("ip");
        // With Proxy, packets have the node's address when they come, and a client here must go by the load balancer.
        if (!ip.empty() && ingress.text("ipMode") != "Proxy")
            add(service.load_balancer_ips, address_at(ingress.place("ip"), ip, spec.findings()));
    });
    spec.each_text("loadBalancerSourceRanges", [&](const std::string& where, std::string_view text) {
        const auto first = text.find_first_not_of(' ');
        if (first != std::string_view::npos) text = text.substr(first, text.find_last_not_of(' ') - first + 1);
        if (const auto range = base::Prefix::parse_loosely(text))
            service.source_ranges.push_back(*range);
        else
            spec.findings().refuse(where, shown(text) + " is no range of addresses");
    });
    if (service.external == Traffic::local)
        service.health_check_port = static_cast<std::uint16_t>(spec.number("healthCheckNodePort", 0, 65535, 0));
}

Endpoint parse_endpoint(const Fields& fields, bool is_v6) {
    Endpoint endpoint;
    // All addresses of one endpoint are the same to clients; Kubernetes itself uses the first.
    bool is_first = true;
    fields.each_text("addresses", [&](const std::string& where, std::string_view text) {
        if (!std::exchange(is_first, false)) return;
        if (const auto address = address_at(where, text, fields.findings())) endpoint.address = *address;
        if (endpoint.address.is_v4() == is_v6)
            fields.findings().refuse(where, shown(text) + " is not of the slice's address type");
    });
    if (is_first) fields.findings().refuse(fields.place("addresses"), "is empty");
    const auto conditions = fields.object("conditions");
    endpoint.ready = conditions.boolean("ready", true);
    endpoint.serving = conditions.boolean("serving", endpoint.ready);
    endpoint.terminating = conditions.boolean("terminating", false);
    // v1beta1 has them as labels of the node.
    const auto topology = fields.object("topology");
    endpoint.node = word(fields.has("nodeName") ? fields.text("nodeName") : topology.text("kubernetes.io/hostname"));
    endpoint.zone = word(fields.has("zone") ? fields.text("zone") : topology.text("topology.kubernetes.io/zone"));
    const auto hints = fields.object("hints");
    hints.each_object("forZones", [&](const Fields& zone) { endpoint.for_zones.push_back(word(zone.text("name"))); });
    hints.each_object("forNodes", [&](const Fields& node) { endpoint.for_nodes.push_back(word(node.text("name"))); });
    return endpoint;
}

}  // namespace

std::string key_of(const json::object& object) {
    Findings findings("object", "");
    const auto metadata = Fields(object, "", findings).object("metadata");
    const auto name = metadata.text("name");
    const auto space = metadata.text("namespace");
    return space.empty() || name.empty() ? std::string(name) : std::string(space) + "/" + std::string(name);
}

std::string version_of(const json::object& object) {
    Findings findings("object", "");
    return std::string(Fields(object, "", findings).object("metadata").text("resourceVersion"));
}

base::Result<Service> parse_service(const json::object& object) {
    Service service;
    service.key = key_of(object);
    Findings findings("service", service.key);
    const Fields top(object, "", findings);
    const auto spec = top.object("spec");
    read_cluster_ips(spec, service);
    spec.each_text("externalIPs", [&](const std::string& where, std::string_view text) {
        add(service.external_ips, address_at(where, text, findings));
    });
    service.internal = traffic_of(spec, "internalTrafficPolicy");
    service.external = traffic_of(spec, "externalTrafficPolicy");
    service.distribution = distribution_of(spec);
    read_load_balancer(spec, top.object("status"), service);
    if (spec.text("sessionAffinity") == "ClientIP")
        service.affinity_s = static_cast<std::uint32_t>(spec.object("sessionAffinityConfig")
                                                            .object("clientIP")
                                                            .number("timeoutSeconds", 1, 24 * 60 * 60, default_affinity_s));
    spec.each_object("ports", [&](const Fields& port) {
        if (!port.has("port")) findings.refuse(port.place("port"), "is missing");
        service.ports.push_back({word(port.text("name")), static_cast<std::uint16_t>(port.number("port", 1, 65535, 1)),
                                 static_cast<std::uint16_t>(port.number("nodePort", 0, 65535, 0)), protocol_of(port)});
    });
    if (!findings.ok()) return base::fail(findings.error());
    return service;
}

base::Result<Slice> parse_slice(const json::object& object) {
    Slice slice;
    slice.key = key_of(object);
    Findings findings("EndpointSlice", slice.key);
    const Fields top(object, "", findings);
    const auto metadata = top.object("metadata");
    if (const auto name = metadata.object("labels").text("kubernetes.io/service-name"); !name.empty())
        slice.service = std::string(metadata.text("namespace")) + "/" + std::string(name);
    const auto type = top.text("addressType");
    if (type != "IPv4" && type != "IPv6") return slice;  // names; nobody balances these
    top.each_object("ports", [&](const Fields& port) {
        // Without a number: all ports of the endpoint, which no service leads to.
        if (port.has("port"))
            slice.ports.push_back(
                {word(port.text("name")), static_cast<std::uint16_t>(port.number("port", 1, 65535, 1)), protocol_of(port)});
    });
    top.each_object("endpoints",
                    [&](const Fields& fields) { slice.endpoints.push_back(parse_endpoint(fields, type == "IPv6")); });
    if (!findings.ok()) return base::fail(findings.error());
    return slice;
}

base::Result<Node> parse_node(const json::object& object) {
    Node node;
    node.name = key_of(object);
    Findings findings("node", node.name);
    const Fields top(object, "", findings);
    const auto labels = top.object("metadata").object("labels");
    const auto label = [&](std::string_view now, std::string_view before) {
        return word(labels.has(now) ? labels.text(now) : labels.text(before));
    };
    node.region = label("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region");
    node.zone = label("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone");
    top.object("status").each_object("addresses", [&](const Fields& address) {
        const auto type = address.text("type");
        if (type == "InternalIP") add(node.addresses, address_at(address.place("address"), address.text("address"), findings));
    });
    top.object("status").each_object("addresses", [&](const Fields& address) {
        if (address.text("type") == "ExternalIP")
            add(node.addresses, address_at(address.place("address"), address.text("address"), findings));
    });
    if (!findings.ok()) return base::fail(findings.error());
    return node;
}

base::Result<PodObject> parse_pod(const json::object& object) {
    Findings findings("pod", key_of(object));
    const Fields top(object, "", findings);
    const auto metadata = top.object("metadata");
    const auto spec = top.object("spec");
    const auto phase = top.object("status").text("phase");
    const auto text = [](const Fields& fields, std::string_view key) { return std::string(fields.text(key)); };
    PodObject result;
    result.pod = {
        text(metadata, "uid"), text(metadata, "namespace"), text(metadata, "name"), text(spec, "serviceAccountName"), {}};
    // Servers before 1.20 leave the one that stands for all others out of what they show of some pods.
    if (result.pod.service_account.empty()) result.pod.service_account = text(spec, "serviceAccount");
    result.is_left_out =
        phase == "Succeeded" || phase == "Failed" || metadata.object("annotations").has("kubernetes.io/config.mirror");
    metadata.object("labels").each_member([&](std::string_view key, const std::string& where, const json::value& value) {
        if (value.is_string())
            result.pod.labels.emplace(key, std::string_view(value.get_string()));
        else
            findings.refuse(where, "is not text");
    });
    if (findings.ok() && !result.is_left_out)
        if (const auto why = model::why_no_pod(result.pod); !why.empty()) findings.refuse("metadata", "cannot be used: " + why);
    if (!findings.ok()) return base::fail(findings.error());
    return result;
}

}  // namespace meshd::registry::kubernetes
