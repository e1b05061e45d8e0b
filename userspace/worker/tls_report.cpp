// SPDX-License-Identifier: Apache-2.0
#include "worker/tls_report.hpp"

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

}  // namespace

json::array certificates_json(const CertificateStates& states, Time now) {
    json::array all;
    std::size_t bytes = 0;
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

}  // namespace meshd::worker
