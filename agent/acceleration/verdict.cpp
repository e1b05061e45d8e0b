// SPDX-License-Identifier: Apache-2.0
#include "acceleration/verdict.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <limits>
#include <optional>

#include <boost/json.hpp>

#include "base/time_text.hpp"

namespace meshd::acceleration {

namespace json = boost::json;
using std::chrono::system_clock;

namespace {

constexpr std::array<std::string_view, 4> fionreads{"both", "redirected", "tcp", "none"};
constexpr std::array<std::string_view, 3> accountings{"charged", "counted", "none"};
constexpr auto time_format = "%Y-%m-%dT%H:%M:%SZ";

tl::unexpected<base::Error> invalid(std::string_view where, std::string_view expected) {
    return base::fail(
        {"read the self-test's verdict from JSON at", std::string(where), 0, "expected " + std::string(expected), {}});
}

std::optional<std::string> text(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string(value->get_string());
}

std::optional<std::int64_t> number(const json::object& object, std::string_view key, std::int64_t most) {
    const auto* const value = object.if_contains(key);
    boost::system::error_code error;
    const auto found = value != nullptr && value->is_number() ? value->to_number<std::int64_t>(error) : -1;
    if (error || found < 0 || found > most) return std::nullopt;
    return found;
}

template <typename Enum, std::size_t N>
std::optional<Enum> word(const json::object& object, std::string_view key, const std::array<std::string_view, N>& words) {
    const auto found = text(object, key);
    const auto* const at = found ? std::find(words.begin(), words.end(), *found) : words.end();
    if (at == words.end()) return std::nullopt;
    return static_cast<Enum>(at - words.begin());
}

std::optional<system_clock::time_point> time(const json::object& object, std::string_view key) {
    const auto found = text(object, key);
    std::tm fields{};
    if (!found) return std::nullopt;
    const auto* const end = ::strptime(found->c_str(), time_format, &fields);
    if (end == nullptr || *end != '\0') return std::nullopt;
    return system_clock::from_time_t(::timegm(&fields));
}

base::Result<std::vector<Check>> checks_from_json(const json::object& selftest) {
    const auto* const list = selftest.if_contains("checks");
    if (list == nullptr || !list->is_array()) return invalid("selftest.checks", "a list");
    std::vector<Check> checks;
    for (const auto& item : list->get_array()) {
        const auto* const object = item.if_object();
        const auto* const passed = object != nullptr ? object->if_contains("passed") : nullptr;
        if (passed == nullptr || !passed->is_bool()) return invalid("selftest.checks", "a list of checks");
        const auto title = text(*object, "name"), expected = text(*object, "expected"), seen = text(*object, "seen");
        if (!title || !expected || !seen) return invalid("selftest.checks", "a list of checks");
        checks.push_back({*title, passed->get_bool(), *expected, *seen});
    }
    return checks;
}

}  // namespace

std::string_view name(Fionread fionread) { return fionreads.at(static_cast<std::size_t>(fionread)); }
std::string_view name(Accounting accounting) { return accountings.at(static_cast<std::size_t>(accounting)); }

json::object selftest_to_json(const Verdict& verdict) {
    json::array checks;
    for (const auto& check : verdict.checks)
        checks.push_back({{"name", check.name}, {"passed", check.passed}, {"expected", check.expected}, {"seen", check.seen}});
    return {{"at", base::time_text(verdict.at)}, {"duration_ms", verdict.duration.count()}, {"checks", std::move(checks)}};
}

json::object to_json(const Verdict& verdict) {
    return {{"mode", config::name(verdict.best)}, {"reason", verdict.reason},
            {"remedy", verdict.remedy},           {"kernel", verdict.kernel},
            {"fionread", name(verdict.fionread)}, {"accounting", name(verdict.accounting)},
            {"idle_refs", verdict.idle_refs},     {"selftest", selftest_to_json(verdict)}};
}

base::Result<Verdict> verdict_from_json(const json::value& value) {
    const auto* const object = value.if_object();
    if (object == nullptr) return invalid("its top", "an object");
    Verdict verdict;
    const auto mode = config::parse_acceleration_mode(text(*object, "mode").value_or(""));
    if (!mode || *mode == config::AccelerationMode::automatic) return invalid("mode", "on, named or off");
    verdict.best = *mode;
    const auto fionread = word<Fionread>(*object, "fionread", fionreads);
    if (!fionread) return invalid("fionread", "both, redirected, tcp or none");
    verdict.fionread = *fionread;
    const auto accounting = word<Accounting>(*object, "accounting", accountings);
    if (!accounting) return invalid("accounting", "charged, counted or none");
    verdict.accounting = *accounting;
    const auto references = number(*object, "idle_refs", std::numeric_limits<std::uint16_t>::max());
    if (!references) return invalid("idle_refs", "a number");
    verdict.idle_refs = static_cast<std::uint16_t>(*references);
    const auto reason = text(*object, "reason"), remedy = text(*object, "remedy"), kernel = text(*object, "kernel");
    if (!reason || !remedy || !kernel) return invalid("reason, remedy, kernel", "texts");
    verdict.reason = *reason;
    verdict.remedy = *remedy;
    verdict.kernel = *kernel;

    const auto* const member = object->if_contains("selftest");
    if (member == nullptr || !member->is_object()) return invalid("selftest", "an object");
    const auto& selftest = member->get_object();
    const auto at = time(selftest, "at");
    if (!at) return invalid("selftest.at", "a time");
    verdict.at = *at;
    const auto duration = number(selftest, "duration_ms", std::numeric_limits<std::int32_t>::max());
    if (!duration) return invalid("selftest.duration_ms", "a number");
    verdict.duration = std::chrono::milliseconds(*duration);
    auto checks = checks_from_json(selftest);
    if (!checks) return tl::make_unexpected(checks.error());
    verdict.checks = std::move(*checks);
    return verdict;
}

}  // namespace meshd::acceleration
