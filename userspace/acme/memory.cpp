// SPDX-License-Identifier: Apache-2.0
#include "acme/memory.hpp"

#include <algorithm>
#include <cerrno>

#include <boost/json.hpp>

#include "base/time_text.hpp"
#include "config/text_file.hpp"
#include "tls/private_file.hpp"

namespace meshd::acme {

namespace json = boost::json;

namespace {

std::int64_t number_at(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_int64() ? std::max<std::int64_t>(value->get_int64(), 0) : 0;
}

std::string text_at(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

// A clock that was wrong once must not keep it from being tried for years.
Failures failures_in(const json::object& object, Time now) {
    constexpr std::int64_t most = 1000;
    const auto next = std::min(number_at(object, "next"), base::unix_seconds(now + longest_wait));
    return {static_cast<std::uint32_t>(std::min(number_at(object, "failures"), most)), Time(std::chrono::seconds(next)),
            text_at(object, "problem")};
}

}  // namespace

base::Result<void> Memory::load(Time now) {
    all_.clear();
    const auto file = config::read_text_file(path_);
    if (!file) {
        if (file.error().code == ENOENT) return {};
        return tl::make_unexpected(file.error());
    }
    boost::system::error_code error;
    const auto value = json::parse(file->text, error);
    if (error || !value.is_object())
        return base::fail(
            {"use", path_, 0, "it is no JSON object", "it is made anew: certificates that failed are tried at once"});
    const auto& whole = value.get_object();
    const auto* const items = whole.if_contains("certificates");
    if (text_at(whole, "settings") != settings_ || items == nullptr || !items->is_object()) return {};
    for (const auto& [name, item] : items->get_object())
        if (item.is_object()) all_[std::string(name)] = failures_in(item.get_object(), now);
    return {};
}

base::Result<void> Memory::save() const {
    json::object items;
    for (const auto& [name, one] : all_)
        items[name] = json::object{{"failures", one.count}, {"next", base::unix_seconds(one.next)}, {"problem", one.problem}};
    const json::object whole{{"settings", settings_}, {"certificates", std::move(items)}};
    return tls::replace_file(path_, json::serialize(whole) + "\n", tls::for_owner);
}

const Failures* Memory::find(const std::string& name) const {
    const auto found = all_.find(name);
    return found == all_.end() ? nullptr : &found->second;
}

}  // namespace meshd::acme
