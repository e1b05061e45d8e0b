// SPDX-License-Identifier: Apache-2.0
// What edge_certificate.hpp hides from those who do not know OpenSSL. Private to this library.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tls/contexts.hpp"
#include "tls/edge_certificate.hpp"
#include "tls/ocsp_staple.hpp"
#include "tls/ticket_keys.hpp"

namespace meshd::tls {

struct EdgeCertificate::State {
    std::shared_ptr<TicketKeys> tickets;
    std::optional<Staple> staple;
    ContextPtr server;
    std::string path;
    std::vector<std::string> names;
    Time not_before, not_after;
    int key_type = 0;  // EVP_PKEY_base_id()
    std::string staple_problem;
    bool must_staple = false;
};

}  // namespace meshd::tls
