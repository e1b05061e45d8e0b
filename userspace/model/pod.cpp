// SPDX-License-Identifier: Apache-2.0
#include "model/pod.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>

#include <fnmatch.h>

#include "model/service.hpp"

namespace meshd::model {

namespace {

constexpr std::size_t uid_length = 36;
constexpr std::size_t longest_name = 253;  // RFC 1123, as Kubernetes has it
constexpr std::size_t longest_namespace = 63;

bool is_small_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_label_text(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return is_small_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.' || c == '/';
    });
}

bool has_fit(const std::string& pattern, const std::string& name) { return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0; }

// Of one name, whatever entry of the configuration it came from.
WorkloadIdentity made_for(const WorkloadIdentity& entry, const Pod& pod) {
    auto made = entry;
    made.name = filled(entry.name, pod);
    made.files.certificate = filled(entry.files.certificate, pod);
    made.files.key = filled(entry.files.key, pod);
    return made;
}

}  // namespace

bool is_pod_uid(std::string_view text) {
    if (text.size() != uid_length) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        const bool is_digit = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (is_dash ? text[i] != '-' : !is_digit) return false;
    }
    return true;
}

bool is_pod_name(std::string_view text) {
    return !text.empty() && text.size() <= longest_name && is_small_or_digit(text.front()) && is_small_or_digit(text.back()) &&
           text.find("..") == std::string_view::npos &&
           std::all_of(text.begin(), text.end(), [](char c) { return is_small_or_digit(c) || c == '-' || c == '.'; });
}

std::string why_no_pod(const Pod& pod) {
    if (!is_pod_uid(pod.uid)) return "its uid is none that an API server makes";
    if (!is_pod_name(pod.pod_namespace) || pod.pod_namespace.size() > longest_namespace ||
        pod.pod_namespace.find('.') != std::string::npos)
        return "its namespace is no DNS label";
    if (!is_pod_name(pod.name)) return "its name is no DNS name";
    if (!is_pod_name(pod.service_account)) return "its service account has no DNS name";
    if (pod.labels.size() > max_pod_labels) return "it has more than " + std::to_string(max_pod_labels) + " labels";
    for (const auto& [key, value] : pod.labels)
        if (key.empty() || key.size() > max_pod_label || value.size() > max_pod_value || !is_label_text(key) ||
            !is_label_text(value))
            return "a label of it is none of Kubernetes";
    return {};
}

bool fits(const PodSelector& selector, const Pod& pod) {
    return has_fit(selector.pod_namespace, pod.pod_namespace) && has_fit(selector.service_account, pod.service_account) &&
           std::all_of(selector.labels.begin(), selector.labels.end(), [&](const auto& wanted) {
               const auto found = pod.labels.find(wanted.first);
               return found != pod.labels.end() && has_fit(wanted.second, found->second);
           });
}

std::string filled(std::string_view text, const Pod& pod) {
    const std::array<std::pair<std::string_view, std::string_view>, 3> words{
        {{"{namespace}", pod.pod_namespace}, {"{service_account}", pod.service_account}, {"{pod}", pod.name}}};
    std::string result;
    while (!text.empty()) {
        const auto* const word =
            std::find_if(words.begin(), words.end(), [&](const auto& one) { return text.starts_with(one.first); });
        result += word == words.end() ? text.substr(0, 1) : word->second;
        text.remove_prefix(word == words.end() ? 1 : word->first.size());
    }
    return result;
}

std::vector<WorkloadIdentity> with_pods(const std::vector<WorkloadIdentity>& identities, const std::vector<Pod>& pods) {
    std::vector<WorkloadIdentity> all;
    std::set<std::uint32_t> numbers;  // that are taken: what the configuration names has its number first
    for (const auto& one : identities)
        if (!one.pod) numbers.insert(identity_number(one.name));
    std::set<std::string> has_one;  // uids
    for (const auto& entry : identities) {
        if (!entry.pod) {
            all.push_back(entry);
            continue;
        }
        std::map<std::string, WorkloadIdentity> made;  // by name
        for (const auto& pod : pods) {
            if (has_one.contains(pod.uid) || !fits(*entry.pod, pod)) continue;
            auto identity = made_for(entry, pod);
            has_one.insert(pod.uid);
            made.try_emplace(identity.name, identity).first->second.pods.push_back(pod.uid);
        }
        for (auto& [name, identity] : made)
            if (all.size() < max_identities && is_service_name(name) && numbers.insert(identity_number(name)).second)
                all.push_back(std::move(identity));
    }
    return all;
}

namespace {

bool fits_any(const std::vector<WorkloadIdentity>& identities, const Pod& pod) {
    return std::any_of(identities.begin(), identities.end(), [&](const auto& one) { return one.pod && fits(*one.pod, pod); });
}

}  // namespace

std::vector<std::string> pods_of_node(const std::vector<WorkloadIdentity>& identities, const std::vector<Pod>& pods) {
    std::vector<std::string> uids;
    for (const auto& pod : pods)
        if (!fits_any(identities, pod)) uids.push_back(pod.uid);
    return uids;
}

std::vector<Pod> pods_without_identity(const std::vector<WorkloadIdentity>& identities, const std::vector<WorkloadIdentity>& made,
                                       const std::vector<Pod>& pods) {
    std::set<std::string_view> has_one;
    for (const auto& identity : made) has_one.insert(identity.pods.begin(), identity.pods.end());
    std::vector<Pod> without;
    std::copy_if(pods.begin(), pods.end(), std::back_inserter(without),
                 [&](const auto& pod) { return !has_one.contains(pod.uid) && fits_any(identities, pod); });
    return without;
}

bool names_pods(const std::vector<WorkloadIdentity>& identities) {
    return std::any_of(identities.begin(), identities.end(), [](const auto& one) { return one.pod.has_value(); });
}

}  // namespace meshd::model
