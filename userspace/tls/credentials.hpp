// SPDX-License-Identifier: Apache-2.0
// One identity, ready for handshakes with other workers: its certificate and key, and whom it believes. Or what a client of a
// server outside of the mesh needs: outside_trust.hpp. Immutable and shared by all threads; sessions that began with it keep it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "model/tls.hpp"
#include "tls/trust_anchors.hpp"

namespace meshd::tls {

class Credentials {
public:
    // An error names the file and what is wrong with it. A certificate that is expired, weak, for another trust domain or of an
    // unknown authority is an error as well: peers would refuse it.
    static base::Result<std::shared_ptr<const Credentials>> load(const model::CertificateFiles& files, const TrustFiles& trust);
    static base::Result<std::shared_ptr<const Credentials>> load(const model::CertificateFiles& files, const TrustAnchors& trust);

    // Without asking whether peers would refuse it: one that was good under other authorities shall go by the new ones.
    static base::Result<std::shared_ptr<const Credentials>> load_unchecked(const model::CertificateFiles& files,
                                                                           const TrustAnchors& trust);

    Credentials(const Credentials&) = delete;
    Credentials& operator=(const Credentials&) = delete;
    ~Credentials();

    [[nodiscard]] const std::string& identity() const;  // "spiffe://example.org/shop/web"
    [[nodiscard]] const std::string& trust_domain() const;
    [[nodiscard]] std::chrono::system_clock::time_point not_before() const;
    [[nodiscard]] std::chrono::system_clock::time_point not_after() const;
    [[nodiscard]] std::uint64_t number() const;  // another for each load(): pools and tickets are kept apart by it

    // What session.cpp makes its sessions from: userspace/tls only. of(): which gives it its number.
    struct Contexts;
    static std::shared_ptr<const Credentials> of(std::unique_ptr<Contexts> contexts);
    [[nodiscard]] const Contexts& contexts() const;

private:
    enum class Check : bool { skipped, as_peers_do };
    static base::Result<std::shared_ptr<const Credentials>> load(const model::CertificateFiles& files, const TrustAnchors& trust,
                                                                 Check how);
    Credentials();
    std::unique_ptr<Contexts> contexts_;
};

}  // namespace meshd::tls
