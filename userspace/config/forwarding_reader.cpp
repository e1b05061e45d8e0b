// SPDX-License-Identifier: Apache-2.0
#include "config/forwarding_reader.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "config/characters.hpp"
#include "config/duration.hpp"
#include "model/misfit.hpp"

namespace meshd::config {

namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 3> forwards{"nat", "dsr", "off"};
constexpr std::array<std::string_view, 5> timeout_keys{"opening", "established", "closing", "closed", "udp"};
constexpr DurationRange timeout_range{1s, 168h, "a time from 1s to 168h (units: ms, s, m, h)"};
constexpr DurationRange affinity_range{1s, 24h, "0 or a time from 1s to 24h (units: ms, s, m, h)"};

}  // namespace

void read_devices(Document& document, const MappingReader& top, std::vector<std::string>& result) {
    constexpr std::string_view expected = "the name of a device or a pattern of at most 15 characters";
    const auto list = top.find("devices");
    if (!list.exists() || !expect_list(document, list, "\"devices\"", "names of devices")) return;
    if (list.size() > max_device_patterns) {
        document.refuse(list.mark(),
                        fmt::format("\"devices\" must have at most {} names, found {}", max_device_patterns, list.size()));
        return;
    }
    for (const auto item : list) {
        const auto text = read_text(document, item, "a device", expected);
        if (!text) return;
        if (!is_device_pattern(*text)) {
            refuse_value(document, item, "a device", expected);
            return;
        }
        if (std::find(result.begin(), result.end(), *text) != result.end()) {
            document.refuse(item.mark(), fmt::format("device {} is given twice", quote(*text)));
            return;
        }
        result.emplace_back(*text);
    }
    const bool only_excludes =
        !result.empty() && std::all_of(result.begin(), result.end(), [](const auto& one) { return one.starts_with('!'); });
    if (only_excludes)
        document.refuse(list.mark(), "\"devices\" only excludes devices, so that none is left",
                        "name some before, such as \"*\"");
}

void read_forwarding(Document& document, const MappingReader& section, Forwarding& result) {
    section.choice("default", result.mode, forwards, model::parse_forward);
    section.choice("masquerade", result.masquerade, masquerades, parse_masquerade);
    section.choice("no_backend", result.no_backend, no_backends, parse_no_backend);
    if (const auto value = section.find("ports"); value.exists()) {
        const auto range = value.kind() == Kind::scalar ? parse_port_range(value.text()) : std::nullopt;
        if (range)
            result.ports = *range;
        else
            refuse_value(document, value, "\"ports\"", "two ports with a dash between them, such as 61001-65535");
    }
    const auto timeouts = section.find("timeouts");
    if (!timeouts.exists()) return;
    if (timeouts.kind() == Kind::nothing) {
        refuse_value(document, timeouts, "\"timeouts\"", "a mapping", "remove the key or put something into it");
        return;
    }
    MappingReader times(document, timeouts, "\"timeouts\"", timeout_keys);
    read_duration(document, times, "opening", result.timeouts.opening, timeout_range);
    read_duration(document, times, "established", result.timeouts.established, timeout_range);
    read_duration(document, times, "closing", result.timeouts.closing, timeout_range);
    read_duration(document, times, "closed", result.timeouts.closed, timeout_range);
    read_duration(document, times, "udp", result.timeouts.udp, timeout_range);
}

void read_forwarding(Document& document, const MappingReader& service, model::ServiceSettings& result) {
    service.given("forward", result.forward,
                  [&](auto key, auto& forward) { return service.choice(key, forward, forwards, model::parse_forward); });
    const auto affinity = service.find("affinity");
    if (!affinity.exists()) return;
    std::chrono::milliseconds time{};
    if (affinity.kind() != Kind::scalar || affinity.text() != "0")
        read_duration(document, service, "affinity", time, affinity_range);
    result.affinity_s = static_cast<std::uint32_t>((time + 999ms) / 1s);
}

void check_direct_return(Document& document, const ReadService& read) {
    if (!document.ok()) return;
    if (auto misfit = model::find_direct_return_misfit(read.service))
        document.refuse(misfit->backend ? read.backends[*misfit->backend] : read.marks.name, std::move(misfit->detail),
                        std::move(misfit->remedy));
}

}  // namespace meshd::config
