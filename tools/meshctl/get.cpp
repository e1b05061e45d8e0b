// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include <CLI/CLI.hpp>

#include "command.hpp"
#include "store_options.hpp"
#include "store_pages.hpp"

namespace meshd::meshctl {

namespace {

struct GetOptions {
    StoreOptions store;
    std::string what;
};

Result<Page> get(const GetOptions& options) {
    const auto kind = store::parse_kind(options.what);
    const bool is_one = !options.what.empty() && !kind;
    const auto object = is_one ? store::parse_object(options.what) : base::Result<store::Object>{};
    if (!object) return fail(ExitCode::usage, object.error().message());
    const auto store = open_store(options.store);
    if (!store) return tl::make_unexpected(store.error());
    return is_one ? show_of(**store, *object) : list_of(**store, kind);
}

}  // namespace

void add_get(CLI::App& app, Program& program) {
    auto* const verb = app.add_subcommand("get", "Show what is in the store that all nodes follow");
    const auto options = std::make_shared<GetOptions>();
    verb->add_option("OBJECT", options->what, "KIND or KIND/NAME: service, policy, settings or file; without: everything");
    add_store_options(*verb, options->store);
    verb->footer(
        "With -o yaml one object is a file that `meshctl apply` takes. Keys that were written in another way are of the kind "
        "file.\n\n"
        "Examples:\n"
        "  meshctl get\n"
        "  meshctl get service -o wide\n"
        "  meshctl get service/shop/web -o yaml > web.yaml");
    verb->callback([&program, options] { program.chosen = [options](const Agent& /*agent*/) { return get(*options); }; });
}

}  // namespace meshd::meshctl
