// SPDX-License-Identifier: Apache-2.0
#include "config/tls_reader.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string>

#include <fmt/format.h>

#include "config/backend_reader.hpp"
#include "config/balancing_reader.hpp"
#include "config/characters.hpp"
#include "config/edge_reader.hpp"
#include "config/signing_reader.hpp"
#include "config/system_names.hpp"
#include "model/misfit.hpp"
#include "model/pod.hpp"
#include "model/policy.hpp"

namespace meshd::config {

namespace {

constexpr std::array<std::string_view, 7> service_keys{"mode",        "accept", "same_node",  "server_name",
                                                       "credentials", "alpn",   "min_version"};
constexpr std::array<std::string_view, 3> modes{"off", "mutual", "originate"};
constexpr std::array<std::string_view, 2> versions{"1.2", "1.3"};
constexpr std::array<std::string_view, 2> origination_keys{"credentials", "outbound_port"};
constexpr std::array<std::string_view, 4> outside_keys{"name", "authorities", "certificate", "key"};
constexpr std::array<std::string_view, 2> accepts{"strict", "permissive"};
constexpr std::array<std::string_view, 2> same_nodes{"plain", "encrypt"};

constexpr std::array<std::string_view, 12> node_keys{"trust_domain", "authorities", "revoked",      "certificate",
                                                     "key",          "identities",  "inbound_port", "outbound_port",
                                                     "threads",      "signing",     "issuer",       "kernel"};
constexpr std::array<std::string_view, 7> identity_keys{"name", "workload", "unit", "user", "pod", "certificate", "key"};
constexpr std::array<std::string_view, 4> whose_keys{"workload", "unit", "user", "pod"};
constexpr std::array<std::string_view, 3> pod_keys{"namespace", "service_account", "labels"};
constexpr std::size_t longest_pattern = 253;  // bytes
constexpr std::array<std::string_view, 3> kernels{"off", "auto", "on"};
constexpr std::uint32_t most_threads = 64;

void read_required_path(Document& document, const MappingReader& object, std::string_view key, std::string& result) {
    if (object.require(key)) read_path(document, object, key, result);
}

void read_required_files(Document& document, const MappingReader& object, model::CertificateFiles& result) {
    read_required_path(document, object, "certificate", result.certificate);
    read_required_path(document, object, "key", result.key);
}

// Both, or with an issuer neither.
void read_files(Document& document, const MappingReader& object, const model::NodeTls& node, model::CertificateFiles& result) {
    result.is_issued = node.issuer && !object.has("certificate") && !object.has("key");
    if (!result.is_issued) read_required_files(document, object, result);
}

void read_name(Document& document, const MappingReader& object, std::string& result) {
    if (!object.require("name") || !object.text("name", result)) return;
    if (!model::is_service_name(result))
        refuse_value(document, object.find("name"), "\"name\"",
                     "letters, digits, \".\", \"-\", \"_\" and \"/\", with a letter or a digit at both ends");
}

void read_pattern(Document& document, const MappingReader& object, std::string_view key, std::string& result) {
    const auto is_good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '*';
    };
    if (object.text(key, result) &&
        (result.empty() || result.size() > longest_pattern || !std::all_of(result.begin(), result.end(), is_good)))
        refuse_value(document, object.find(key), '"' + std::string(key) + '"',
                     "lower case letters, digits, \"-\" and \".\", with * for any text");
}

void read_pod(Document& document, Value value, model::PodSelector& result) {
    if (value.kind() == Kind::nothing) refuse_value(document, value, "\"pod\"", "a mapping", "write pod: {} for all pods");
    const MappingReader object(document, value, "\"pod\"", pod_keys);
    if (!document.ok()) return;
    read_pattern(document, object, "namespace", result.pod_namespace);
    read_pattern(document, object, "service_account", result.service_account);
    read_labels(document, object, result.labels);
}

void read_whose(Document& document, const MappingReader& object, model::WorkloadIdentity& result) {
    std::size_t given = 0;
    for (const auto key : whose_keys) given += object.has(key) ? 1 : 0;
    if (given != 1)
        document.refuse(
            object.mark(), fmt::format("an identity needs one of {}, found {}", join(whose_keys, "and"), given),
            "write a cgroup (workload: /shop.slice), a unit of systemd (unit: web.service), an account (user: web) or pods of "
            "Kubernetes (pod: {namespace: shop})");
    if (object.text("workload", result.workload) && !model::is_workload(result.workload))
        refuse_value(document, object.find("workload"), "\"workload\"",
                     "the path of a cgroup below the mount of cgroup v2, such as /shop.slice");
    if (object.text("unit", result.unit) &&
        (result.unit.find('/') != std::string::npos || result.unit.find('.') == std::string::npos))
        refuse_value(document, object.find("unit"), "\"unit\"", "a unit of systemd with its kind, such as web.service");
    read_account(document, object, "user", result.user);
    if (object.has("pod")) read_pod(document, object.find("pod"), result.pod.emplace());
}

// With what stands for parts of pods' names in it, a name that some pod has. It may stand for one alone.
void check_template(Document& document, const MappingReader& object, const model::NodeTls& node,
                    const model::WorkloadIdentity& one) {
    static const model::Pod some{"", "shop", "web-1", "web", {}};
    auto filled = one;
    filled.name = model::filled(one.name, some);
    if (!model::is_service_name(filled.name))
        refuse_value(
            document, object.find("name"), "\"name\"",
            "letters, digits, \".\", \"-\", \"_\" and \"/\", with {namespace}, {service_account} and {pod} for what a pod has");
    else if (one.files.is_issued)
        check_issued_name(document, object, node, filled);
}

void read_identities(Document& document, const MappingReader& tls, bool has_cluster, model::NodeTls& result) {
    const auto list = tls.find("identities");
    if (!document.ok() || !list.exists() || !expect_list(document, list, "\"identities\"", "identities")) return;
    if (list.size() > model::max_identities)
        document.refuse(list.mark(), fmt::format("\"identities\" must have at most {} identities, found {}",
                                                 model::max_identities, list.size()));
    std::map<std::uint32_t, std::pair<std::string, Mark>> seen;
    for (const auto item : list) {
        const MappingReader object(document, item, "an identity", identity_keys);
        if (!document.ok()) return;
        auto& one = result.identities.emplace_back();
        read_whose(document, object, one);
        if (!one.pod)
            read_name(document, object, one.name);
        else if (object.require("name"))
            object.text("name", one.name);
        read_files(document, object, result, one.files);
        if (document.ok() && one.pod && !has_cluster)
            document.refuse(object.find("name").mark(),
                            fmt::format("identity {} is of pods, and no registry tells of any", quote(one.name)),
                            "add registry.kubernetes");
        if (document.ok() && one.pod)
            check_template(document, object, result, one);
        else if (document.ok() && one.files.is_issued)
            check_issued_name(document, object, result, one);
        if (!document.ok()) return;
        const auto [first, is_new] =
            seen.emplace(model::identity_number(one.name), std::pair(one.name, object.find("name").mark()));
        if (is_new) continue;
        const auto& [name, mark] = first->second;
        document.refuse(object.find("name").mark(),
                        name == one.name ? fmt::format("identity {} is given twice, first in line {}", quote(name), mark.line)
                                         : fmt::format("the names {} and {} (line {}) have one number in the kernel",
                                                       quote(one.name), quote(name), mark.line),
                        name == one.name ? "" : "give one of them another name");
    }
}

void read_outside(Document& document, const MappingReader& origination, model::NodeOrigination& result) {
    const auto list = origination.find("credentials");
    if (!document.ok() || !list.exists() || !expect_list(document, list, "\"credentials\"", "credentials")) return;
    if (list.size() > model::max_outside_credentials)
        document.refuse(list.mark(), fmt::format("\"credentials\" must have at most {} items, found {}",
                                                 model::max_outside_credentials, list.size()));
    std::map<std::string, Mark> seen;
    for (const auto item : list) {
        const MappingReader object(document, item, "credentials", outside_keys);
        if (!document.ok()) return;
        auto& one = result.credentials.emplace_back();
        read_name(document, object, one.name);
        read_path(document, object, "authorities", one.authorities);
        if (object.has("certificate") || object.has("key")) read_required_files(document, object, one.files);
        if (!document.ok()) return;
        const auto [first, is_new] = seen.emplace(one.name, object.find("name").mark());
        if (!is_new)
            document.refuse(object.find("name").mark(),
                            fmt::format("credentials {} are given twice, first in line {}", quote(one.name), first->second.line));
    }
}

// How backends outside of the mesh are spoken to.
void read_outside_backends(Document& document, const MappingReader& tls, model::TlsSettings& result) {
    tls.given("server_name", result.server_name, [&](auto key, auto& name) { return tls.text(key, name); });
    if (result.server_name && !model::is_server_name(*result.server_name))
        refuse_value(
            document, tls.find("server_name"), "\"server_name\"",
            "a DNS name in lower case such as api.example.com; without the key certificates must be for the backend's address");
    tls.given("credentials", result.credentials, [&](auto key, auto& name) { return tls.text(key, name); });
    if (result.credentials && !model::is_service_name(*result.credentials))
        refuse_value(document, tls.find("credentials"), "\"credentials\"",
                     "the name of one of origination.credentials of meshd.yaml");
    if (tls.has("alpn")) read_protocols(document, tls, result.alpn.emplace());
    tls.given("min_version", result.min_version,
              [&](auto key, auto& version) { return tls.choice(key, version, versions, model::parse_tls_version); });
}

}  // namespace

void read_origination(Document& document, const MappingReader& top, bool has_tls, model::NodeOrigination& result) {
    read_section(document, top, "origination", origination_keys, [&](const MappingReader& origination) {
        read_outside(document, origination, result);
        if (document.ok() && has_tls && origination.has("outbound_port"))
            document.refuse(origination.find("outbound_port").mark(),
                            "\"outbound_port\" is said by the section \"tls\", which is there", "write it there");
        origination.number("outbound_port", result.outbound_port, port_range);
    });
}

void read_node_tls(Document& document, const MappingReader& top, bool has_cluster, std::optional<model::NodeTls>& result) {
    read_section(document, top, "tls", node_keys, [&](const MappingReader& tls) {
        auto& node = result.emplace();
        if (tls.require("trust_domain", "write the name that all identities of the mesh begin with, such as example.org") &&
            tls.text("trust_domain", node.trust_domain) && !model::is_trust_domain(node.trust_domain))
            refuse_value(document, tls.find("trust_domain"), "\"trust_domain\"",
                         "lower case letters, digits, \".\", \"-\" and \"_\", such as example.org");
        read_required_path(document, tls, "authorities", node.authorities);
        read_path(document, tls, "revoked", node.revoked);
        read_signing(document, tls, node);
        read_issuer(document, tls, node);
        read_files(document, tls, node, node.node);
        read_identities(document, tls, has_cluster, node);
        tls.number("inbound_port", node.inbound_port, port_range);
        tls.number("outbound_port", node.outbound_port, port_range);
        tls.number("threads", node.threads, {0, most_threads});
        tls.choice("kernel", node.kernel, kernels, model::parse_kernel_tls);
        if (document.ok() && node.inbound_port == node.outbound_port)
            document.refuse(tls.mark(), fmt::format("\"inbound_port\" and \"outbound_port\" are both {}", node.inbound_port),
                            "give one of them another port");
    });
}

void read_service_tls(Document& document, const MappingReader& service, bool is_whole, model::TlsSettings& result) {
    read_section(document, service, "tls", service_keys, [&](const MappingReader& tls) {
        tls.given("mode", result.mode, [&](auto key, auto& mode) { return tls.choice(key, mode, modes, model::parse_tls_mode); });
        tls.given("accept", result.accept,
                  [&](auto key, auto& accept) { return tls.choice(key, accept, accepts, model::parse_clear_text); });
        tls.given("same_node", result.same_node,
                  [&](auto key, auto& same) { return tls.choice(key, same, same_nodes, model::parse_same_node); });
        read_outside_backends(document, tls, result);
        if (!document.ok()) return;
        auto known = result;
        if (is_whole && !known.mode) known.mode = model::TlsMode::off;
        if (auto misfit = model::find_misfit(result, known))
            document.refuse(tls.find(misfit->key).mark(), std::move(misfit->detail), std::move(misfit->remedy));
    });
}

}  // namespace meshd::config
