// SPDX-License-Identifier: Apache-2.0
#include "value.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <fmt/format.h>

namespace meshd::meshctl {

namespace {

constexpr const char* nothing = "-";

std::string text_of(const json::value& value) {
    switch (value.kind()) {
        case json::kind::string:
            return value.get_string().empty() ? nothing : std::string(value.get_string());
        case json::kind::bool_:
            return value.get_bool() ? "yes" : "no";
        case json::kind::int64:
            return std::to_string(value.get_int64());
        case json::kind::uint64:
            return std::to_string(value.get_uint64());
        case json::kind::double_:
            return fmt::format("{}", value.get_double());
        case json::kind::array:
            return join(value.get_array());
        case json::kind::null:
        case json::kind::object:
            break;
    }
    return nothing;
}

std::optional<double> real_at(const json::object& object, std::string_view path) {
    const auto* const value = find(object, path);
    if (value == nullptr || !value->is_number()) return std::nullopt;
    return value->to_number<double>();
}

}  // namespace

const json::value* find(const json::object& object, std::string_view path) {
    const auto* inside = &object;
    for (;;) {
        const auto dot = path.find('.');
        const auto name = path.substr(0, dot);
        const auto* const value = inside->if_contains(json::string_view(name.data(), name.size()));
        if (value == nullptr || dot == std::string_view::npos) return value;
        if (!value->is_object()) return nullptr;
        inside = &value->get_object();
        path.remove_prefix(dot + 1);
    }
}

const json::object& object_at(const json::object& object, std::string_view path) {
    static const json::object none;
    const auto* const value = find(object, path);
    return value != nullptr && value->is_object() ? value->get_object() : none;
}

const json::array& array_at(const json::object& object, std::string_view path) {
    static const json::array none;
    const auto* const value = find(object, path);
    return value != nullptr && value->is_array() ? value->get_array() : none;
}

std::int64_t number_at(const json::object& object, std::string_view path) {
    const auto* const value = find(object, path);
    if (value == nullptr) return 0;
    json::error_code error;
    const auto number = value->to_number<std::int64_t>(error);
    return error ? 0 : number;
}

bool is_true(const json::object& object, std::string_view path) {
    const auto* const value = find(object, path);
    return value != nullptr && value->is_bool() && value->get_bool();
}

std::string text_at(const json::object& object, std::string_view path) {
    const auto* const value = find(object, path);
    return value == nullptr ? nothing : text_of(*value);
}

std::string bytes_text(double bytes) {
    static constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    for (; bytes >= 1024 && unit + 1 < units.size(); ++unit) bytes /= 1024;
    return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, units.at(unit));
}

std::string bytes_at(const json::object& object, std::string_view path) {
    const auto bytes = real_at(object, path);
    return bytes ? bytes_text(*bytes) : nothing;
}

std::string share_at(const json::object& object, std::string_view path) {
    const auto share = real_at(object, path);
    return share ? fmt::format("{:.1f} %", *share * 100) : nothing;
}

std::string seconds_at(const json::object& object, std::string_view path) {
    const auto seconds = real_at(object, path);
    if (!seconds) return nothing;
    const auto whole = static_cast<std::int64_t>(std::clamp(*seconds, 0.0, 1e15));
    if (whole >= 86400) return fmt::format("{}d {}h", whole / 86400, whole % 86400 / 3600);
    if (whole >= 3600) return fmt::format("{}h {}min", whole / 3600, whole % 3600 / 60);
    if (whole >= 60) return fmt::format("{}min {}s", whole / 60, whole % 60);
    return fmt::format("{:.{}f}s", *seconds, *seconds == std::floor(*seconds) ? 0 : 1);
}

std::string microseconds_at(const json::object& object, std::string_view path) {
    const auto microseconds = real_at(object, path);
    if (!microseconds) return nothing;
    if (*microseconds >= 1e6) return fmt::format("{:.2f} s", *microseconds / 1e6);
    if (*microseconds >= 1e3) return fmt::format("{:.1f} ms", *microseconds / 1e3);
    return fmt::format("{:.0f} µs", *microseconds);
}

std::string counted(std::int64_t count, std::string_view singular, std::string_view plural) {
    if (count == 1) return fmt::format("1 {}", singular);
    return plural.empty() ? fmt::format("{} {}s", count, singular) : fmt::format("{} {}", count, plural);
}

std::string join(const json::array& items, std::string_view between) {
    std::string text;
    for (const auto& item : items) text.append(text.empty() ? "" : between).append(text_of(item));
    return text.empty() ? nothing : text;
}

std::string endpoint_text(std::string_view address, std::int64_t port) {
    const bool is_v6 = address.find(':') != std::string_view::npos;
    return is_v6 ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

}  // namespace meshd::meshctl
