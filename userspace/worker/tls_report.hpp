// SPDX-License-Identifier: Apache-2.0
// The certificates of this host, as people and Prometheus read how they stand.
#pragma once

#include <chrono>
#include <vector>

#include <prometheus/metric_family.h>
#include <boost/json/array.hpp>

#include "tls/credential_store.hpp"

namespace meshd::worker {

using CertificateStates = std::vector<tls::CredentialStore::State>;

// The items of GET /v1/certificates, docs/api.md.
boost::json::array certificates_json(const CertificateStates& states, std::chrono::system_clock::time_point now);

std::vector<prometheus::MetricFamily> certificate_families(const CertificateStates& states,
                                                           std::chrono::system_clock::time_point now);

}  // namespace meshd::worker
