// SPDX-License-Identifier: Apache-2.0
#include "model/policy.hpp"

#include <algorithm>

namespace meshd::model {

std::string_view name(Action action) { return actions.at(static_cast<std::size_t>(action)); }

std::optional<Action> parse_action(std::string_view text) {
    const auto* const found = std::find(actions.begin(), actions.end(), text);
    if (found == actions.end()) return std::nullopt;
    return static_cast<Action>(found - actions.begin());
}

bool is_workload(std::string_view text) {
    if (text.size() < 2 || text.size() > max_workload_length || text.front() != '/') return false;
    while (!text.empty()) {
        const auto end = std::min(text.find('/', 1), text.size());
        const auto part = text.substr(1, end - 1);
        if (part.empty() || part == "." || part == "..") return false;
        text.remove_prefix(end);
    }
    return true;
}

// FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/).
std::uint64_t rule_id(const Rule& rule) {
    std::uint64_t hash = 14695981039346656037U;
    const auto add = [&](std::string_view text) {
        for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    };
    add(rule.source);
    add("\n");
    add(rule.name);
    return hash != 0 ? hash : 1;
}

std::string from_text(const Rule& rule) {
    if (!rule.workload.empty()) return "workload " + rule.workload;
    if (!rule.identity.empty()) return "identity " + rule.identity;
    return rule.from ? rule.from->text() : "any";
}

std::string to_text(const Rule& rule) {
    std::string text = !rule.service.empty() ? "service " + rule.service : rule.to ? rule.to->text() : "any";
    if (rule.port != 0) text += " port " + std::to_string(rule.port);
    if (rule.protocol) text += (rule.port != 0 ? "/" : " ") + std::string(base::name(*rule.protocol));
    return text;
}

}  // namespace meshd::model
