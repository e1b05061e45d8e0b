// SPDX-License-Identifier: Apache-2.0
#include "config/flows_reader.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "config/byte_size.hpp"
#include "config/characters.hpp"
#include "config/duration.hpp"
#include "config/host_names.hpp"
#include "config/plain_scalar.hpp"
#include "config/system_names.hpp"

namespace meshd::config {

namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 4> log_keys{"file", "events", "sample", "rotate"};
constexpr std::array<std::string_view, 2> rotate_keys{"size", "keep"};
constexpr std::array<std::string_view, 7> otlp_keys{"endpoint", "headers", "ca", "sample", "events", "batch", "queue"};
constexpr std::array<std::string_view, 2> batch_keys{"records", "interval"};

constexpr ByteSizeRange rotate_range{std::uint64_t{64} << 10U, std::uint64_t{1024} << 30U,
                                     "a size from 64KiB to 1024GiB (units: KiB, MiB, GiB)"};
constexpr DurationRange interval_range{100ms, 5min, "a time from 100ms to 5m (units: ms, s, m, h)"};

// What the exporter itself says of a request.
constexpr std::array<std::string_view, 6> own_headers{
    "content-type", "content-encoding", "content-length", "transfer-encoding", "host", "expect"};

void read_events(Document& document, const MappingReader& section, model::FlowChoice& result) {
    const auto list = section.find("events");
    if (!list.exists() || !expect_list(document, list, "\"events\"", "opened, closed or refused")) return;
    if (list.size() == 0) {
        document.refuse(list.mark(), "\"events\" must name at least one of opened, closed or refused");
        return;
    }
    std::array<bool, 3> changes{};
    for (const auto item : list) {
        const auto text = item.kind() == Kind::scalar ? item.text() : std::string_view{};
        const auto change = model::parse_flow_change(text);
        if (!change) {
            refuse_value(document, item, "an event", "opened, closed or refused", suggest(text, model::flow_changes));
            return;
        }
        if (std::exchange(changes.at(static_cast<std::size_t>(*change)), true)) {
            document.refuse(item.mark(), fmt::format("event {} is given twice", quote(text)));
            return;
        }
    }
    result.changes = changes;
}

void read_sample(Document& document, const MappingReader& section, double& result) {
    const auto value = section.find("sample");
    if (!value.exists()) return;
    const auto text = value.kind() == Kind::scalar ? value.text() : std::string_view{};
    double share = -1;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), share);
    const bool is_share = error == std::errc{} && stop == text.data() + text.size() && share >= 0 && share <= 1;
    if (is_share && !value.is_quoted())
        result = share;
    else
        refuse_value(document, value, "\"sample\"", "a number from 0 to 1", is_share ? "remove the quotes" : "");
}

void read_file(Document& document, const MappingReader& section, std::string& result) {
    const auto value = section.find("file");
    const auto text = value.exists() && value.kind() == Kind::scalar ? value.text() : std::string_view{};
    if (text == "off")
        result.clear();
    else if (text == model::to_stdout)
        result = text;
    else
        read_path(document, section, "file", result, {"off, stdout or an absolute path"});
}

bool is_endpoint(std::string_view text) {
    if (text.starts_with("https://"))
        text.remove_prefix(8);
    else if (text.starts_with("http://"))
        text.remove_prefix(7);
    else
        return false;
    const auto path = std::min(text.find('/'), text.size());
    return text.size() <= 2000 && is_authority(text.substr(0, path)) &&
           std::all_of(text.begin() + static_cast<std::ptrdiff_t>(path), text.end(),
                       [](char c) { return c > ' ' && c <= '~' && c != '?' && c != '#'; });
}

void read_endpoint(Document& document, const MappingReader& section, std::string& result) {
    constexpr std::string_view expected = "off or an address such as http://127.0.0.1:4318";
    const auto value = section.find("endpoint");
    if (!value.exists()) return;
    auto text = read_text(document, value, "\"endpoint\"", expected);
    if (!text) return;
    if (*text == "off") {
        result.clear();
        return;
    }
    while (text->ends_with('/')) text->remove_suffix(1);
    if (!is_endpoint(*text))
        refuse_value(document, value, "\"endpoint\"", expected);
    else if (text->ends_with("/v1/logs"))
        document.refuse(value.mark(), "\"endpoint\" must be the address before /v1/logs, which is put behind it",
                        "remove /v1/logs");
    else
        result = *text;
}

bool is_token(std::string_view text) {
    return !text.empty() && text.size() <= 256 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

// RFC 9110, 5.5, less what some servers take for the end of a line or refuse.
bool is_header_text(Value value) {
    if (value.kind() != Kind::scalar || (!value.is_quoted() && plain_type(value.text()) != PlainType::text)) return false;
    const auto text = value.text();
    return !text.empty() && text.size() <= 8192 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// Values are secrets as a rule: no refusal shows them.
void read_headers(Document& document, const MappingReader& section, std::map<std::string, std::string>& result) {
    const auto mapping = section.find("headers");
    if (!mapping.exists()) return;
    if (mapping.kind() != Kind::mapping) {
        refuse_value(document, mapping, "\"headers\"", "a mapping from names to texts",
                     mapping.kind() == Kind::nothing ? "write {} for none" : "");
        return;
    }
    if (mapping.size() > 2 * max_export_headers) {
        document.refuse(mapping.mark(), fmt::format("\"headers\" must have at most {} headers, found {}", max_export_headers,
                                                    mapping.size() / 2));
        return;
    }
    result.clear();
    std::string name;
    bool is_key = true;
    for (const auto item : mapping) {
        if (!std::exchange(is_key, !is_key)) {
            if (!is_header_text(item)) {
                document.refuse(item.mark(), fmt::format("the value of header {} must be text of printable ASCII", quote(name)),
                                "write it in quotes");
                return;
            }
            result.emplace(name, item.text());
            continue;
        }
        name = item.text();
        std::string lower = name;
        std::transform(lower.begin(), lower.end(), lower.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        if (!is_token(name)) {
            document.refuse(item.mark(), fmt::format("{} is no name of an HTTP header", quote(name)));
            return;
        }
        if (std::find(own_headers.begin(), own_headers.end(), lower) != own_headers.end()) {
            document.refuse(item.mark(), fmt::format("header {} is set by the exporter itself", quote(name)), "remove it");
            return;
        }
    }
}

}  // namespace

void read_flows(const MappingReader& section, Flows& result) {
    section.boolean("enabled", result.enabled);
    section.boolean("devices", result.devices);
    section.boolean("response_time", result.response_time);
}

void read_flow_export(Document& document, const MappingReader& section, model::FlowExport& result) {
    read_section(document, section, "log", log_keys, [&](const MappingReader& log) {
        read_file(document, log, result.log.file);
        read_events(document, log, result.log.choice);
        read_sample(document, log, result.log.choice.sample);
        read_section(document, log, "rotate", rotate_keys, [&](const MappingReader& rotate) {
            read_byte_size(document, rotate, "size", result.log.rotate_size, rotate_range);
            rotate.number("keep", result.log.rotate_keep, {1, 1000});
        });
    });
    read_section(document, section, "otlp", otlp_keys, [&](const MappingReader& otlp) {
        read_endpoint(document, otlp, result.otlp.endpoint);
        read_headers(document, otlp, result.otlp.headers);
        read_path(document, otlp, "ca", result.otlp.ca);
        read_events(document, otlp, result.otlp.choice);
        read_sample(document, otlp, result.otlp.choice.sample);
        read_section(document, otlp, "batch", batch_keys, [&](const MappingReader& batch) {
            batch.number("records", result.otlp.batch_records, {1, 8192});
            read_duration(document, batch, "interval", result.otlp.batch_interval, interval_range);
        });
        otlp.number("queue", result.otlp.queue, {1, 1048576});
    });
}

}  // namespace meshd::config
