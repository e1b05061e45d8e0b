// SPDX-License-Identifier: Apache-2.0
// Whom both sides of a connection between workers believe, read from files once for many credentials. Immutable and shared by
// all threads.
#pragma once

#include <memory>
#include <string>

#include "base/error.hpp"

namespace meshd::tls {

struct TrustFiles {
    std::string trust_domain;
    std::string authorities;  // PEM
    std::string revoked;      // PEM; empty: none

    bool operator==(const TrustFiles&) const = default;
};

class TrustAnchors {
public:
    // An error names the file and what is wrong with it.
    static base::Result<std::shared_ptr<const TrustAnchors>> load(const TrustFiles& files);

    TrustAnchors(const TrustAnchors&) = delete;
    TrustAnchors& operator=(const TrustAnchors&) = delete;
    ~TrustAnchors();

    [[nodiscard]] const std::string& trust_domain() const { return trust_domain_; }

    // Userspace/tls only.
    struct Store;
    [[nodiscard]] const Store& store() const { return *store_; }

private:
    TrustAnchors(std::string trust_domain, std::unique_ptr<Store> store);
    std::string trust_domain_;
    std::unique_ptr<Store> store_;
};

}  // namespace meshd::tls
