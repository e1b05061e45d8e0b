// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/credentials.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <sys/mman.h>
#include <unistd.h>

#include "config/text_file.hpp"

namespace meshd::registry::kubernetes {

namespace {

constexpr std::string_view account = "/var/run/secrets/kubernetes.io/serviceaccount/";

std::string environment(const char* name) {
    const auto* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes the environment
    return value == nullptr ? std::string() : std::string(value);
}

base::Result<base::UniqueFd> memory_file(std::string_view text) {
    base::UniqueFd file(::memfd_create("meshd-kubeconfig", MFD_CLOEXEC));
    if (!file.valid()) return base::fail_errno("create", "a file in memory for the kubeconfig's certificates");
    while (!text.empty()) {
        const auto written = ::write(file.get(), text.data(), text.size());
        if (written < 0) return base::fail_errno("write", "a file in memory for the kubeconfig's certificates");
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return file;
}

// What every pod finds.
base::Result<KubeConfig> in_cluster() {
    const auto host = environment("KUBERNETES_SERVICE_HOST");
    const auto port = environment("KUBERNETES_SERVICE_PORT");
    if (host.empty() || port.empty())
        return base::fail(
            {"find", "the API server of Kubernetes", 0,
             "there is no \"kubeconfig\" in meshd.yaml, and KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not "
             "set, as they are in a pod",
             "name a kubeconfig file"});
    KubeConfig config;
    config.server = "https://" + (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
    config.authority.file = std::string(account) + "ca.crt";
    config.token.file = std::string(account) + "token";
    return config;
}

}  // namespace

base::Result<KubeConfig> Credentials::read() const {
    if (settings_.kubeconfig.empty()) return in_cluster();
    const auto file = config::read_text_file(settings_.kubeconfig);
    if (!file) return base::fail(file.error());
    return parse_kubeconfig(file->text, settings_.kubeconfig, settings_.context);
}

base::Result<std::string> Credentials::path_of(const FileOrText& what) {
    if (what.text.empty()) return what.file;
    auto found = memory_files_.find(what.text);
    if (found == memory_files_.end()) {
        auto file = memory_file(what.text);
        if (!file) return base::fail(file.error());
        found = memory_files_.emplace(what.text, std::move(*file)).first;
    }
    return "/proc/self/fd/" + std::to_string(found->second.get());
}

base::Result<Access> Credentials::current() {
    const auto config = read();
    if (!config) return base::fail(config.error());
    Access access{.url = config->server, .token = config->token.text, .token_from = settings_.kubeconfig, .tls = {}};
    access.tls.server_name = config->server_name;
    for (const auto& [what, path] :
         {std::pair{&config->authority, &access.tls.ca}, std::pair{&config->certificate, &access.tls.certificate},
          std::pair{&config->key, &access.tls.key}}) {
        auto found = path_of(*what);
        if (!found) return base::fail(found.error());
        *path = std::move(*found);
    }
    if (config->token.file.empty()) return access;
    auto token = config::read_secret_file(config->token.file);
    if (!token) return base::fail(token.error());
    access.token = std::move(*token);
    access.token_from = config->token.file;
    if (access.token.empty() || access.token.find_first_of("\r\n") != std::string::npos)
        return base::fail({"read", "the token in " + config->token.file, 0, "the file does not hold one line of text", {}});
    return access;
}

std::string node_name(const model::KubernetesRegistry& settings) {
    if (!settings.node.empty()) return settings.node;
    if (auto name = environment("NODE_NAME"); !name.empty()) return name;
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) return {};
    std::string name = host.data();
    // As the kubelet does it.
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return name;
}

}  // namespace meshd::registry::kubernetes
