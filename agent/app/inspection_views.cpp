// SPDX-License-Identifier: Apache-2.0
// The answers for whoever looks for what is wrong with this node: features, examination, log, metrics.
#include <boost/json.hpp>

#include "app/examination.hpp"
#include "app/feature_view.hpp"
#include "app/log.hpp"
#include "app/metrics.hpp"
#include "app/views.hpp"
#include "base/time_text.hpp"
#include "config/settings_file.hpp"

namespace meshd::app {

namespace json = boost::json;

json::object Views::features() { return features_json(context_); }

base::Result<json::object> Views::examine() { return examination(context_, actions_.check_configuration()); }

json::object Views::log_tail() {
    json::array lines;
    for (auto& line : last_log_lines()) lines.emplace_back(std::move(line));
    return {{"lines", std::move(lines)}};
}

json::object Views::set_log_level(const control::LogLevelQuery& query) {
    actions_.set_log_level(query);
    const auto& until = context_.log_override ? context_.log_override->until : std::nullopt;
    return {{"level", config::name(query.level)}, {"until", until ? base::time_text(*until) : ""}};
}

void Views::metrics(control::Later later) {
    context_.flows->families([this, later = std::move(later)](json::array families) {
        for (auto& family : metric_families(context_)) families.push_back(std::move(family));
        later(json::serialize(json::object{{"families", std::move(families)}}));
    });
}

}  // namespace meshd::app
