// SPDX-License-Identifier: Apache-2.0
#include "worker/tls_report.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/time_text.hpp"
#include "worker/family.hpp"

namespace meshd::worker {

namespace json = boost::json;

namespace {

using Time = std::chrono::system_clock::time_point;
using State = tls::CredentialStore::State;

constexpr std::size_t longest_problem = 1024;
constexpr std::size_t most_bytes = 900'000;  // of the texts: one frame takes all
constexpr int share_left = 5;                // a certificate is to be renewed before the last fifth of its time

std::string_view state_of(const State& state, Time now) {
    if (!state.credentials) return "missing";
    const auto& credentials = *state.credentials;
    if (credentials.not_after() <= now) return "expired";
    if (!state.problem.empty()) return "failing";
    return (credentials.not_after() - now) * share_left < credentials.not_after() - credentials.not_before() ? "expiring" : "ok";
}

std::string_view whose(const State& state) { return state.name.empty() ? "node" : "workload"; }

// What comes from files has neither.
void add_source(json::object& row, const std::vector<signing::Issuer::State>& issued) {
    const auto name = row.at("name").as_string();
    const auto found = std::find_if(issued.begin(), issued.end(), [&](const auto& one) { return name == one.name; });
    const bool is_issued = found != issued.end() && row.at("whose") != "signing";
    row["issuer"] = is_issued ? found->from : std::string();
    row["renewal"] = is_issued ? base::time_text(found->next) : std::string();
}

json::object signing_json(const signing::Server::Status& status) {
    const bool has_one = status.ends != Time{};
    return {{"whose", "signing"},
            {"name", ""},
            {"identity", status.identity},
            {"certificate", ""},
            {"key", ""},
            {"not_before", base::time_text(status.begins)},
            {"not_after", base::time_text(status.ends)},
            {"not_after_unix", base::unix_seconds(status.ends)},
            {"state", status.problem.empty() && has_one ? "ok"
                      : has_one                         ? "failing"
                                                        : "missing"},
            {"problem", std::string_view(status.problem).substr(0, longest_problem)},
            {"since", base::time_text(status.since)}};
}

}  // namespace

json::array certificates_json(const CertificateStates& states, Time now, const Issuance& issuance) {
    json::array all;
    std::size_t bytes = 0;
    if (issuance.signing) add_source(all.emplace_back(signing_json(*issuance.signing)).get_object(), {});
    for (const auto& state : states) {
        const auto& credentials = state.credentials;
        const auto problem = std::string_view(state.problem).substr(0, longest_problem);
        json::object row{{"whose", whose(state)},
                         {"name", state.name},
                         {"identity", credentials ? credentials->identity() : ""},
                         {"certificate", state.files.certificate},
                         {"key", state.files.key},
                         {"not_before", credentials ? base::time_text(credentials->not_before()) : ""},
                         {"not_after", credentials ? base::time_text(credentials->not_after()) : ""},
                         {"not_after_unix", credentials ? base::unix_seconds(credentials->not_after()) : 0},
                         {"state", state_of(state, now)},
                         {"problem", problem},
                         {"since", base::time_text(state.since)}};
        add_source(row, issuance.issued);
        bytes += json::serialize(row).size();
        if (bytes > most_bytes) break;
        all.emplace_back(std::move(row));
    }
    return all;
}

std::vector<prometheus::MetricFamily> certificate_families(const CertificateStates& states, Time now) {
    using prometheus::MetricType;
    Family expiry("meshd_tls_certificate_expiry_seconds", "Time until the certificate in use ends; below 0: since it ended.",
                  MetricType::Gauge);
    Family problem("meshd_tls_certificate_problem",
                   "1 while what the files hold now is not in use, or is nothing that peers take.", MetricType::Gauge);
    for (const auto& state : states) {
        const prometheus::ClientMetric::Label kind{"whose", std::string(whose(state))}, name{"name", state.name};
        problem.add({kind, name}, state.problem.empty() ? 0 : 1);
        if (!state.credentials) continue;
        const auto left = std::chrono::duration_cast<std::chrono::seconds>(state.credentials->not_after() - now);
        expiry.add({{"identity", state.credentials->identity()}, kind, name}, left.count());
    }
    std::vector<prometheus::MetricFamily> families;
    for (auto* const family : {&expiry, &problem})
        if (auto one = family->take(); !one.metric.empty()) families.push_back(std::move(one));
    return families;
}

prometheus::MetricFamily renewal_family(const signing::Issuer::Counts& counts) {
    Family family("meshd_tls_renewals_total", "Certificates that were asked for of the signing agent, by how it ended.",
                  prometheus::MetricType::Counter);
    family.add({{"result", "issued"}}, counts.issued);
    family.add({{"result", "failed"}}, counts.failed);
    return family.take();
}

prometheus::MetricFamily signing_family(const signing::SignCounts& counts) {
    Family family("meshd_tls_signing_total", "Requests for certificates to the signing agent of this node, by how they ended.",
                  prometheus::MetricType::Counter);
    family.add({{"result", "issued"}}, counts.issued.load());
    family.add({{"result", "refused"}}, counts.refused.load());
    family.add({{"result", "failed"}}, counts.failed.load());
    return family.take();
}

}  // namespace meshd::worker
