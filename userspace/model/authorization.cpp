// SPDX-License-Identifier: Apache-2.0
#include "model/authorization.hpp"

#include <algorithm>
#include <tuple>

namespace meshd::model {

namespace {

constexpr std::string_view scheme = "spiffe://";

std::string_view take_part(std::string_view& path) {
    const auto end = std::min(path.find('/'), path.size());
    const auto part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    return part;
}

bool is_part(std::string_view part) {
    if (part == "*") return true;
    if (part.empty() || part == "." || part == "..") return false;
    return std::all_of(part.begin(), part.end(), [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
               letter == '.' || letter == '-' || letter == '_';
    });
}

// Two patterns that both match one identity: the one with more before its first star says more.
auto rank(const Rule& rule) {
    const auto star = std::min(rule.identity.find('*'), rule.identity.size());
    const bool has_rest = rule.identity.ends_with("**");
    return std::tuple(star != rule.identity.size(), -static_cast<std::ptrdiff_t>(star), has_rest,
                      -static_cast<std::ptrdiff_t>(rule.identity.size()), rule.service.empty(), rule.port == 0,
                      rule.action != Action::deny, std::string_view(rule.source), std::string_view(rule.name));
}

bool matches(const Rule& rule, std::string_view identity, std::string_view service, std::uint16_t port) {
    return (rule.service.empty() || rule.service == service) && (rule.port == 0 || rule.port == port) &&
           matches_identity(rule.identity, identity);
}

}  // namespace

bool is_identity_pattern(std::string_view text) {
    if (text.size() > max_identity_length || !text.starts_with(scheme)) return false;
    text.remove_prefix(scheme.size());
    const auto domain = take_part(text);
    if (domain.empty() || !std::all_of(domain.begin(), domain.end(), [](char letter) {
            return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '.' || letter == '-' ||
                   letter == '_';
        }))
        return false;
    if (text.empty()) return false;  // an identity of a workload has a path
    while (!text.empty()) {
        const bool has_more = text.find('/') != std::string_view::npos;
        const auto part = take_part(text);
        if (part == "**") return !has_more;
        if (!is_part(part) || (has_more && text.empty())) return false;
    }
    return true;
}

bool matches_identity(std::string_view pattern, std::string_view identity) {
    if (!pattern.starts_with(scheme) || !identity.starts_with(scheme)) return false;
    pattern.remove_prefix(scheme.size());
    identity.remove_prefix(scheme.size());
    while (!pattern.empty() && !identity.empty()) {
        const auto wanted = take_part(pattern);
        if (wanted == "**") return true;
        const auto part = take_part(identity);
        if (wanted != "*" && wanted != part) return false;
    }
    return pattern.empty() && identity.empty();
}

Authorization::Authorization(const std::vector<Rule>& rules, bool audit) : audit_(audit) {
    std::copy_if(rules.begin(), rules.end(), std::back_inserter(rules_), [](const Rule& rule) { return !rule.identity.empty(); });
    std::sort(rules_.begin(), rules_.end(), [](const Rule& a, const Rule& b) { return rank(a) < rank(b); });
}

Authorization::Decision Authorization::decide(std::string_view identity, std::string_view service, std::uint16_t port) const {
    const auto found =
        std::find_if(rules_.begin(), rules_.end(), [&](const Rule& rule) { return matches(rule, identity, service, port); });
    if (found == rules_.end()) return {};
    const bool denies = found->action == Action::deny;
    return {!denies || audit_, denies && audit_, &*found};
}

std::vector<const Rule*> Authorization::matching(std::string_view identity, std::string_view service, std::uint16_t port) const {
    std::vector<const Rule*> result;
    for (const auto& rule : rules_)
        if (matches(rule, identity, service, port)) result.push_back(&rule);
    return result;
}

}  // namespace meshd::model
