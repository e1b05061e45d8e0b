// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <memory>

#include <CLI/CLI.hpp>

#include "command.hpp"
#include "store_options.hpp"
#include "store_pages.hpp"
#include "wait_in_force.hpp"

namespace meshd::meshctl {

namespace {

struct ApplyOptions {
    StoreOptions store;
    std::vector<std::string> paths;
    bool is_dry = false;
    std::string wait;  // seconds; empty: not at all
};

Result<Page> apply(const Agent& agent, const ApplyOptions& options) {
    const auto declared = read_declared(options.paths, "nothing was written");
    if (!declared) return tl::make_unexpected(declared.error());
    const auto store = open_store(options.store);
    if (!store) return tl::make_unexpected(store.error());
    auto page = apply_to(**store, *declared, options.is_dry ? Doing::only_show : Doing::write);
    if (!page || options.wait.empty() || options.is_dry) return page;
    const auto waited = wait_in_force(agent, **store, *declared, std::chrono::seconds(std::stol(options.wait)));
    if (!waited) return tl::make_unexpected(waited.error());
    page->verdict = "this node has it in force";
    return page;
}

}  // namespace

void add_apply(CLI::App& app, Program& program) {
    auto* const verb = app.add_subcommand("apply", "Write services, rules and settings to the store that all nodes follow");
    const auto options = std::make_shared<ApplyOptions>();
    verb->add_option("-f,--file", options->paths, "File of the registry, directory of them, or - for the standard input")
        ->type_name("FILE")
        ->required()
        ->allow_extra_args(false);
    verb->add_flag("--dry-run", options->is_dry, "Only show what would change");
    auto* const wait =
        verb->add_option("--wait", options->wait, "Wait until the agent of this host has it in force, or for TIME (30s)")
            ->type_name("[=TIME]")
            ->expected(0, 1)
            ->transform(CLI::Validator(to_seconds, ""));
    add_store_options(*verb, options->store);
    verb->footer(
        "The store is an etcd, Consul or Kubernetes registry of meshd.yaml. Everything is checked before anything is written.\n\n"
        "Examples:\n"
        "  meshctl apply -f web.yaml\n"
        "  meshctl apply -f ./services.d --dry-run\n"
        "  meshctl apply -f - --store etcd --user admin --password-file ~/.etcd-password < web.yaml");
    verb->callback([&program, options, wait] {
        // Without a value CLI11 leaves it as it was.
        if (wait->count() > 0 && options->wait.empty()) options->wait = "30";
        program.chosen = [options](const Agent& agent) { return apply(agent, *options); };
    });
}

}  // namespace meshd::meshctl
