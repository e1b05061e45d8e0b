// SPDX-License-Identifier: Apache-2.0
#include "health/override_file.hpp"

#include <boost/json.hpp>

#include "health/kept_file.hpp"

namespace meshd::health {

namespace json = boost::json;

namespace {

constexpr int format_version = 1;

std::int64_t to_seconds(Clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

const json::value* member(const json::object& object, std::string_view key) { return object.if_contains(key); }

std::optional<Clock::time_point> time_of(const json::object& object, std::string_view key) {
    const auto* const value = member(object, key);
    if (value == nullptr || !value->is_int64()) return std::nullopt;
    return Clock::time_point(std::chrono::seconds(value->get_int64()));
}

std::string_view text_of(const json::object& object, std::string_view key) {
    const auto* const value = member(object, key);
    return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view{};
}

bool read_one(const json::value& value, Overrides& overrides) {
    const auto* const object = value.if_object();
    if (object == nullptr) return false;
    const auto endpoint = base::SocketAddress::parse(text_of(*object, "backend"));
    const auto state = model::parse_backend_state(text_of(*object, "state"));
    const auto since = time_of(*object, "since_s");
    const auto service = text_of(*object, "service");
    if (!endpoint || !state || !since || !model::is_service_name(service)) return false;
    overrides[{std::string(service), *endpoint}] = {*state, *since, time_of(*object, "until_s")};
    return true;
}

}  // namespace

std::string overrides_text(const Overrides& overrides) {
    json::array rows;
    for (const auto& [backend, word] : overrides) {
        json::object row{{"service", backend.service},
                         {"backend", backend.endpoint.text()},
                         {"state", model::name(word.state)},
                         {"since_s", to_seconds(word.since)}};
        if (word.until) row.emplace("until_s", to_seconds(*word.until));
        rows.emplace_back(std::move(row));
    }
    return json::serialize(json::object{{"format", format_version}, {"overrides", std::move(rows)}}) + "\n";
}

base::Result<Overrides> parse_overrides(std::string_view text, const std::string& file) {
    const auto bad = [&](const std::string& why) {
        return base::fail({"read", file, 0, why, "states that people gave to backends are forgotten; give them again"});
    };
    boost::system::error_code error;
    const auto value = json::parse({text.data(), text.size()}, error);
    if (error) return bad("no JSON: " + error.message());
    const auto* const object = value.if_object();
    const auto* const format = object != nullptr ? member(*object, "format") : nullptr;
    const auto* const rows = object != nullptr ? member(*object, "overrides") : nullptr;
    if (format == nullptr || *format != format_version || rows == nullptr || !rows->is_array())
        return bad("not of format " + std::to_string(format_version));
    Overrides overrides;
    for (const auto& row : rows->get_array())
        if (!read_one(row, overrides)) return bad("a backend of it is not as it should be");
    return overrides;
}

base::Result<void> OverrideFile::save(const Overrides& overrides) const {
    return write_kept_file(directory_, path_, overrides_text(overrides));
}

base::Result<Overrides> OverrideFile::load() const {
    const auto text = read_kept_file(path_);
    if (!text) return tl::make_unexpected(text.error());
    if (!*text) return Overrides{};
    return parse_overrides(**text, path_);
}

}  // namespace meshd::health
