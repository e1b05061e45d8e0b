// SPDX-License-Identifier: Apache-2.0
#include "model/flow_export_json.hpp"

#include <boost/json.hpp>

#include "model/members.hpp"

namespace meshd::model {

namespace json = boost::json;

namespace {

void add(json::object& object, const FlowChoice& choice) {
    json::array changes;
    for (std::size_t i = 0; i < flow_changes.size(); ++i)
        if (choice.changes[i]) changes.emplace_back(flow_changes[i]);
    object["events"] = std::move(changes);
    object["sample"] = choice.sample;
}

FlowChoice read_choice(Members& members) {
    FlowChoice choice{{false, false, false}, members.number<double>("sample", 0)};
    if (choice.sample > 1) members.wrong("sample", "a number from 0 to 1");
    for (const auto& item : members.array("events")) {
        const auto change = item.is_string() ? parse_flow_change(std::string_view(item.get_string())) : std::nullopt;
        if (change)
            choice.changes.at(static_cast<std::size_t>(*change)) = true;
        else
            members.wrong("events", "opened, closed or refused");
    }
    return choice;
}

std::map<std::string, std::string> read_headers(Members& members) {
    std::map<std::string, std::string> all;
    const auto& value = members.value("headers");
    if (!value.is_object()) {
        members.wrong("headers", "an object");
        return all;
    }
    for (const auto& [name, one] : value.get_object()) {
        if (one.is_string())
            all.emplace(name, std::string_view(one.get_string()));
        else
            members.wrong("headers", "an object of texts");
    }
    return all;
}

json::value member(const json::value& value, std::string_view key) {
    const auto* const found = value.is_object() ? value.get_object().if_contains(key) : nullptr;
    return found == nullptr ? json::value() : *found;
}

}  // namespace

json::object to_json(const FlowExport& flow_export) {
    const auto& log = flow_export.log;
    const auto& otlp = flow_export.otlp;
    json::object log_json{{"file", log.file}, {"rotate_size", log.rotate_size}, {"rotate_keep", log.rotate_keep}};
    add(log_json, log.choice);
    json::object headers;
    for (const auto& [name, value] : otlp.headers) headers[name] = value;
    json::object otlp_json{{"endpoint", otlp.endpoint},
                           {"headers", std::move(headers)},
                           {"ca", otlp.ca},
                           {"batch_records", otlp.batch_records},
                           {"batch_interval_ms", otlp.batch_interval.count()},
                           {"queue", otlp.queue}};
    add(otlp_json, otlp.choice);
    return {{"log", std::move(log_json)}, {"otlp", std::move(otlp_json)}};
}

base::Result<FlowExport> flow_export_from_json(const json::value& value) {
    FlowExport flow_export;
    const auto log_json = member(value, "log");
    Members log(log_json, "log");
    flow_export.log.file = log.text("file");
    flow_export.log.choice = read_choice(log);
    flow_export.log.rotate_size = log.number<std::uint64_t>("rotate_size", 1);
    flow_export.log.rotate_keep = log.number<std::uint32_t>("rotate_keep", 1);
    if (auto read = log.outcome(); !read) return tl::make_unexpected(read.error());
    const auto otlp_json = member(value, "otlp");
    Members otlp(otlp_json, "otlp");
    flow_export.otlp.endpoint = otlp.text("endpoint");
    flow_export.otlp.headers = read_headers(otlp);
    flow_export.otlp.ca = otlp.text("ca");
    flow_export.otlp.choice = read_choice(otlp);
    flow_export.otlp.batch_records = otlp.number<std::uint32_t>("batch_records", 1);
    flow_export.otlp.batch_interval = std::chrono::milliseconds(otlp.number<std::int64_t>("batch_interval_ms", 1));
    flow_export.otlp.queue = otlp.number<std::uint32_t>("queue", 1);
    if (auto read = otlp.outcome(); !read) return tl::make_unexpected(read.error());
    return flow_export;
}

}  // namespace meshd::model
