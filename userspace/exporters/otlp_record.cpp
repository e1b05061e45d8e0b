// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp_record.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <ctime>
#include <optional>

#include <boost/json.hpp>

#include "base/address.hpp"
#include "base/version.hpp"

namespace meshd::exporters {

namespace json = boost::json;

namespace {

// opentelemetry/proto/logs/v1/logs.proto, SeverityNumber
constexpr int severity_info = 9;
constexpr int severity_warn = 13;

std::string_view text_at(const json::object& event, std::string_view key) {
    const auto* const value = event.if_contains(key);
    return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view{};
}

std::uint64_t number_at(const json::object& event, std::string_view key) {
    const auto* const value = event.if_contains(key);
    boost::system::error_code error;
    const auto number = value != nullptr && value->is_number() ? value->to_number<std::uint64_t>(error) : 0;
    return error ? 0 : number;
}

class Attributes {
public:
    void text(std::string_view name, std::string_view value) {
        if (!value.empty()) list_.emplace_back(json::object{{"key", name}, {"value", {{"stringValue", value}}}});
    }
    // 64-bit numbers are text in the JSON of protobuf.
    void number(std::string_view name, std::uint64_t value) {
        list_.emplace_back(json::object{{"key", name}, {"value", {{"intValue", std::to_string(value)}}}});
    }
    // Of which 0 means that nobody measured.
    void measured(std::string_view name, std::uint64_t value) {
        if (value != 0) number(name, value);
    }
    void end(const std::string& name, std::string_view address) {
        const auto end = base::SocketAddress::parse(address);
        if (!end) return;
        text(name + ".address", end->address.text());
        number(name + ".port", end->port);
    }
    json::array take() { return std::move(list_); }

private:
    json::array list_;
};

std::string_view network_type(std::string_view address) {
    const auto end = base::SocketAddress::parse(address);
    return !end ? "" : end->address.is_v4() ? "ipv4" : "ipv6";
}

// What kept the flow from going well; empty: nothing.
std::string_view error_type(const json::object& event) {
    if (text_at(event, "event") == "refused") return text_at(event, "reason");
    const auto state = text_at(event, "state");
    return state == "reset" || state == "failed" ? state : std::string_view{};
}

json::array attributes_of(const json::object& event) {
    Attributes all;
    all.text("network.transport", text_at(event, "protocol"));
    all.text("network.type", network_type(text_at(event, "server")));
    all.end("source", text_at(event, "client"));
    all.end("destination", text_at(event, "server"));
    all.text("error.type", error_type(event));
    all.text("process.linux.cgroup", text_at(event, "cgroup"));
    if (const auto pod = text_at(event, "pod"); !pod.empty()) {
        const auto slash = pod.find('/');
        all.text("k8s.namespace.name", pod.substr(0, slash));
        all.text("k8s.pod.name", pod.substr(slash + 1));
    }
    all.text("network.interface.name", text_at(event, "device"));
    all.text("meshd.flow.id", text_at(event, "id"));
    all.text("meshd.flow.event", text_at(event, "event"));
    all.text("meshd.flow.state", text_at(event, "state"));
    all.text("meshd.flow.reason", text_at(event, "reason"));
    all.text("meshd.flow.source", text_at(event, "source"));
    all.text("meshd.service.name", text_at(event, "service"));
    all.end("meshd.service", text_at(event, "asked"));
    if (text_at(event, "event") == "refused") return all.take();
    for (const auto* const key :
         {"age_ms", "bytes_out", "bytes_in", "short_out", "short_in", "packets_out", "packets_in", "retransmits"})
        all.number(std::string("meshd.flow.") + key, number_at(event, key));
    for (const auto* const key : {"connect_us", "rtt_us", "min_rtt_us", "response_us"})
        all.measured(std::string("meshd.flow.") + key, number_at(event, key));
    return all.take();
}

std::string body_of(const json::object& event) {
    std::string text(text_at(event, "event"));
    text.append(" ").append(text_at(event, "protocol"));
    if (const auto client = text_at(event, "client"); !client.empty()) text.append(" ").append(client);
    text.append(" -> ").append(text_at(event, "server"));
    if (const auto service = text_at(event, "service"); !service.empty()) text.append(" ").append(service);
    if (const auto error = error_type(event); !error.empty()) text.append(": ").append(error);
    return text;
}

// "2026-03-01T13:02:08.123456Z"
std::optional<std::uint64_t> nanoseconds(std::string_view time) {
    constexpr std::string_view form = "dddd-dd-ddTdd:dd:dd.ddddddZ";
    if (time.size() != form.size()) return std::nullopt;
    for (std::size_t i = 0; i < form.size(); ++i)
        if (form[i] == 'd' ? time[i] < '0' || time[i] > '9' : time[i] != form[i]) return std::nullopt;
    const auto number = [&](std::size_t at, std::size_t size) {
        int value = 0;
        std::from_chars(time.data() + at, time.data() + at + size, value);
        return value;
    };
    std::tm parts{};
    parts.tm_year = number(0, 4) - 1900;
    parts.tm_mon = number(5, 2) - 1;
    parts.tm_mday = number(8, 2);
    parts.tm_hour = number(11, 2);
    parts.tm_min = number(14, 2);
    parts.tm_sec = number(17, 2);
    const auto seconds = ::timegm(&parts);
    if (seconds < 0) return std::nullopt;
    return static_cast<std::uint64_t>(seconds) * 1'000'000'000U + static_cast<std::uint64_t>(number(20, 6)) * 1000U;
}

std::uint64_t now_ns() {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

}  // namespace

std::string otlp_record(const json::object& event) {
    const bool went_well = error_type(event).empty();
    const auto seen = now_ns();
    return json::serialize(json::object{{"timeUnixNano", std::to_string(nanoseconds(text_at(event, "time")).value_or(seen))},
                                        {"observedTimeUnixNano", std::to_string(seen)},
                                        {"severityNumber", went_well ? severity_info : severity_warn},
                                        {"severityText", went_well ? "INFO" : "WARN"},
                                        {"eventName", "meshd.flow." + std::string(text_at(event, "event"))},
                                        {"body", {{"stringValue", body_of(event)}}},
                                        {"attributes", attributes_of(event)}});
}

std::string otlp_head(std::string_view host_name) {
    Attributes resource;
    resource.text("service.name", "meshd");
    resource.text("service.version", base::version);
    resource.text("host.name", host_name);
    const json::object scope{{"name", "meshd.flows"}, {"version", base::version}};
    return R"({"resourceLogs":[{"resource":{"attributes":)" + json::serialize(resource.take()) + R"(},"scopeLogs":[{"scope":)" +
           json::serialize(scope) + R"(,"logRecords":[)";
}

std::string otlp_request(std::string_view head, std::span<const std::string> records) {
    std::string text(head);
    bool is_first = true;
    for (const auto& record : records) {
        if (!is_first) text += ',';
        is_first = false;
        text += record;
    }
    return text += "]}]}]}";
}

Rejected otlp_rejected(std::string_view answer) {
    boost::system::error_code error;
    const auto value = json::parse({answer.data(), answer.size()}, error);
    if (error || !value.is_object()) return {};
    const auto* const partial = value.get_object().if_contains("partialSuccess");
    if (partial == nullptr || !partial->is_object()) return {};
    Rejected rejected{number_at(partial->get_object(), "rejectedLogRecords"),
                      std::string(text_at(partial->get_object(), "errorMessage").substr(0, 500))};
    const auto text = text_at(partial->get_object(), "rejectedLogRecords");
    std::from_chars(text.data(), text.data() + text.size(), rejected.records);
    return rejected;
}

}  // namespace meshd::exporters
