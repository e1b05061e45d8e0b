// SPDX-License-Identifier: Apache-2.0
#include "app/drift_view.hpp"

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <boost/json/array.hpp>

#include "app/views.hpp"
#include "base/time_text.hpp"
#include "reconcile/reconciler.hpp"
#include "sockets/view.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

// The worker's report has been checked for no more than that its items are objects with a name.
std::string text_of(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string{};
}

std::int64_t number_of(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

template <typename Take>
void for_each(const json::object& object, std::string_view key, Take take) {
    const auto* const list = object.if_contains(key);
    if (list == nullptr || !list->is_array()) return;
    for (const auto& item : list->get_array())
        if (item.is_object()) take(item.get_object());
}

// What one registry says and the desired state has not, by the worker's report.
void append_differences(const json::object& registry, json::array& rows) {
    const auto add = [&, name = text_of(registry, "name")](std::string_view difference, std::string object, std::string detail,
                                                           std::string since) {
        rows.push_back(json::object{{"registry", name},
                                    {"difference", difference},
                                    {"object", std::move(object)},
                                    {"detail", std::move(detail)},
                                    {"since", std::move(since)}});
    };
    if (const auto state = text_of(registry, "state"); state != "ok")
        add(state, "", text_of(registry, "error"), text_of(registry, "since"));
    for_each(registry, "held", [&](const json::object& held) {
        add("held", text_of(held, "what"), fmt::format("from {} to {} backends", number_of(held, "from"), number_of(held, "to")),
            text_of(held, "since"));
    });
    for_each(registry, "refused",
             [&](const json::object& refused) { add("refused", text_of(refused, "object"), text_of(refused, "error"), ""); });
    for_each(registry, "hidden", [&](const json::object& hidden) {
        // A service, or "settings of" one.
        auto object = text_of(hidden, "service");
        if (object.find(' ') == std::string::npos) object.insert(0, "service ");
        add("hidden", std::move(object), fmt::format("{} has {}", text_of(hidden, "by"), text_of(hidden, "why")), "");
    });
}

json::object registries_json(const json::array& report) {
    json::array differences, missed;
    std::int64_t count = 0;
    for (const auto& item : report) {
        const auto& registry = item.as_object();
        const auto before = differences.size();
        append_differences(registry, differences);
        // What the worker did not list for its number counts, too.
        count += static_cast<std::int64_t>(differences.size() - before);
        for (const std::string_view kind : {"held", "refused", "hidden"}) {
            const auto* const list = registry.if_contains(kind);
            const auto listed = list != nullptr && list->is_array() ? static_cast<std::int64_t>(list->get_array().size()) : 0;
            count += std::max(number_of(registry, std::string(kind) + "_count") - listed, std::int64_t{0});
        }
        if (const auto total = number_of(registry, "missed_total"); total > 0) {
            const auto* const services = registry.if_contains("missed");
            missed.push_back(json::object{{"registry", text_of(registry, "name")},
                                          {"total", total},
                                          {"last_at", text_of(registry, "missed_at")},
                                          {"services", services != nullptr ? *services : json::array{}}});
        }
    }
    return {{"count", count}, {"differences", std::move(differences)}, {"missed", std::move(missed)}};
}

json::array pending_json(const reconcile::Reconciler& reconciler) {
    json::array rows;
    for (const auto& [service, why] : reconciler.pending()) rows.push_back(json::object{{"service", service}, {"message", why}});
    return rows;
}

}  // namespace

json::object drift_json(const Context& context) {
    const auto& figures = context.reconciler->figures();
    const auto& last = context.reconciler->last_drift();
    json::value last_json = nullptr;
    if (last) last_json = json::object{{"at", base::time_text(last->at)}, {"operations", operations_json(last->operations)}};
    return {{"registries", registries_json(context.registries)},
            {"pending", pending_json(*context.reconciler)},
            {"last_check_at", base::time_text(figures.last_check_at)},
            {"interval_s", static_cast<double>(context.settings.reconcile_interval.count()) / 1000},
            {"checks_total", figures.checks},
            {"repaired_total", figures.drift_operations},
            {"last", std::move(last_json)},
            {"stale_sockets", sockets::drift_json(*context.stale_sockets)}};
}

}  // namespace meshd::app
