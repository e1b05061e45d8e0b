// SPDX-License-Identifier: Apache-2.0
// The certificates of this host, as people and Prometheus read how they stand.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include <prometheus/metric_family.h>
#include <boost/json/array.hpp>

#include "acme/issuer.hpp"
#include "signing/issuer.hpp"
#include "signing/server.hpp"
#include "tls/credential_store.hpp"
#include "tls/edge_store.hpp"
#include "tls/outside_store.hpp"

namespace meshd::worker {

using CertificateStates = std::vector<tls::CredentialStore::State>;
using EdgeStates = std::vector<tls::EdgeStore::State>;
using OutsideStates = std::vector<tls::OutsideStore::State>;

// Where certificates come from that have no files, and whether this node signs for others.
struct Issuance {
    std::vector<signing::Issuer::State> issued{};
    std::optional<signing::Server::Status> signing{};
    std::vector<acme::Issuer::State> acme{};
};

// The items of GET /v1/certificates, docs/api.md.
boost::json::array certificates_json(const CertificateStates& states, const EdgeStates& edge,
                                     std::chrono::system_clock::time_point now, const Issuance& issuance = {},
                                     const OutsideStates& outside = {});

std::vector<prometheus::MetricFamily> certificate_families(const CertificateStates& states, const EdgeStates& edge,
                                                           std::chrono::system_clock::time_point now,
                                                           const OutsideStates& outside = {});

prometheus::MetricFamily renewal_family(const signing::Issuer::Counts& counts);
prometheus::MetricFamily signing_family(const signing::SignCounts& counts);

}  // namespace meshd::worker
