// SPDX-License-Identifier: Apache-2.0
#include "store_pages.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "config/tree_json.hpp"
#include "config_files.hpp"
#include "line_diff.hpp"

namespace meshd::meshctl {

namespace {

using store::Effect;

Page page_of(const store::Store& store, const store::Plan& plan, Doing doing) {
    const auto* const remark = doing == Doing::only_show ? " (dry run)" : "";
    Lines lines;
    json::array objects;
    for (const auto& step : plan) {
        lines.lines.push_back(fmt::format("{} {}{}", step.object.text(), store::name(step.effect), remark));
        const bool is_changed =
            step.effect == Effect::configured || step.effect == Effect::created || step.effect == Effect::deleted;
        if (doing == Doing::only_show && is_changed)
            for (auto& line : line_diff(step.before, step.after)) lines.lines.push_back("  " + std::move(line));
        objects.push_back({{"kind", store::words(step.object.kind).name},
                           {"name", step.object.name},
                           {"where", store.where(step.object)},
                           {"result", store::name(step.effect)}});
    }
    Page page;
    page.blocks = {std::move(lines)};
    page.value = {{"store", store.name()}, {"dry_run", doing == Doing::only_show}, {"objects", std::move(objects)}};
    return page;
}

// Plans, and writes when that is wanted.
base::Result<store::Plan> carry_out(store::Store& store, const store::Planner& planner, Doing doing) {
    if (doing == Doing::write) return store::carry_out(store, planner);
    const auto items = store.list();
    if (!items) return base::fail(items.error());
    return planner(*items);
}

json::object row_of(const store::Item& item) {
    const auto read = config::parse_registry_file(item.text, item.where);
    return {{"kind", store::words(item.object.kind).name},
            {"name", item.object.name},
            {"where", item.where},
            {"version", item.version},
            {"state", read ? item.state : "refused"},
            {"error", read ? "" : read.error().message()}};
}

std::vector<std::string> lines_in(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

}  // namespace

Result<Page> apply_to(store::Store& store, const std::vector<store::Declared>& declared, Doing doing) {
    auto wanted = declared;
    for (auto& one : wanted) one.text = store.as_kept(one.text);
    std::vector<base::Error> conflicts;
    const auto planner = [&](const std::vector<store::Item>& items) -> base::Result<store::Plan> {
        conflicts = store::conflicts(wanted, items);
        if (!conflicts.empty()) return base::fail(conflicts.front());
        return store::plan_apply(wanted, items);
    };
    const auto plan = carry_out(store, planner, doing);
    if (plan) return page_of(store, *plan, doing);
    if (conflicts.empty()) return meshctl::fail(plan.error());
    Failure failure{ExitCode::failed, "nothing was written, the nodes would refuse this:", {}, {}};
    for (const auto& conflict : conflicts) failure.details.push_back(error_line(conflict));
    return tl::make_unexpected(std::move(failure));
}

Result<Page> delete_from(store::Store& store, const std::vector<store::Object>& objects, Missing missing, Doing doing) {
    bool is_first = true;
    std::vector<std::string> unknown;
    const auto planner = [&](const std::vector<store::Item>& items) -> base::Result<store::Plan> {
        auto plan = store::plan_delete(objects, items);
        // What is gone when it is looked at again somebody else has deleted.
        if (is_first && missing == Missing::is_an_error)
            for (const auto& step : plan)
                if (step.effect == Effect::missing) unknown.push_back(step.object.text());
        is_first = false;
        if (!unknown.empty()) return base::fail({"delete", unknown.front(), 0, "it is not there", {}});
        return plan;
    };
    const auto plan = carry_out(store, planner, doing);
    if (plan) return page_of(store, *plan, doing);
    if (unknown.empty()) return meshctl::fail(plan.error());
    return tl::make_unexpected(
        Failure{ExitCode::failed, fmt::format("nothing was deleted, registry {} does not have these:", store.name()),
                "`meshctl get` tells what there is; with --ignore-not-found they are taken for deleted", std::move(unknown)});
}

Result<Page> list_of(store::Store& store, std::optional<store::Kind> kind) {
    const auto items = store.list();
    if (!items) return meshctl::fail(items.error());
    json::array rows;
    for (const auto& item : *items)
        if (!kind || item.object.kind == *kind) rows.push_back(row_of(item));
    Page page;
    page.verdict = counted(static_cast<std::int64_t>(rows.size()), "object") + " in registry " + store.name();
    page.value = {{"store", store.name()}, {"objects", rows}};
    page.blocks = {
        Table{{text_column("KIND", "kind"), text_column("NAME", "name"), text_column("WHERE", "where"),
               text_column("STATE", "state"), text_column("VERSION", "version").wide(), text_column("ERROR", "error").wide()},
              std::move(rows),
              Shown::always,
              {}}};
    return page;
}

Result<Page> show_of(store::Store& store, const store::Object& object) {
    const auto items = store.list();
    if (!items) return meshctl::fail(items.error());
    const auto item = std::find_if(items->begin(), items->end(), [&](const store::Item& one) { return one.object == object; });
    if (item == items->end())
        return fail(ExitCode::failed, fmt::format("{} is not in registry {}", object.text(), store.name()),
                    "`meshctl get` tells what there is");
    const auto row = row_of(*item);
    Page page;
    page.yaml = item->text;
    const auto tree = config::Tree::parse(item->text, item->where);
    const auto value = tree ? config::to_json(tree->root()) : json::value();
    page.value = value.is_object() ? value.get_object() : json::object{{"text", item->text}};
    page.blocks = {Facts{{{"Object", object.text()},
                          {"Where", item->where},
                          {"State", text_at(row, "state")},
                          {"Error", text_at(row, "error"), Shown::when_wide},
                          {"Version", item->version, Shown::when_wide}}},
                   Lines{lines_in(item->text)}};
    return page;
}

}  // namespace meshd::meshctl
