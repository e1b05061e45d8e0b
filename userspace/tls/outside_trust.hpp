// SPDX-License-Identifier: Apache-2.0
// Whom connections to servers outside of the mesh believe, and what they show, read from files once for many servers. Immutable.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "model/tls.hpp"
#include "tls/credentials.hpp"

namespace meshd::tls {

class OutsideTrust {
public:
    // An error names the file and what is wrong with it.
    static base::Result<std::shared_ptr<const OutsideTrust>> load(const model::OutsideCredentials& files);

    OutsideTrust(const OutsideTrust&) = delete;
    OutsideTrust& operator=(const OutsideTrust&) = delete;
    ~OutsideTrust();

    // For clients of servers that are to be spoken to in this way.
    [[nodiscard]] base::Result<std::shared_ptr<const Credentials>> credentials(const model::Origination& server) const;

    // Of the certificate that is shown, if there is one.
    [[nodiscard]] std::string shows() const;  // its subject
    [[nodiscard]] std::optional<std::chrono::system_clock::time_point> not_before() const, not_after() const;

private:
    struct Parts;
    explicit OutsideTrust(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace meshd::tls
