// SPDX-License-Identifier: Apache-2.0
#include "store_options.hpp"

#include <iostream>
#include <iterator>

#include <CLI/CLI.hpp>

#include "config/settings_file.hpp"
#include "config/text_file.hpp"
#include "config_files.hpp"

namespace meshd::meshctl {

namespace {

base::Result<std::string> text_of(const std::string& path) {
    if (path != "-") {
        auto file = config::read_text_file(path);
        if (!file) return base::fail(std::move(file.error()));
        return std::move(file->text);
    }
    std::string text{std::istreambuf_iterator<char>(std::cin), {}};
    if (std::cin.bad()) return base::fail({"read", "the standard input", 0, "it ended with an error", {}});
    return text;
}

}  // namespace

void add_store_options(CLI::App& verb, StoreOptions& options) {
    auto& wanted = options.wanted;
    const auto add = [&](const char* name, std::string& value, const char* what, const char* type) {
        verb.add_option(name, value, what)->type_name(type);
    };
    add("--config", options.config, "The agent's configuration, which says where the store is (/etc/meshd/meshd.yaml)", "FILE");
    add("--store", wanted.store, "Registry to use (registry.store of it, else the only one that can be written to)", "NAME");
    add("--user", wanted.user, "etcd: who you are", "NAME");
    add("--password-file", wanted.password_file, "etcd: file with your password", "FILE");
    add("--token-file", wanted.token_file, "Consul, Kubernetes: file with your token", "FILE");
    add("--certificate", wanted.certificate, "etcd, Consul: your certificate, in PEM", "FILE");
    add("--key", wanted.key, "etcd, Consul: its key", "FILE");
    add("--kubeconfig", wanted.kubeconfig, "Kubernetes: your kubeconfig ($KUBECONFIG, ~/.kube/config, that of the registry)",
        "FILE");
    add("--context", wanted.context, "Kubernetes: context of it (its current one)", "NAME");
}

Result<std::unique_ptr<store::Store>> open_store(const StoreOptions& options) {
    const auto settings = config::load_settings(options.config);
    if (!settings) return meshctl::fail(settings.error());
    auto store = store::choose_store(*settings, options.wanted, store::ask_by_http());
    if (!store) {
        const auto remedy = std::exchange(store.error().remedy, {});
        return fail(ExitCode::usage, store.error().message(), remedy);
    }
    return std::move(*store);
}

Result<std::vector<store::Declared>> read_declared(const std::vector<std::string>& paths, const std::string& nothing_done) {
    std::vector<store::Declared> all;
    Failure refused{ExitCode::failed,
                    nothing_done + ", the nodes would refuse this:",
                    "mend it; `meshctl config check` looks at files alone",
                    {}};
    for (const auto& file : named_files(paths)) {
        const auto text = file.error ? base::Result<std::string>(tl::unexpect, *file.error) : text_of(file.path);
        auto declared = text ? store::declared_in(*text, file.path == "-" ? "standard input" : file.path)
                             : base::Result<std::vector<store::Declared>>(tl::unexpect, text.error());
        if (!declared)
            refused.details.push_back(error_line(declared.error()));
        else
            std::move(declared->begin(), declared->end(), std::back_inserter(all));
    }
    if (!refused.details.empty()) return tl::make_unexpected(std::move(refused));
    if (all.empty())
        return fail(ExitCode::failed, "there is no object in what -f names",
                    "name files with services, policies or service_settings");
    return all;
}

}  // namespace meshd::meshctl
