// SPDX-License-Identifier: Apache-2.0
// One certificate that edge listeners show to clients, ready for handshakes. Immutable and shared by all threads; sessions that
// began with it keep it.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "model/edge.hpp"

namespace meshd::tls {

class TicketKeys;

// Certificate and key that are not in files: see EdgeContext::find_challenge().
struct ChallengeCertificate {
    std::string certificate_pem, key_pem;

    bool operator==(const ChallengeCertificate&) const = default;
};

class EdgeCertificate {
public:
    // An error names the file. What clients may dislike is no error, but a problem(). `tickets` are shared by all that one
    // listener has.
    static base::Result<std::shared_ptr<const EdgeCertificate>> load(const model::EdgeCertificate& files,
                                                                     model::TlsProfile profile,
                                                                     std::shared_ptr<TicketKeys> tickets);
    // To answer "acme-tls/1" with, and nothing else (RFC 8737).
    static base::Result<std::shared_ptr<const EdgeCertificate>> of_challenge(const ChallengeCertificate& challenge,
                                                                             const std::string& name);

    EdgeCertificate(const EdgeCertificate&) = delete;
    EdgeCertificate& operator=(const EdgeCertificate&) = delete;
    ~EdgeCertificate();

    [[nodiscard]] const std::vector<std::string>& names() const;  // of hosts, in lower case; may have wildcards
    [[nodiscard]] int key_type() const;                           // RSA, ECDSA, …: other numbers
    [[nodiscard]] std::chrono::system_clock::time_point not_before() const;
    [[nodiscard]] std::chrono::system_clock::time_point not_after() const;
    // Why clients may refuse it now; empty: they should not.
    [[nodiscard]] std::string problem(std::chrono::system_clock::time_point now) const;

    // What session.cpp makes its sessions from: userspace/tls only.
    struct State;
    [[nodiscard]] const State& state() const { return *state_; }

private:
    EdgeCertificate();
    std::unique_ptr<State> state_;
};

}  // namespace meshd::tls
