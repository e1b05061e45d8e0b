// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"
#include "config/schema.hpp"
#include "config_files.hpp"
#include "model/service_json.hpp"

namespace meshd::meshctl {

namespace {

Lines error_lines(const CheckedFiles& checked) {
    Lines errors;
    for (const auto& file : checked.files)
        if (file.error) errors.lines.push_back(error_line(*file.error));
    return errors;
}

Table files_table(const json::array& files) {
    return {{text_column("FILE", "file"), text_column("KIND", "kind"), text_column("GOOD", "ok"),
             number_column("SERVICES", "services")},
            files,
            Shown::when_wide,
            {}};
}

Page check_page(const CheckedFiles& checked) {
    json::array files;
    for (const auto& file : checked.files)
        files.push_back({{"file", file.path},
                         {"kind", name(file.kind)},
                         {"ok", !file.error.has_value()},
                         {"services", file.services},
                         {"error", file.error ? error_line(*file.error) : ""}});
    const auto refused = static_cast<std::int64_t>(checked.refused());
    const auto total = static_cast<std::int64_t>(checked.files.size());
    Page page;
    page.blocks = {files_table(files), error_lines(checked)};
    page.value = {{"ok", refused == 0}, {"files", std::move(files)}};
    page.exit = refused == 0 ? ExitCode::done : ExitCode::not_healthy;
    if (total == 0)
        page.verdict = "no files: nothing to check";
    else if (refused == 0)
        page.verdict = counted(total, "file is", "files are") + " good";
    else
        page.verdict = fmt::format("{} of {} would be refused", refused, counted(total, "file"));
    return page;
}

struct DiffOptions {
    std::vector<std::string> paths;
    bool is_partial = false;
    bool has_exit_code = false;
};

Result<std::vector<std::string>> registry_directory(const Agent& agent) {
    const auto status = agent.get("/v1/status");
    if (!status) return tl::make_unexpected(status.error());
    const auto directory = text_at(*status, "registry.directory");
    if (directory == "-")
        return fail(ExitCode::failed, "the agent does not say which directory it reads", "name files or a directory");
    return std::vector<std::string>{directory};
}

// A service that no file describes, with the settings that one gives; nothing when the agent knows none of this name. The agent
// has its backends.
Result<std::optional<json::object>> service_elsewhere(const Agent& agent, const model::ServiceSettings& settings) {
    using Found = Result<std::optional<json::object>>;
    auto all = agent.get("/v1/services");
    if (!all) return tl::make_unexpected(all.error());
    for (const auto& item : array_at(*all, "services")) {
        if (text_at(item.as_object(), "name") != settings.service) continue;
        auto plain = item.as_object();
        for (auto& port : plain.at("ports").as_array()) {
            auto& one = port.as_object();
            one["backends"] = json::array{};
            if (one.at("node_port") == 0) one.erase("node_port");
        }
        auto service = model::service_from_json(plain);
        if (!service) return fail(ExitCode::failed, service.error().message());
        auto merged = model::with_settings(std::move(*service), settings);
        if (!merged) return fail(ExitCode::failed, error_line(merged.error()));
        auto one = model::to_json(*merged);
        one["backends_from"] = "the agent";
        return Found(std::move(one));
    }
    return Found(std::nullopt);
}

Result<json::array> services_of(const Agent& agent, const std::vector<std::string>& paths) {
    const auto checked = check_files(paths);
    if (checked.refused() > 0)
        return tl::make_unexpected(Failure{ExitCode::failed, "nothing was compared, the agent would refuse this:",
                                           "mend it; `meshctl config check` looks again", error_lines(checked).lines});
    for (const auto& file : checked.files)
        if (file.kind == FileKind::settings)
            return fail(ExitCode::usage, file.path + " has no services: it is the agent's own configuration",
                        "name files of the registry, or directories of them");
    json::array services;
    for (const auto& registry : checked.registries)
        for (const auto& service : registry.services) {
            auto one = model::to_json(service);
            if (service.backends_from) one["backends_from"] = service.backends_from->text();
            services.emplace_back(std::move(one));
        }
    for (const auto& settings : checked.elsewhere) {
        auto service = service_elsewhere(agent, settings);
        if (!service) return tl::make_unexpected(service.error());
        if (*service) services.emplace_back(std::move(**service));
    }
    return services;
}

Result<Page> diff(const Agent& agent, const DiffOptions& options) {
    auto paths = options.paths.empty() ? registry_directory(agent) : Result<std::vector<std::string>>(options.paths);
    if (!paths) return tl::make_unexpected(paths.error());
    auto services = services_of(agent, *paths);
    if (!services) return tl::make_unexpected(services.error());
    auto answer =
        agent.post("/v1/plan", {{"services", std::move(*services)}, {"complete", !options.is_partial}, {"of_files", true}});
    if (!answer) return tl::make_unexpected(answer.error());

    const auto& operations = array_at(*answer, "operations");
    Page page;
    page.blocks = {operations_table(operations)};
    page.verdict = operations.empty() ? "nothing would change"
                                      : counted(static_cast<std::int64_t>(operations.size()), "operation") + " would be applied";
    if (!operations.empty() && options.has_exit_code) page.exit = ExitCode::not_healthy;
    page.value = std::move(*answer);
    return page;
}

Result<Page> schema(std::string_view which) {
    const auto text = which == "registry" ? config::registry_schema() : config::settings_schema();
    Page page;
    page.value = json::parse({text.data(), text.size()}).as_object();
    page.blocks = {Lines{{}}};
    auto& lines = std::get<Lines>(page.blocks.front()).lines;
    auto pretty = std::string(text);
    for (std::size_t begin = 0; begin < pretty.size();) {
        const auto end = std::min(pretty.find('\n', begin), pretty.size());
        lines.push_back(pretty.substr(begin, end - begin));
        begin = end + 1;
    }
    return page;
}

void add_check(CLI::App& noun, Program& program) {
    auto* const verb = noun.add_subcommand("check", "Check files without an agent; exit 4 when one would be refused");
    const auto paths = std::make_shared<std::vector<std::string>>();
    verb->add_option("FILE", *paths, "Settings or files of the registry, or directories of the latter")->required();
    verb->footer(
        "Files with `services` at their top are checked as files of the registry, each and together; others as settings.\n\n"
        "Examples:\n"
        "  meshctl config check /etc/meshd/meshd.yaml /etc/meshd/services.d\n"
        "  meshctl config check new-service.yaml -o json");
    verb->callback([&program, paths] {
        program.chosen = [paths](const Agent& /*agent*/) -> Result<Page> { return check_page(check_files(*paths)); };
    });
}

void add_diff(CLI::App& noun, Program& program) {
    auto* const verb = noun.add_subcommand("diff", "Show what the agent would do if these were its services");
    const auto options = std::make_shared<DiffOptions>();
    verb->add_option("FILE", options->paths, "Files of the registry or directories of them; without: what the agent reads");
    verb->add_flag("--partial", options->is_partial, "These are not all services: those that are not named stay");
    verb->add_flag("--exit-code", options->has_exit_code, "Exit 4 when something would change");
    verb->footer(
        "Nothing is changed. The operations are those that the agent itself would apply.\n\n"
        "Examples:\n"
        "  meshctl config diff                            the registry's directory against the kernel\n"
        "  meshctl config diff new-service.yaml --partial\n"
        "  meshctl config diff ./services.d --exit-code -o json");
    verb->callback([&program, options] { program.chosen = [options](const Agent& agent) { return diff(agent, *options); }; });
}

void add_schema(CLI::App& noun, Program& program) {
    auto* const verb = noun.add_subcommand("schema", "Print the JSON schema of a kind of file");
    const auto which = std::make_shared<std::string>("settings");
    verb->add_option("KIND", *which, "settings (as without it) or registry")->check(CLI::IsMember({"settings", "registry"}));
    verb->footer(
        "Examples:\n"
        "  meshctl config schema > meshd.schema.json\n"
        "  meshctl config schema registry -o yaml");
    verb->callback([&program, which] { program.chosen = [which](const Agent& /*agent*/) { return schema(*which); }; });
}

}  // namespace

void add_config(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("config", "Files of the configuration and of the registry");
    noun->require_subcommand(1);
    add_check(*noun, program);
    add_diff(*noun, program);
    add_schema(*noun, program);
}

}  // namespace meshd::meshctl
