// SPDX-License-Identifier: Apache-2.0
#include "model/flow_export_json.hpp"

#include <limits>

#include <boost/json.hpp>

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

// Reads members of one object and remembers the first that is wrong.
class Members {
public:
    Members(const json::value& value, std::string where) : where_(std::move(where)) {
        if (value.is_object())
            object_ = &value.get_object();
        else
            wrong("", "an object");
    }

    std::string text(std::string_view key) {
        const auto* const value = find(key);
        if (value != nullptr && value->is_string()) return std::string(std::string_view(value->get_string()));
        wrong(key, "text");
        return {};
    }

    template <typename Number>
    Number number(std::string_view key, Number least) {
        const auto* const value = find(key);
        boost::system::error_code error;
        if (value != nullptr && value->is_number())
            if (const auto number = value->to_number<Number>(error); !error && number >= least) return number;
        wrong(key, "a number in range");
        return least;
    }

    FlowChoice choice() {
        FlowChoice choice{{false, false, false}, number<double>("sample", 0)};
        if (choice.sample > 1) wrong("sample", "a number from 0 to 1");
        const auto* const list = find("events");
        if (list == nullptr || !list->is_array()) {
            wrong("events", "an array");
            return choice;
        }
        for (const auto& item : list->get_array()) {
            const auto change = item.is_string() ? parse_flow_change(std::string_view(item.get_string())) : std::nullopt;
            if (change)
                choice.changes.at(static_cast<std::size_t>(*change)) = true;
            else
                wrong("events", "opened, closed or refused");
        }
        return choice;
    }

    std::map<std::string, std::string> texts(std::string_view key) {
        std::map<std::string, std::string> all;
        const auto* const value = find(key);
        if (value == nullptr || !value->is_object()) {
            wrong(key, "an object");
            return all;
        }
        for (const auto& [name, one] : value->get_object()) {
            if (one.is_string())
                all.emplace(name, std::string_view(one.get_string()));
            else
                wrong(key, "an object of texts");
        }
        return all;
    }

    [[nodiscard]] base::Result<void> outcome() const {
        if (error_.detail.empty()) return {};
        return base::fail(error_);
    }

private:
    const json::value* find(std::string_view key) { return object_ == nullptr ? nullptr : object_->if_contains(key); }
    void wrong(std::string_view key, std::string_view expected) {
        if (error_.detail.empty())
            error_ = {"read settings of", where_ + "." + std::string(key), 0, "expected " + std::string(expected), {}};
    }

    const json::object* object_ = nullptr;
    std::string where_;
    base::Error error_;
};

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
    flow_export.log.choice = log.choice();
    flow_export.log.rotate_size = log.number<std::uint64_t>("rotate_size", 1);
    flow_export.log.rotate_keep = log.number<std::uint32_t>("rotate_keep", 1);
    if (auto read = log.outcome(); !read) return tl::make_unexpected(read.error());
    const auto otlp_json = member(value, "otlp");
    Members otlp(otlp_json, "otlp");
    flow_export.otlp.endpoint = otlp.text("endpoint");
    flow_export.otlp.headers = otlp.texts("headers");
    flow_export.otlp.ca = otlp.text("ca");
    flow_export.otlp.choice = otlp.choice();
    flow_export.otlp.batch_records = otlp.number<std::uint32_t>("batch_records", 1);
    flow_export.otlp.batch_interval = std::chrono::milliseconds(otlp.number<std::int64_t>("batch_interval_ms", 1));
    flow_export.otlp.queue = otlp.number<std::uint32_t>("queue", 1);
    if (auto read = otlp.outcome(); !read) return tl::make_unexpected(read.error());
    return flow_export;
}

}  // namespace meshd::model
