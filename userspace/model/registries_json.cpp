// SPDX-License-Identifier: Apache-2.0
#include "model/registries_json.hpp"

#include <boost/json.hpp>

#include "model/members.hpp"

namespace meshd::model {

namespace json = boost::json;

namespace {

constexpr std::string_view url_expected = "http(s)://HOST[:PORT]";

json::array texts_to_json(const std::vector<std::string>& texts) { return json::array(texts.begin(), texts.end()); }

json::object access_to_json(const ServerAccess& access) {
    return {{"token_file", access.token_file},
            {"ca", access.ca},
            {"certificate", access.certificate},
            {"key", access.key},
            {"server_name", access.server_name}};
}

json::object item_to_json(const ConsulRegistry& consul) {
    return {{"name", consul.name},
            {"url", consul.url},
            {"access", access_to_json(consul.access)},
            {"datacenter", consul.datacenter},
            {"namespace", consul.partition_ns},
            {"reads", name(consul.reads)},
            {"discover", consul.discover},
            {"keys", consul.keys}};
}

json::object item_to_json(const EtcdRegistry& etcd) {
    return {{"name", etcd.name}, {"endpoints", texts_to_json(etcd.endpoints)}, {"access", access_to_json(etcd.access)},
            {"user", etcd.user}, {"password_file", etcd.password_file},        {"prefix", etcd.prefix}};
}

json::object item_to_json(const KubernetesRegistry& kubernetes) {
    return {{"name", kubernetes.name},       {"kubeconfig", kubernetes.kubeconfig},
            {"context", kubernetes.context}, {"node", kubernetes.node},
            {"pods", kubernetes.pods},       {"hosts", kubernetes.hosts}};
}

template <typename Item>
json::array list_to_json(const std::vector<Item>& items) {
    json::array list;
    for (const auto& item : items) list.emplace_back(item_to_json(item));
    return list;
}

bool is_url(std::string_view text) {
    return (text.starts_with("http://") || text.starts_with("https://")) && !text.ends_with('/');
}

std::string read_name(Members& members) {
    auto name = members.text("name");
    if (name.empty()) members.wrong("name", "a name");
    return name;
}

ServerAccess read_access(Members& members) {
    ServerAccess access;
    Members inner(members.value("access"), members.where() + ".access");
    access.token_file = inner.path("token_file", true);
    access.ca = inner.path("ca", true);
    access.certificate = inner.path("certificate", true);
    access.key = inner.path("key", true);
    access.server_name = inner.text("server_name");
    if (access.certificate.empty() != access.key.empty()) inner.wrong("key", "a key exactly when there is a certificate");
    members.check(inner);
    return access;
}

void read_item(Members& members, ConsulRegistry& consul) {
    consul.url = members.text("url");
    if (!is_url(consul.url)) members.wrong("url", url_expected);
    consul.access = read_access(members);
    consul.datacenter = members.text("datacenter");
    consul.partition_ns = members.text("namespace");
    const auto reads = parse_consul_reads(members.text("reads"));
    if (!reads) members.wrong("reads", "default, stale or consistent");
    consul.reads = reads.value_or(ConsulReads::standard);
    consul.discover = members.boolean("discover");
    consul.keys = members.text("keys");
}

void read_item(Members& members, EtcdRegistry& etcd) {
    etcd.endpoints = members.texts("endpoints");
    if (etcd.endpoints.empty()) members.wrong("endpoints", "at least one");
    for (const auto& endpoint : etcd.endpoints)
        if (!is_url(endpoint)) members.wrong("endpoints", url_expected);
    etcd.access = read_access(members);
    etcd.user = members.text("user");
    etcd.password_file = members.path("password_file", true);
    etcd.prefix = members.text("prefix");
    if (etcd.prefix.empty()) members.wrong("prefix", "a prefix of keys");
}

void read_item(Members& members, KubernetesRegistry& kubernetes) {
    kubernetes.kubeconfig = members.path("kubeconfig", true);
    kubernetes.context = members.text("context");
    kubernetes.node = members.text("node");
    // An agent of an older version does not say these.
    kubernetes.pods = !members.value("pods").is_null() && members.boolean("pods");
    kubernetes.hosts = !members.value("hosts").is_null() && members.boolean("hosts");
}

template <typename Item>
void read_list(Members& members, std::string_view key, std::vector<Item>& items) {
    for (const auto& value : members.array(key)) {
        Members one(value, members.where() + "." + std::string(key) + "[" + std::to_string(items.size()) + "]");
        auto& item = items.emplace_back();
        item.name = read_name(one);
        read_item(one, item);
        members.check(one);
    }
}

std::chrono::milliseconds read_time(Members& members, std::string_view key) {
    return std::chrono::milliseconds(members.number<std::int64_t>(key, 1));
}

void read_dns(Members& members, DnsSettings& dns) {
    Members inner(members.value("dns"), members.where() + ".dns");
    for (const auto& text : inner.texts("servers")) {
        const auto server = base::SocketAddress::parse(text);
        if (!server) inner.wrong("servers", "ADDRESS:PORT");
        dns.servers.push_back(server.value_or(base::SocketAddress{}));
    }
    dns.least_ttl = read_time(inner, "least_ttl_ms");
    dns.most_ttl = read_time(inner, "most_ttl_ms");
    if (dns.most_ttl < dns.least_ttl) inner.wrong("most_ttl_ms", "no less than least_ttl_ms");
    members.check(inner);
}

void read_hold(Members& members, Hold& hold) {
    Members inner(members.value("hold"), members.where() + ".hold");
    hold.share = inner.number<std::uint32_t>("share", 1);
    if (hold.share > 100) inner.wrong("share", "a number from 1 to 100");
    hold.time = read_time(inner, "time_ms");
    members.check(inner);
}

}  // namespace

json::object to_json(const Registries& registries) {
    std::vector<std::string> servers;
    for (const auto& server : registries.dns.servers) servers.push_back(server.text());
    return {{"consul", list_to_json(registries.consul)},
            {"etcd", list_to_json(registries.etcd)},
            {"kubernetes", list_to_json(registries.kubernetes)},
            {"dns", json::object{{"servers", texts_to_json(servers)},
                                 {"least_ttl_ms", registries.dns.least_ttl.count()},
                                 {"most_ttl_ms", registries.dns.most_ttl.count()}}},
            {"order", texts_to_json(registries.order)},
            {"hold", json::object{{"share", registries.hold.share}, {"time_ms", registries.hold.time.count()}}},
            {"resync_ms", registries.resync.count()}};
}

base::Result<Registries> registries_from_json(const json::value& value) {
    Members members(value, "registries");
    Registries registries;
    read_list(members, "consul", registries.consul);
    read_list(members, "etcd", registries.etcd);
    read_list(members, "kubernetes", registries.kubernetes);
    read_dns(members, registries.dns);
    registries.order = members.texts("order");
    read_hold(members, registries.hold);
    registries.resync = read_time(members, "resync_ms");
    if (auto read = members.outcome(); !read) return tl::make_unexpected(read.error());
    return registries;
}

}  // namespace meshd::model
