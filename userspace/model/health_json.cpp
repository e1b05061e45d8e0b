// SPDX-License-Identifier: Apache-2.0
#include "model/health_json.hpp"

#include <boost/json.hpp>

#include "model/service.hpp"

namespace meshd::model {

namespace json = boost::json;

namespace {

constexpr std::uint32_t longest_ms = 3600 * 1000;

// Reads members of one object and remembers the first that is wrong.
class Members {
public:
    Members(const json::value& value, std::string where) : object_(value.if_object()), where_(std::move(where)) {
        if (object_ == nullptr) wrong("", "an object");
    }

    template <typename T>
    void number(std::string_view key, T& result, std::int64_t least, std::int64_t most) {
        const auto* const value = find(key);
        if (value == nullptr) return wrong(key, "a number");
        std::int64_t number = least - 1;
        if (value->is_int64()) number = value->get_int64();
        if (value->is_uint64() && value->get_uint64() <= static_cast<std::uint64_t>(most))
            number = static_cast<std::int64_t>(value->get_uint64());
        if (number < least || number > most)
            return wrong(key, "a number from " + std::to_string(least) + " to " + std::to_string(most));
        result = static_cast<T>(number);
    }

    void flag(std::string_view key, bool& result) {
        const auto* const value = find(key);
        if (value == nullptr || !value->is_bool()) return wrong(key, "true or false");
        result = value->get_bool();
    }

    // Absent is empty.
    void text(std::string_view key, std::string& result) {
        const auto* const value = find(key);
        if (value == nullptr) return;
        if (!value->is_string() || value->get_string().size() > max_probe_text) return wrong(key, "text of at most 1024 bytes");
        result = value->get_string();
    }

    template <typename Item>
    void list(std::string_view key, Item item) {
        const auto* const value = find(key);
        if (value == nullptr) return;
        if (!value->is_array() || value->get_array().size() > max_probe_words) return wrong(key, "an array of at most 32 items");
        for (const auto& one : value->get_array())
            if (!one.is_string() || one.get_string().size() > max_probe_text || !item(std::string_view(one.get_string())))
                return wrong(key, "an array of texts");
    }

    template <typename T, typename Parse>
    void word(std::string_view key, T& result, Parse parse) {
        const auto* const value = find(key);
        const auto parsed = value != nullptr && value->is_string() ? parse(std::string_view(value->get_string())) : std::nullopt;
        if (!parsed) return wrong(key, "a word that is known");
        result = *parsed;
    }

    [[nodiscard]] const json::value* find(std::string_view key) const {
        return object_ == nullptr ? nullptr : object_->if_contains(key);
    }

    void wrong(std::string_view key, const std::string& expected) {
        const auto place = key.empty() ? where_ : where_ + "." + std::string(key);
        if (!error_) error_ = base::Error{"read health from JSON at", place, 0, "expected " + expected, {}};
    }

    template <typename T>
    base::Result<T> give(T value) {
        if (error_) return base::fail(std::move(*error_));
        return value;
    }

private:
    const json::object* object_;
    std::string where_;
    std::optional<base::Error> error_;
};

json::array strings(const std::vector<std::string>& values) {
    json::array array;
    for (const auto& value : values) array.emplace_back(value);
    return array;
}

void read_probe(Members& probe, Probe& result) {
    probe.word("type", result.type, parse_probe_type);
    if (probe.find("path") != nullptr) probe.text("path", result.path);
    if (!result.path.starts_with('/')) probe.wrong("path", "a path");
    probe.text("host", result.host);
    result.status.clear();
    probe.list("status", [&](std::string_view text) {
        const auto range = parse_status_range(text);
        if (range) result.status.push_back(*range);
        return range.has_value();
    });
    if (result.status.empty()) probe.wrong("status", "at least one status");
    probe.text("body", result.body);
    probe.text("ca", result.ca);
    probe.flag("tls", result.tls);
    probe.text("service", result.service);
    probe.list("command", [&](std::string_view text) {
        result.command.emplace_back(text);
        return text.find('\0') == std::string_view::npos;
    });
    if ((result.type == ProbeType::exec) != !result.command.empty()) probe.wrong("command", "a command, of exec only");
    probe.number("port", result.port, 0, 65535);
    probe.number("interval_ms", result.interval_ms, 100, longest_ms);
    probe.number("timeout_ms", result.timeout_ms, 1, result.interval_ms);
    probe.number("jitter_permille", result.jitter_permille, 0, 500);
    probe.number("healthy", result.healthy, 1, 100);
    probe.number("unhealthy", result.unhealthy, 1, 100);
    probe.flag("initially_healthy", result.initially_healthy);
}

void read_ejection(Members& rule, Ejection& result) {
    rule.number("consecutive", result.consecutive, 0, max_consecutive);
    rule.number("rate_percent", result.rate_percent, 0, 100);
    if (result.rate_percent != 0 && result.rate_percent < min_rate_percent) rule.wrong("rate_percent", "0, or 10 to 100");
    if (result.consecutive == 0 && result.rate_percent == 0) rule.wrong("consecutive", "a number, or a rate");
    rule.number("base_ms", result.base_ms, min_ejection_ms, max_ejection_ms);
    rule.number("longest_ms", result.longest_ms, result.base_ms, max_ejection_ms);
    rule.number("most_percent", result.most_percent, 1, 100);
}

json::object to_json(const Probe& probe) {
    json::array status;
    for (const auto& range : probe.status) status.emplace_back(text(range));
    return {{"type", name(probe.type)},
            {"path", probe.path},
            {"host", probe.host},
            {"status", std::move(status)},
            {"body", probe.body},
            {"ca", probe.ca},
            {"tls", probe.tls},
            {"service", probe.service},
            {"command", strings(probe.command)},
            {"port", probe.port},
            {"interval_ms", probe.interval_ms},
            {"timeout_ms", probe.timeout_ms},
            {"jitter_permille", probe.jitter_permille},
            {"healthy", probe.healthy},
            {"unhealthy", probe.unhealthy},
            {"initially_healthy", probe.initially_healthy}};
}

json::object to_json(const Ejection& rule) {
    return {{"consecutive", rule.consecutive},
            {"rate_percent", rule.rate_percent},
            {"base_ms", rule.base_ms},
            {"longest_ms", rule.longest_ms},
            {"most_percent", rule.most_percent}};
}

}  // namespace

json::object to_json(const Health& health) {
    json::object object{{"panic_percent", health.panic_percent}};
    if (health.probe) object.emplace("probe", to_json(*health.probe));
    if (health.eject) object.emplace("eject", to_json(*health.eject));
    return object;
}

base::Result<Health> health_from_json(const json::value& value, const std::string& where) {
    Members members(value, where);
    Health health;
    members.number("panic_percent", health.panic_percent, 0, 100);
    if (const auto* const member = members.find("probe"); member != nullptr) {
        Members probe(*member, where + ".probe");
        read_probe(probe, health.probe.emplace());
        if (auto read = probe.give(true); !read) return tl::make_unexpected(read.error());
    }
    if (const auto* const member = members.find("eject"); member != nullptr) {
        Members rule(*member, where + ".eject");
        read_ejection(rule, health.eject.emplace());
        if (auto read = rule.give(true); !read) return tl::make_unexpected(read.error());
    }
    return members.give(std::move(health));
}

json::object to_json(const BackendHealth& health) {
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(health.since.time_since_epoch());
    return {{"service", health.service},        {"port", health.port},       {"protocol", base::name(health.protocol)},
            {"backend", health.backend.text()}, {"healthy", health.healthy}, {"result", name(health.result)},
            {"detail", health.detail},          {"since_ms", since.count()}};
}

base::Result<BackendHealth> backend_health_from_json(const json::value& value, const std::string& where) {
    Members members(value, where);
    BackendHealth health;
    members.text("service", health.service);
    if (!is_service_name(health.service)) members.wrong("service", "a service name");
    members.number("port", health.port, 1, 65535);
    members.word("protocol", health.protocol, base::parse_protocol);
    members.word("backend", health.backend, base::SocketAddress::parse);
    if (health.backend.port == 0) members.wrong("backend", "ADDRESS:PORT");
    members.flag("healthy", health.healthy);
    members.word("result", health.result, parse_probe_result);
    members.text("detail", health.detail);
    std::int64_t since = 0;
    // The clock's last moment, in the year 2262.
    using std::chrono::milliseconds, std::chrono::system_clock;
    constexpr auto last = std::chrono::duration_cast<milliseconds>(system_clock::duration::max()).count();
    members.number("since_ms", since, 0, std::int64_t{last});
    health.since = std::chrono::system_clock::time_point(std::chrono::milliseconds(since));
    return members.give(std::move(health));
}

}  // namespace meshd::model
