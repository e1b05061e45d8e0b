// SPDX-License-Identifier: Apache-2.0
#include "app/edge_view.hpp"

#include <string>

#include <boost/json.hpp>

#include "app/edge_setup.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

// What the worker has told of it; empty: nothing yet.
json::object told_of(const Context& context, const std::string& name) {
    for (const auto& item : context.edge_report)
        if (const auto* const row = item.if_object(); row != nullptr && row->at("name") == json::value(name)) return *row;
    return {};
}

json::value member(const json::object& told, std::string_view key, const json::value& otherwise) {
    const auto* const found = told.if_contains(key);
    return found == nullptr ? otherwise : *found;
}

}  // namespace

json::object edge_json(const Context& context) {
    json::array rows;
    for (const auto& listener : context.settings.edge) {
        const auto told = told_of(context, listener.name);
        const auto problem = context.edge->problem(listener.name);
        rows.emplace_back(json::object{{"name", listener.name},
                                       {"listen", listener.listen.text()},
                                       {"profile", model::name(listener.profile)},
                                       {"strict_names", listener.strict_names},
                                       {"state", problem.empty() ? "open" : "failing"},
                                       {"problem", problem},
                                       {"open", member(told, "open", 0)},
                                       {"connections", member(told, "connections", 0)},
                                       {"routes", member(told, "routes", json::array{})},
                                       {"acme", member(told, "acme", json::array{})}});
    }
    return {{"listeners", std::move(rows)}};
}

}  // namespace meshd::app
