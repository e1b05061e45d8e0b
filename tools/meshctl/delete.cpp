// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include <CLI/CLI.hpp>

#include "command.hpp"
#include "store_options.hpp"
#include "store_pages.hpp"

namespace meshd::meshctl {

namespace {

struct DeleteOptions {
    StoreOptions store;
    std::vector<std::string> names;
    std::vector<std::string> paths;
    bool ignores_missing = false;
    bool is_dry = false;
};

Result<std::vector<store::Object>> objects_of(const DeleteOptions& options) {
    std::vector<store::Object> objects;
    for (const auto& name : options.names) {
        auto object = store::parse_object(name);
        if (!object) return fail(ExitCode::usage, object.error().message());
        objects.push_back(std::move(*object));
    }
    if (options.paths.empty()) return objects;
    const auto declared = read_declared(options.paths, "nothing was deleted");
    if (!declared) return tl::make_unexpected(declared.error());
    for (const auto& one : *declared) objects.push_back(one.object);
    return objects;
}

Result<Page> remove(const DeleteOptions& options) {
    if (options.names.empty() && options.paths.empty())
        return fail(ExitCode::usage, "what should be deleted?", "name objects as KIND/NAME, or a file of them by -f");
    const auto objects = objects_of(options);
    if (!objects) return tl::make_unexpected(objects.error());
    const auto store = open_store(options.store);
    if (!store) return tl::make_unexpected(store.error());
    return delete_from(**store, *objects, options.ignores_missing ? Missing::is_done : Missing::is_an_error,
                       options.is_dry ? Doing::only_show : Doing::write);
}

}  // namespace

void add_delete(CLI::App& app, Program& program) {
    auto* const verb = app.add_subcommand("delete", "Remove objects from the store that all nodes follow");
    const auto options = std::make_shared<DeleteOptions>();
    verb->add_option("OBJECT", options->names, "KIND/NAME: of the kinds service, policy, settings and file");
    verb->add_option("-f,--file", options->paths, "Objects of this file or directory, or of the standard input: -")
        ->type_name("FILE")
        ->allow_extra_args(false);
    verb->add_flag("--ignore-not-found", options->ignores_missing, "What is not there is taken for deleted");
    verb->add_flag("--dry-run", options->is_dry, "Only show what would go");
    add_store_options(*verb, options->store);
    verb->footer(
        "Nodes hold a service that is gone for registry.hold.time. Connections that exist go on.\n\n"
        "Examples:\n"
        "  meshctl delete service/web policy/deny-db\n"
        "  meshctl delete -f web.yaml --ignore-not-found");
    verb->callback([&program, options] { program.chosen = [options](const Agent& /*agent*/) { return remove(*options); }; });
}

}  // namespace meshd::meshctl
