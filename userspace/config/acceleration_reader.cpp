// SPDX-License-Identifier: Apache-2.0
#include "config/acceleration_reader.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "config/backend_reader.hpp"
#include "config/byte_size.hpp"
#include "config/characters.hpp"
#include "config/plain_scalar.hpp"
#include "config/system_names.hpp"

namespace meshd::config {

namespace {

constexpr Range uid_range{0, std::numeric_limits<std::uint32_t>::max() - 1};  // (uid_t)-1 is nobody's
constexpr ByteSizeRange memory_range{min_acceleration_memory, max_acceleration_memory,
                                     "a size from 1MiB to 1024GiB (units: KiB, MiB, GiB)"};

void read_service_name(Document& document, const MappingReader& item, std::string& result) {
    if (!item.text("service", result) || model::is_service_name(result)) return;
    refuse_value(document, item.find("service"), "\"service\"", "the name of a service");
}

void read_user(Document& document, const MappingReader& item, std::string& result) {
    const auto value = item.find("user");
    const bool is_uid = value.kind() == Kind::scalar && plain_type(value.text()) == PlainType::number;
    if (!is_uid) return read_account(document, item, "user", result, "the name of an account or a uid");
    if (const auto uid = read_number(document, value, "\"user\"", uid_range)) result = std::to_string(*uid);
}

Exclusion read_exclusion(Document& document, Value value) {
    Exclusion exclusion;
    MappingReader item(document, value, "an exclusion", exclusion_kinds);
    if (!document.ok()) return exclusion;
    const auto count = std::count_if(exclusion_kinds.begin(), exclusion_kinds.end(), [&](auto key) { return item.has(key); });
    if (count != 1) {
        document.refuse(item.mark(),
                        fmt::format("an exclusion must have one of the keys {}, found {}", join(exclusion_kinds, "or"), count),
                        count > 1 ? "write an item of the list for each" : "");
        return exclusion;
    }
    if (item.has("service")) {
        exclusion.kind = Exclusion::Kind::service;
        read_service_name(document, item, exclusion.text);
    } else if (item.has("port")) {
        exclusion.kind = Exclusion::Kind::port;
        std::uint16_t port = 0;
        if (item.number("port", port, port_range)) exclusion.text = std::to_string(port);
    } else if (item.has("cgroup")) {
        exclusion.kind = Exclusion::Kind::cgroup;
        read_path(document, item, "cgroup", exclusion.text, {.expected = "an absolute path without \"..\"", .may_go_up = false});
    } else {
        exclusion.kind = Exclusion::Kind::user;
        read_user(document, item, exclusion.text);
    }
    return exclusion;
}

void read_exclude(Document& document, const MappingReader& section, std::vector<Exclusion>& result) {
    const auto list = section.find("exclude");
    if (!list.exists() || !expect_list(document, list, "\"exclude\"", "exclusions")) return;
    if (list.size() > max_exclusions) {
        document.refuse(list.mark(),
                        fmt::format("\"exclude\" must have at most {} exclusions, found {}", max_exclusions, list.size()));
        return;
    }
    std::vector<std::uint32_t> lines;
    result.reserve(list.size());
    for (const auto value : list) {
        auto exclusion = read_exclusion(document, value);
        if (!document.ok()) return;
        const auto earlier = std::find(result.begin(), result.end(), exclusion) - result.begin();
        if (static_cast<std::size_t>(earlier) < result.size()) {
            document.refuse(value.mark(), fmt::format("{} {} is excluded twice, first in line {}", name(exclusion.kind),
                                                      quote(exclusion.text), lines[static_cast<std::size_t>(earlier)]));
            return;
        }
        result.push_back(std::move(exclusion));
        lines.push_back(value.mark().line);
    }
}

}  // namespace

void read_acceleration(Document& document, const MappingReader& section, Acceleration& result) {
    section.choice("mode", result.mode, acceleration_modes, parse_acceleration_mode);
    section.choice("default", result.scope, acceleration_defaults, parse_acceleration_default);
    read_byte_size(document, section, "memory", result.memory_bytes, memory_range);
    read_exclude(document, section, result.exclude);
}

// true and false are what a writer of YAML 1.1 makes of on and off, so they are refused with the word to write, not taken for it.
void read_acceleration(Document& document, const MappingReader& service, model::Acceleration& result) {
    static constexpr std::array<std::string_view, 1> keys{"fionread"};
    static constexpr std::array<std::string_view, 1> words{"accept"};
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> remedies{
        {{"true", "write \"on\""},
         {"false", "write \"off\""},
         {"auto", "remove the key, so that the configuration's default holds"}}};
    const auto value = service.find("acceleration");
    if (!value.exists()) return;
    if (value.kind() == Kind::mapping) {
        MappingReader details(document, value, "\"acceleration\"", keys);
        details.require("fionread");
        details.choice("fionread", result, words, [](std::string_view text) {
            return text == "accept" ? std::optional(model::Acceleration::fionread_accepted) : std::nullopt;
        });
        return;
    }
    const auto text = value.kind() == Kind::scalar ? value.text() : std::string_view{};
    if (text == "on" || text == "off") {
        result = text == "on" ? model::Acceleration::named : model::Acceleration::off;
        return;
    }
    const auto* const known =
        std::find_if(remedies.begin(), remedies.end(), [&](const auto& item) { return item.first == text; });
    refuse_value(document, value, "\"acceleration\"", "on, off or {fionread: accept}",
                 known == remedies.end() ? std::string{} : std::string(known->second));
}

}  // namespace meshd::config
