// SPDX-License-Identifier: Apache-2.0
#include "config/health_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "config/backend_reader.hpp"
#include "config/characters.hpp"
#include "config/duration.hpp"
#include "config/eject_reader.hpp"
#include "config/percent.hpp"

namespace meshd::config {

namespace {

using namespace std::chrono_literals;
using model::Probe;
using model::ProbeType;

constexpr std::array<std::string_view, 3> health_keys{"probe", "eject", "panic"};
constexpr PercentRange panic_range{0, 100, "a share of the backends from 0% to 100%"};
constexpr std::array<std::string_view, 16> probe_keys{"type",   "path",    "host",      "status", "body",     "ca",
                                                      "tls",    "service", "command",   "port",   "interval", "timeout",
                                                      "jitter", "healthy", "unhealthy", "initial"};
constexpr std::array<std::string_view, 6> types{"tcp", "http", "http2", "https", "grpc", "exec"};
constexpr std::array<std::string_view, 2> initials{"healthy", "unhealthy"};
constexpr DurationRange interval_range{100ms, 1h, "a time from 100ms to 1h (units: ms, s, m, h)"};
constexpr DurationRange timeout_range{1ms, 1h, "a time from 1ms to 1h (units: ms, s, m, h)"};
constexpr double most_jitter = 0.5;

// Which types a key belongs to; keys that are not here belong to all.
struct Belonging {
    std::string_view key;
    std::string_view types;  // for the error
    bool (*to)(const Probe& probe);
};

bool is_http(const Probe& probe) {
    return probe.type == ProbeType::http || probe.type == ProbeType::http2 || probe.type == ProbeType::https;
}
bool is_asked(const Probe& probe) { return is_http(probe) || probe.type == ProbeType::grpc; }
bool is_grpc(const Probe& probe) { return probe.type == ProbeType::grpc; }
bool has_tls(const Probe& probe) { return probe.type == ProbeType::https || (is_grpc(probe) && probe.tls); }
bool is_exec(const Probe& probe) { return probe.type == ProbeType::exec; }

constexpr std::array<Belonging, 8> belongings{{{"path", "http, http2 or https", is_http},
                                               {"host", "http, http2, https or grpc", is_asked},
                                               {"status", "http, http2 or https", is_http},
                                               {"body", "http, http2 or https", is_http},
                                               {"ca", "https, or grpc with \"tls: true\"", has_tls},
                                               {"tls", "grpc", is_grpc},
                                               {"service", "grpc", is_grpc},
                                               {"command", "exec", is_exec}}};

void check_keys(Document& document, const MappingReader& object, const Probe& probe) {
    for (const auto& [key, of_types, to] : belongings)
        if (const auto value = object.find(key); value.exists() && !to(probe))
            document.refuse(value.mark(), fmt::format("\"{}\" belongs to a probe of type {}", key, of_types),
                            "remove it, or change \"type\"");
}

void read_probe_text(Document& document, const MappingReader& object, std::string_view key, std::string& result) {
    if (!object.text(key, result)) return;
    if (result.empty() || result.size() > model::max_probe_text)
        refuse_value(document, object.find(key), fmt::format("\"{}\"", key),
                     fmt::format("text of 1 to {} bytes", model::max_probe_text));
}

// What stands in the head of a request.
void check_visible(Document& document, const MappingReader& object, std::string_view key, const std::string& text) {
    const bool visible = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (!visible)
        refuse_value(document, object.find(key), fmt::format("\"{}\"", key), "letters, digits and signs without spaces",
                     key == "path" ? "write other characters as %XX" : "");
}

void read_path(Document& document, const MappingReader& object, Probe& probe) {
    read_probe_text(document, object, "path", probe.path);
    check_visible(document, object, "path", probe.path);
    if (!probe.path.starts_with('/')) refuse_value(document, object.find("path"), "\"path\"", "a path that begins with \"/\"");
}

void read_status(Document& document, const MappingReader& object, Probe& probe) {
    constexpr std::string_view expected = "a status from 100 to 599, or a range such as 200-299";
    const auto list = object.find("status");
    if (!list.exists() || !expect_list(document, list, "\"status\"", "statuses")) return;
    if (list.size() == 0 || list.size() > model::max_probe_words) {
        document.refuse(list.mark(),
                        fmt::format("\"status\" must have 1 to {} statuses, found {}", model::max_probe_words, list.size()));
        return;
    }
    probe.status.clear();
    for (const auto item : list) {
        const auto range = item.kind() == Kind::scalar ? model::parse_status_range(item.text()) : std::nullopt;
        if (!range) {
            refuse_value(document, item, "a status", expected);
            return;
        }
        probe.status.push_back(*range);
    }
}

void read_command(Document& document, const MappingReader& object, Probe& probe) {
    const auto list = object.find("command");
    if (!list.exists() || !expect_list(document, list, "\"command\"", "texts")) return;
    if (list.size() == 0 || list.size() > model::max_probe_words) {
        document.refuse(list.mark(),
                        fmt::format("\"command\" must have 1 to {} texts, found {}", model::max_probe_words, list.size()));
        return;
    }
    for (const auto item : list) {
        const auto text = read_text(document, item, "a word of \"command\"");
        if (!text) return;
        if (text->size() > model::max_probe_text) {
            refuse_value(document, item, "a word of \"command\"", fmt::format("text of at most {} bytes", model::max_probe_text));
            return;
        }
        probe.command.emplace_back(*text);
    }
    if (!probe.command.front().starts_with('/'))
        refuse_value(document, *list.begin(), "the first word of \"command\"", "an absolute path, since no shell looks for it");
}

void read_times(Document& document, const MappingReader& object, Probe& probe) {
    std::chrono::milliseconds interval(probe.interval_ms);
    std::chrono::milliseconds timeout(probe.timeout_ms);
    read_duration(document, object, "interval", interval, interval_range);
    if (!object.has("timeout")) timeout = std::min(timeout, interval);
    read_duration(document, object, "timeout", timeout, timeout_range);
    if (document.ok() && timeout > interval)
        document.refuse(object.find("timeout").mark(), "\"timeout\" is longer than \"interval\"",
                        "give the probe less time, or begin it less often");
    probe.interval_ms = static_cast<std::uint32_t>(interval.count());
    probe.timeout_ms = static_cast<std::uint32_t>(timeout.count());

    const auto value = object.find("jitter");
    if (!value.exists()) return;
    const auto text = value.kind() == Kind::scalar && !value.is_quoted() ? value.text() : std::string_view{};
    double jitter = -1;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), jitter);
    if (error != std::errc{} || stop != text.data() + text.size() || !(jitter >= 0 && jitter <= most_jitter))
        refuse_value(document, value, "\"jitter\"", "a share of the interval from 0 to 0.5");
    else
        probe.jitter_permille = static_cast<std::uint16_t>(std::lround(jitter * 1000));
}

}  // namespace

void read_probe(Document& document, Value value, Probe& probe) {
    MappingReader object(document, value, "\"probe\"", probe_keys);
    object.require("type");
    object.choice("type", probe.type, types, model::parse_probe_type);
    object.boolean("tls", probe.tls);
    if (!document.ok()) return;
    check_keys(document, object, probe);
    read_path(document, object, probe);
    read_probe_text(document, object, "host", probe.host);
    check_visible(document, object, "host", probe.host);
    read_status(document, object, probe);
    read_probe_text(document, object, "body", probe.body);
    read_probe_text(document, object, "ca", probe.ca);
    if (!probe.ca.empty() && !probe.ca.starts_with('/'))
        refuse_value(document, object.find("ca"), "\"ca\"", "the absolute path of a file of certificates");
    read_probe_text(document, object, "service", probe.service);
    if (is_exec(probe)) object.require("command");
    read_command(document, object, probe);
    object.number("port", probe.port, port_range);
    object.number("healthy", probe.healthy, {1, 100});
    object.number("unhealthy", probe.unhealthy, {1, 100});
    object.choice("initial", probe.initially_healthy, initials, [](std::string_view text) -> std::optional<bool> {
        if (text != initials[0] && text != initials[1]) return std::nullopt;
        return text == initials[0];
    });
    read_times(document, object, probe);
}

void read_health(Document& document, const MappingReader& service, model::HealthSettings& result) {
    const auto value = service.find("health");
    if (!value.exists()) return;
    if (value.kind() == Kind::nothing) {
        refuse_value(document, value, "\"health\"", "a mapping", "remove the key or put something into it");
        return;
    }
    MappingReader object(document, value, "\"health\"", health_keys);
    model::HealthSettings health;
    if (object.has("panic")) read_percent(document, object, "panic", health.panic_percent.emplace(), panic_range);
    read_ejection(document, object, health.eject);
    if (document.ok() && object.has("probe")) read_probe(document, object.find("probe"), health.probe.emplace());
    if (document.ok()) result = std::move(health);
}

}  // namespace meshd::config
