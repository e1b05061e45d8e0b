// SPDX-License-Identifier: Apache-2.0
#include "app/tls_view.hpp"

#include <algorithm>
#include <string>

#include <boost/json.hpp>

#include "app/tls_setup.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

std::string whose(const model::WorkloadIdentity& identity) {
    if (!identity.workload.empty()) return "workload " + identity.workload;
    if (!identity.unit.empty()) return "unit " + identity.unit;
    return "user " + identity.user;
}

std::string note(const steering::NamedIdentity& identity) {
    if (!identity.names_nothing()) return {};
    return identity.wanted.user.empty() ? "there is no such cgroup now" : "there is no such user";
}

// The first ones do for people; the list has them all.
std::string whose_of(const json::array& pods) {
    constexpr std::size_t most_shown = 3;
    std::string text = "pods";
    for (std::size_t i = 0; i < std::min(pods.size(), most_shown); ++i)
        text.append(i == 0 ? " " : ", ").append(std::string_view(pods[i].get_string()));
    if (pods.size() > most_shown) text += " and " + std::to_string(pods.size() - most_shown) + " more";
    return text;
}

json::object row(const steering::NamedIdentity& identity, const std::vector<model::Pod>& known) {
    json::array cgroups, pods;
    for (const auto& pod : known)
        if (std::binary_search(identity.wanted.pods.begin(), identity.wanted.pods.end(), pod.uid))
            pods.emplace_back(pod.full_name());
    for (const auto& [id, path] : identity.cgroups) cgroups.emplace_back(path);
    return {{"name", identity.wanted.name},
            {"whose", identity.wanted.pod ? whose_of(pods) : whose(identity.wanted)},
            {"cgroups", std::move(cgroups)},
            {"pods", std::move(pods)},
            {"user", identity.user ? json::value(*identity.user) : json::value(nullptr)},
            {"certificate", identity.wanted.files.certificate},
            {"note", note(identity)}};
}

json::object process_json(std::int32_t pid, const steering::ProcessIdentity& process) {
    std::string why = "no identity names its cgroup, one above it, or its user: that of the node";
    if (!process.cgroup.empty()) why = "its cgroup, or one above it, is " + process.cgroup;
    if (process.name.empty() && !process.cgroup.empty())
        why = "it is in " + process.cgroup + ", a pod that no identity names: that of the node";
    if (process.is_unknown)
        why = "it is below " + process.cgroup + ", in a pod that is not known here: what must be encrypted is refused";
    if (!process.user.empty()) why = "its user is " + process.user + ", and no identity names its cgroup or one above it";
    return {{"pid", pid},
            {"cgroup", process.process_cgroup},
            {"user", process.process_user},
            {"identity", process.name.empty() ? json::value(nullptr) : json::value(process.name)},
            {"refused", process.is_unknown},
            {"why", why}};
}

}  // namespace

base::Result<json::object> identities_json(const Context& context, std::optional<std::int32_t> pid) {
    const auto& identities = context.tls->identities();
    json::array rows;
    for (const auto& identity : identities.all()) rows.emplace_back(row(identity, context.pods));
    json::object view{{"enabled", context.settings.tls.has_value()},
                      {"trust_domain", context.settings.tls ? context.settings.tls->trust_domain : ""},
                      {"identities", std::move(rows)},
                      {"process", nullptr}};
    if (!pid) return view;
    const auto process = identities.of_process(*pid);
    if (!process) return tl::make_unexpected(process.error());
    view["process"] = process_json(*pid, *process);
    return view;
}

}  // namespace meshd::app
