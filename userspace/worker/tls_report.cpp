// SPDX-License-Identifier: Apache-2.0
#include "worker/tls_report.hpp"

#include <optional>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/time_text.hpp"
#include "worker/family.hpp"

namespace meshd::worker {

namespace json = boost::json;

namespace {

using Time = std::chrono::system_clock::time_point;

constexpr std::size_t longest_problem = 1024;
constexpr std::size_t most_bytes = 900'000;  // of the texts: one frame takes all
constexpr int share_left = 5;                // a certificate is to be renewed before the last fifth of its time

// A certificate as it is shown, whatever it is for.
struct Shown {
    std::string_view whose;
    std::string name, identity;
    model::CertificateFiles files;
    bool is_there = false;
    std::optional<Time> not_before{}, not_after{};  // when it is there; outside of the mesh there need not be one to show
    std::string problem;
    Time since;
};

Shown shown(const tls::CredentialStore::State& state) {
    Shown one{state.name.empty() ? "node" : "workload", state.name, {}, state.files, false, {}, {}, state.problem, state.since};
    if (!state.credentials) return one;
    one.is_there = true;
    one.identity = state.credentials->identity();
    one.not_before = state.credentials->not_before();
    one.not_after = state.credentials->not_after();
    return one;
}

Shown shown(const tls::EdgeStore::State& state) {
    Shown one{"edge", state.listener, {}, state.files.files, false, {}, {}, state.problem, state.since};
    if (!state.certificate) return one;
    one.is_there = true;
    for (const auto& name : state.certificate->names()) one.identity.append(one.identity.empty() ? "" : ", ").append(name);
    one.not_before = state.certificate->not_before();
    one.not_after = state.certificate->not_after();
    return one;
}

Shown shown(const tls::OutsideStore::State& state) {
    const auto& wanted = state.wanted;
    Shown one{"outside", wanted.name, {}, wanted.files, state.trust != nullptr, {}, {}, state.problem, state.since};
    if (!state.trust) return one;
    one.identity = state.trust->shows();
    one.not_before = state.trust->not_before();
    one.not_after = state.trust->not_after();
    return one;
}

std::vector<Shown> all_of(const CertificateStates& states, const EdgeStates& edge, const OutsideStates& outside) {
    std::vector<Shown> all;
    for (const auto& state : states) all.push_back(shown(state));
    for (const auto& state : edge) all.push_back(shown(state));
    for (const auto& state : outside) all.push_back(shown(state));
    return all;
}

std::string_view state_of(const Shown& one, Time now) {
    if (!one.is_there) return "missing";
    if (one.not_after && *one.not_after <= now) return "expired";
    if (!one.problem.empty()) return "failing";
    return one.not_after && *one.not_after - now < (*one.not_after - *one.not_before) / share_left ? "expiring" : "ok";
}

// A listener may have several certificates.
std::vector<prometheus::ClientMetric::Label> labels_of(const Shown& one) {
    std::vector<prometheus::ClientMetric::Label> labels{{"whose", std::string(one.whose)}, {"name", one.name}};
    if (one.whose == "edge") labels.push_back({"certificate", one.files.certificate});
    return labels;
}

void set_source(json::object& row, std::string_view source, const std::string& issuer = {}, Time next = {}) {
    row["source"] = source;
    row["issuer"] = issuer;
    row["renewal"] = base::time_text(next);
}

void add_source(json::object& row, const Issuance& issuance) {
    const auto& whose = row.at("whose");
    if (whose == "signing") return set_source(row, "authority");
    if (whose == "edge") {
        for (const auto& one : issuance.acme)
            if (row.at("certificate") == json::value(one.path)) return set_source(row, "acme", one.from, one.next);
    } else if (whose == "node" || whose == "workload") {
        for (const auto& one : issuance.issued)
            if (row.at("name") == json::value(one.name)) return set_source(row, "issuer", one.from, one.next);
    }
    set_source(row, "file");
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

json::array certificates_json(const CertificateStates& states, const EdgeStates& edge, Time now, const Issuance& issuance,
                              const OutsideStates& outside) {
    json::array all;
    std::size_t bytes = 0;
    if (issuance.signing) add_source(all.emplace_back(signing_json(*issuance.signing)).get_object(), issuance);
    for (const auto& one : all_of(states, edge, outside)) {
        const auto problem = std::string_view(one.problem).substr(0, longest_problem);
        json::object row{{"whose", one.whose},
                         {"name", one.name},
                         {"identity", one.identity},
                         {"certificate", one.files.certificate},
                         {"key", one.files.key},
                         {"not_before", one.not_before ? base::time_text(*one.not_before) : ""},
                         {"not_after", one.not_after ? base::time_text(*one.not_after) : ""},
                         {"not_after_unix", one.not_after ? base::unix_seconds(*one.not_after) : 0},
                         {"state", state_of(one, now)},
                         {"problem", problem},
                         {"since", base::time_text(one.since)}};
        add_source(row, issuance);
        bytes += json::serialize(row).size();
        if (bytes > most_bytes) break;
        all.emplace_back(std::move(row));
    }
    return all;
}

std::vector<prometheus::MetricFamily> certificate_families(const CertificateStates& states, const EdgeStates& edge, Time now,
                                                           const OutsideStates& outside) {
    using prometheus::MetricType;
    Family expiry("meshd_tls_certificate_expiry_seconds", "Time until the certificate in use ends; below 0: since it ended.",
                  MetricType::Gauge);
    Family problem("meshd_tls_certificate_problem",
                   "1 while what the files hold now is not in use, or is nothing that peers take.", MetricType::Gauge);
    for (const auto& one : all_of(states, edge, outside)) {
        auto labels = labels_of(one);
        problem.add(labels, one.problem.empty() ? 0 : 1);
        if (!one.not_after) continue;
        labels.insert(labels.begin(), {"identity", one.identity});
        expiry.add(labels, std::chrono::duration_cast<std::chrono::seconds>(*one.not_after - now).count());
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
