// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/verdict.hpp"

#include <algorithm>

#include "base/time_text.hpp"
#include "registry/kubernetes/fields.hpp"

namespace meshd::registry::kubernetes {

namespace json = boost::json;

namespace {

constexpr std::string_view condition_type = "Accepted";
constexpr std::string_view when_accepted = "it is in force";
constexpr std::size_t most_message = 4096;  // bytes

std::string_view text_of(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view{};
}

const json::object* accepted_in(const json::array& conditions) {
    for (const auto& one : conditions)
        if (const auto* const condition = one.if_object(); condition != nullptr && text_of(*condition, "type") == condition_type)
            return condition;
    return nullptr;
}

std::string_view status_word(const Verdict& verdict) { return verdict.accepted() ? "True" : "False"; }
std::string_view message_of(const Verdict& verdict) { return verdict.accepted() ? when_accepted : verdict.message; }

}  // namespace

Verdict verdict_of(std::int64_t generation, const std::string& error, const std::string& source, const std::string& object) {
    auto message = error;
    if (const auto own = "cannot accept " + source + '/' + object + ": "; message.starts_with(own)) message.erase(0, own.size());
    const auto prefix = source + '/';
    for (auto at = message.find(prefix); at != std::string::npos; at = message.find(prefix, at)) message.erase(at, prefix.size());
    if (message.size() > most_message) {
        auto end = most_message;
        while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xc0U) == 0x80U) --end;
        message.resize(end);
    }
    return {generation, std::move(message)};
}

bool Standing::says(const Verdict& verdict) const {
    const auto* const accepted = accepted_in(conditions);
    if (accepted == nullptr) return false;
    const auto* const observed = accepted->if_contains("observedGeneration");
    return observed != nullptr && *observed == verdict.generation && text_of(*accepted, "status") == status_word(verdict) &&
           text_of(*accepted, "message") == message_of(verdict);
}

Standing standing_of(const json::object& object) {
    Findings findings("meshconfiguration", "");
    const Fields fields(object, "", findings);
    const auto metadata = fields.object("metadata");
    Standing standing{std::string(metadata.text("uid")),
                      std::string(metadata.text("resourceVersion")),
                      metadata.number("generation", 0, INT64_MAX, 0),
                      {}};
    const auto* const status = object.if_contains("status");
    const auto* const conditions =
        status != nullptr && status->is_object() ? status->get_object().if_contains("conditions") : nullptr;
    // A copy with memory of its own: what is parsed is gone soon.
    if (conditions != nullptr && conditions->is_array())
        standing.conditions = json::array(conditions->get_array(), json::storage_ptr());
    return standing;
}

std::string status_patch(const Standing& standing, const Verdict& verdict, std::chrono::system_clock::time_point now) {
    const auto* const before = accepted_in(standing.conditions);
    const bool is_same = before != nullptr && text_of(*before, "status") == status_word(verdict);
    const auto since = is_same ? std::string(text_of(*before, "lastTransitionTime")) : base::time_text(now);
    json::array conditions;
    for (const auto& one : standing.conditions)
        if (!one.is_object() || &one.get_object() != before) conditions.push_back(one);
    conditions.push_back(json::object{{"type", condition_type},
                                      {"status", status_word(verdict)},
                                      {"reason", verdict.accepted() ? "Accepted" : "Refused"},
                                      {"message", message_of(verdict)},
                                      {"observedGeneration", verdict.generation},
                                      {"lastTransitionTime", since.empty() ? base::time_text(now) : since}});
    return json::serialize(
        json::object{{"metadata", {{"resourceVersion", standing.version}}}, {"status", {{"conditions", std::move(conditions)}}}});
}

}  // namespace meshd::registry::kubernetes
