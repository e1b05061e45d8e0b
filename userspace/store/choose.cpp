// SPDX-License-Identifier: Apache-2.0
#include "store/choose.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "config/characters.hpp"
#include "store/consul_store.hpp"
#include "store/etcd_store.hpp"
#include "store/kubernetes_store.hpp"

namespace meshd::store {

namespace {

using Chosen = std::variant<const model::EtcdRegistry*, const model::ConsulRegistry*, const model::KubernetesRegistry*>;

struct Writable {
    Chosen registry;
    std::string_view kind;

    [[nodiscard]] const std::string& name() const {
        return std::visit([](const auto* one) -> const std::string& { return one->name; }, registry);
    }
};

std::vector<Writable> writable(const model::Registries& registries) {
    std::vector<Writable> all;
    for (const auto& etcd : registries.etcd) all.push_back({&etcd, "etcd"});
    for (const auto& consul : registries.consul)
        if (!consul.keys.empty()) all.push_back({&consul, "Consul"});
    for (const auto& kubernetes : registries.kubernetes) all.push_back({&kubernetes, "Kubernetes"});
    return all;
}

std::string listed(const std::vector<Writable>& all) {
    std::string text;
    for (const auto& one : all) text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", one.name(), one.kind);
    return text;
}

base::Result<Writable> choose(const config::Settings& settings, const std::string& asked) {
    const auto all = writable(settings.registries);
    const std::string operation = "choose";
    const std::string object = "a registry to write to";
    if (all.empty())
        return base::fail({operation, object, 0, "meshd.yaml has no registry of etcd, of Kubernetes, or of Consul with \"keys\"",
                           "name the file that has one by --config, or write files into the directory of the registry"});
    const auto& name = asked.empty() ? settings.registry_store : asked;
    if (name.empty() && all.size() > 1)
        return base::fail({operation, object, 0, fmt::format("there are {}: {}", all.size(), listed(all)),
                           "name one by --store, or for good by \"store\" in the section \"registry\" of meshd.yaml"});
    if (name.empty()) return all.front();
    const auto found = std::find_if(all.begin(), all.end(), [&](const Writable& one) { return one.name() == name; });
    if (found == all.end())
        return base::fail({operation, object, 0, fmt::format("{} is none that can be written to", config::quote(name)),
                           "there are: " + listed(all)});
    return *found;
}

void lay(std::string& setting, const std::string& wanted) {
    if (!wanted.empty()) setting = wanted;
}

// An option that would say nothing to this kind of server was meant for another one.
base::Result<void> refuse_others(const Operator& wanted, const Writable& chosen, const std::vector<std::string_view>& known) {
    const std::array<std::pair<std::string_view, const std::string*>, 7> options{{{"--user", &wanted.user},
                                                                                  {"--password-file", &wanted.password_file},
                                                                                  {"--token-file", &wanted.token_file},
                                                                                  {"--certificate", &wanted.certificate},
                                                                                  {"--key", &wanted.key},
                                                                                  {"--kubeconfig", &wanted.kubeconfig},
                                                                                  {"--context", &wanted.context}}};
    for (const auto& [option, value] : options)
        if (!value->empty() && std::find(known.begin(), known.end(), option) == known.end())
            return base::fail({"use", std::string(option), 0,
                               fmt::format("registry {} is one of {}, which has no such thing", chosen.name(), chosen.kind),
                               "leave it out, or name another registry by --store"});
    return {};
}

base::Result<std::unique_ptr<Store>> open(model::EtcdRegistry settings, const Operator& wanted, Ask ask) {
    lay(settings.user, wanted.user);
    lay(settings.password_file, wanted.password_file);
    lay(settings.access.certificate, wanted.certificate);
    lay(settings.access.key, wanted.key);
    return std::make_unique<EtcdStore>(std::move(settings), std::move(ask));
}

base::Result<std::unique_ptr<Store>> open(model::ConsulRegistry settings, const Operator& wanted, Ask ask) {
    lay(settings.access.token_file, wanted.token_file);
    lay(settings.access.certificate, wanted.certificate);
    lay(settings.access.key, wanted.key);
    return std::make_unique<ConsulStore>(std::move(settings), std::move(ask));
}

std::string environment(const char* name) {
    const auto* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes the environment
    return value == nullptr ? std::string() : std::string(value);
}

// An operator's own, as kubectl finds it; of several files in $KUBECONFIG the first.
std::string own_kubeconfig() {
    if (const auto given = environment("KUBECONFIG"); !given.empty()) return given.substr(0, given.find(':'));
    const auto home = environment("HOME");
    const auto file = home + "/.kube/config";
    std::error_code error;
    return !home.empty() && std::filesystem::exists(file, error) ? file : std::string();
}

base::Result<std::unique_ptr<Store>> open(model::KubernetesRegistry settings, const Operator& wanted, Ask ask) {
    const auto file = wanted.kubeconfig.empty() ? own_kubeconfig() : wanted.kubeconfig;
    if (!file.empty()) {
        settings.kubeconfig = file;
        settings.context.clear();
    }
    lay(settings.context, wanted.context);
    return std::make_unique<KubernetesStore>(std::move(settings), wanted.token_file, std::move(ask));
}

std::vector<std::string_view> options_of(const Writable& chosen) {
    if (std::holds_alternative<const model::EtcdRegistry*>(chosen.registry))
        return {"--user", "--password-file", "--certificate", "--key"};
    if (std::holds_alternative<const model::KubernetesRegistry*>(chosen.registry))
        return {"--token-file", "--kubeconfig", "--context"};
    return {"--token-file", "--certificate", "--key"};
}

}  // namespace

base::Result<std::unique_ptr<Store>> choose_store(const config::Settings& settings, const Operator& wanted, Ask ask) {
    const auto chosen = choose(settings, wanted.store);
    if (!chosen) return base::fail(chosen.error());
    if (auto fits = refuse_others(wanted, *chosen, options_of(*chosen)); !fits) return base::fail(std::move(fits.error()));
    return std::visit([&](const auto* registry) { return open(*registry, wanted, std::move(ask)); }, chosen->registry);
}

}  // namespace meshd::store
