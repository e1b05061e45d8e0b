// SPDX-License-Identifier: Apache-2.0
#include "app/announcement_setup.hpp"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>

#include "app/drained_file.hpp"
#include "base/time_text.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

const json::object* told(const Context& context, std::string_view id) {
    for (const auto& row : context.announcements)
        if (row.at("id").as_string() == id) return &row.get_object();
    return nullptr;
}

// The worker has not told of it yet.
json::object untold(const Context& context, const model::Announcement& what) {
    const auto& consul = context.settings.registries.consul;
    const bool is_consul = std::any_of(consul.begin(), consul.end(), [&](const auto& one) { return one.name == what.registry; });
    return {{"id", what.id()},
            {"name", what.name},
            {"registry", what.registry},
            {"kind", is_consul ? "consul" : "etcd"},
            {"address", what.endpoint.address.text()},
            {"port", what.endpoint.port},
            {"state", "pending"},
            {"error", ""},
            {"since", base::time_text(context.started_at)},
            {"probe", ""},
            {"known", false}};
}

}  // namespace

json::array announcement_rows(const Context& context) {
    json::array rows;
    for (const auto& what : context.settings.announcements) {
        const auto* const found = told(context, what.id());
        auto& row = rows.emplace_back(found != nullptr ? *found : untold(context, what)).get_object();
        row["drained"] = context.drained.contains(what.name);
    }
    return rows;
}

std::vector<std::string> known_announcements(const Context& context) {
    std::vector<std::string> ids;
    for (const auto& row : context.announcements) {
        const auto* const known = row.get_object().if_contains("known");
        if (known != nullptr && *known == true) ids.emplace_back(std::string_view(row.at("id").as_string()));
    }
    return ids;
}

void AnnouncementSetup::load() {
    auto loaded = DrainedFile(context_.settings.state_directory).load();
    if (loaded) {
        context_.drained = std::move(*loaded);
        return;
    }
    const auto remedy = std::exchange(loaded.error().remedy, {});
    context_.degradations.set("announcements", loaded.error().message(), remedy);
}

base::Result<bool> AnnouncementSetup::set_drained(const std::string& name, bool is_drained) {
    const auto& all = context_.settings.announcements;
    const bool is_named = std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
    auto names = context_.drained;
    if (is_drained ? !is_named : !is_named && !names.contains(name)) return false;
    if (is_drained)
        names.insert(name);
    else
        names.erase(name);
    // Nobody is told that it holds when it would not after a restart.
    if (auto saved = DrainedFile(context_.settings.state_directory).save(names); !saved)
        return tl::make_unexpected(saved.error());
    context_.degradations.clear("announcements");
    if (std::exchange(context_.drained, names) != names) changed_();
    return true;
}

}  // namespace meshd::app
