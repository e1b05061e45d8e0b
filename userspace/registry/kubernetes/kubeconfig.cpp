// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/kubeconfig.hpp"

#include <array>
#include <optional>

#include "base/base64.hpp"
#include "config/characters.hpp"
#include "config/tree.hpp"

namespace meshd::registry::kubernetes {

namespace {

using config::Value;

std::optional<Value> member(Value mapping, std::string_view key) {
    if (!mapping.exists() || mapping.kind() != config::Kind::mapping) return std::nullopt;
    for (auto at = mapping.begin(); at != mapping.end(); ++at) {
        const auto name = *at;
        ++at;
        if (name.text() == key) return (*at).kind() == config::Kind::nothing ? std::nullopt : std::optional(*at);
    }
    return std::nullopt;
}

class Reader {
public:
    explicit Reader(const std::string& path) : path_(path) {}

    [[nodiscard]] tl::unexpected<base::Error> refuse(Value at, std::string why, std::string remedy = {}) const {
        return base::fail(config::refusal(path_, at.mark(), std::move(why), std::move(remedy)));
    }

    // Text of a key; empty when it is not there.
    [[nodiscard]] base::Result<std::string> text(Value mapping, std::string_view key) const {
        const auto value = member(mapping, key);
        if (!value) return std::string();
        if (value->kind() != config::Kind::scalar) return refuse(*value, config::quote(key) + " is not text");
        return std::string(value->text());
    }

    // The item of this name in one of the three lists, {name: NAME, cluster: {…}}.
    [[nodiscard]] base::Result<Value> entry(Value top, std::string_view list, std::string_view kind,
                                            const std::string& name) const {
        const auto items = member(top, list);
        if (items && items->kind() == config::Kind::list)
            for (const auto item : *items) {
                const auto own = member(item, "name");
                if (own && own->kind() == config::Kind::scalar && own->text() == name)
                    if (const auto content = member(item, kind)) return *content;
            }
        return refuse(items.value_or(top), "there is no " + std::string(kind) + " " + config::quote(name),
                      "name one that it has, or give the file another context");
    }

    // KEY names a file, KEY-data is its content in base64 and comes first.
    [[nodiscard]] base::Result<FileOrText> file_or_data(Value mapping, const std::string& key) const {
        FileOrText result;
        if (const auto data = member(mapping, key + "-data")) {
            const auto decoded = data->kind() == config::Kind::scalar ? base::from_base64(data->text()) : std::nullopt;
            if (!decoded || decoded->empty()) return refuse(*data, config::quote(key + "-data") + " is not base64");
            result.text = *decoded;
            return result;
        }
        auto file = text(mapping, key);
        if (!file) return base::fail(file.error());
        result.file = from_here(*file);
        return result;
    }

    [[nodiscard]] std::string from_here(const std::string& file) const {
        const auto slash = path_.rfind('/');
        return file.empty() || file.front() == '/' || slash == std::string::npos ? file : path_.substr(0, slash + 1) + file;
    }

private:
    const std::string& path_;
};

base::Result<void> read_cluster(const Reader& reader, Value cluster, KubeConfig& result) {
    auto server = reader.text(cluster, "server");
    if (!server) return base::fail(server.error());
    while (server->ends_with('/')) server->pop_back();
    if (!server->starts_with("https://") && !server->starts_with("http://"))
        return reader.refuse(cluster, "its \"server\" is no http or https URL");
    result.server = std::move(*server);
    if (const auto insecure = member(cluster, "insecure-skip-tls-verify"); insecure && insecure->text() != "false")
        return reader.refuse(*insecure, "any server would be believed with \"insecure-skip-tls-verify\"",
                             "remove it and name the authority of the server's certificate in \"certificate-authority\"");
    if (const auto proxy = member(cluster, "proxy-url"))
        return reader.refuse(*proxy, "a proxy is not supported", "give an address that can be reached without one");
    auto name = reader.text(cluster, "tls-server-name");
    if (!name) return base::fail(name.error());
    result.server_name = std::move(*name);
    auto authority = reader.file_or_data(cluster, "certificate-authority");
    if (!authority) return base::fail(authority.error());
    result.authority = std::move(*authority);
    return {};
}

base::Result<void> read_user(const Reader& reader, Value user, KubeConfig& result) {
    constexpr std::string_view remedy =
        "give it a \"token\", a \"tokenFile\" or a client certificate, such as a service account of deploy/kubernetes/rbac.yaml "
        "has";
    for (const std::string_view key : {"exec", "auth-provider", "username", "password", "as"})
        if (const auto value = member(user, key))
            return reader.refuse(*value, "to log in by " + config::quote(key) + " is not supported", std::string(remedy));
    auto certificate = reader.file_or_data(user, "client-certificate");
    if (!certificate) return base::fail(certificate.error());
    auto key = reader.file_or_data(user, "client-key");
    if (!key) return base::fail(key.error());
    if (certificate->given() != key->given())
        return reader.refuse(user, "of \"client-certificate\" and \"client-key\" one is missing");
    result.certificate = std::move(*certificate);
    result.key = std::move(*key);
    auto file = reader.text(user, "tokenFile");
    if (!file) return base::fail(file.error());
    auto token = reader.text(user, "token");
    if (!token) return base::fail(token.error());
    result.token.file = reader.from_here(*file);
    if (result.token.file.empty()) result.token.text = std::move(*token);
    return {};
}

}  // namespace

base::Result<KubeConfig> parse_kubeconfig(std::string_view text, const std::string& path, const std::string& context) {
    const auto tree = config::Tree::parse(text, path);
    if (!tree) return base::fail(tree.error());
    const Reader reader(path);
    const auto top = tree->root();
    auto chosen = context.empty() ? reader.text(top, "current-context") : base::Result<std::string>(context);
    if (!chosen) return base::fail(chosen.error());
    if (chosen->empty())
        return reader.refuse(top, "it has no \"current-context\"", "set one, or \"context\" of this registry in meshd.yaml");
    const auto found = reader.entry(top, "contexts", "context", *chosen);
    if (!found) return base::fail(found.error());
    const auto cluster_name = reader.text(*found, "cluster");
    const auto user_name = reader.text(*found, "user");
    if (!cluster_name) return base::fail(cluster_name.error());
    if (!user_name) return base::fail(user_name.error());
    const auto cluster = reader.entry(top, "clusters", "cluster", *cluster_name);
    if (!cluster) return base::fail(cluster.error());
    KubeConfig result;
    if (const auto read = read_cluster(reader, *cluster, result); !read) return base::fail(read.error());
    if (user_name->empty()) return result;
    const auto user = reader.entry(top, "users", "user", *user_name);
    if (!user) return base::fail(user.error());
    if (const auto read = read_user(reader, *user, result); !read) return base::fail(read.error());
    return result;
}

}  // namespace meshd::registry::kubernetes
