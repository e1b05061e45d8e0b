// SPDX-License-Identifier: Apache-2.0
// The certificates of one edge listener: which is shown to whom. Immutable and shared by all threads.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/server_names.hpp"
#include "tls/edge_certificate.hpp"

namespace meshd::tls {

inline constexpr std::string_view challenge_protocol = "acme-tls/1";  // RFC 8737

class EdgeContext {
public:
    using CertificatePtr = std::shared_ptr<const EdgeCertificate>;

    // In the configuration's order. `is_strict`: nobody is shown one that does not fit. `awaited`: names whose certificate is
    // still to be issued, and that are shown no other that does not fit.
    EdgeContext(const std::vector<CertificatePtr>& certificates, bool is_strict, const std::vector<std::string>& awaited = {}) {
        for (const auto& one : certificates)
            for (const auto& name : one->names()) {
                by_name_.add(name, one);
                by_key_[one->key_type()].add(name, one);
            }
        for (const auto& name : awaited)
            if (by_name_.find(name) == nullptr) by_name_.add(name, nullptr);
        if (!certificates.empty() && !is_strict) first_ = certificates.front();
    }

    // `name` in lower case; empty: the client asked for none. Null: there is none to show.
    [[nodiscard]] CertificatePtr find(std::string_view name) const {
        const auto* const found = name.empty() ? nullptr : by_name_.find(name);
        return found != nullptr ? *found : first_;
    }

    // Those that may be shown in place of the one that find() found, to clients that know keys of another kind only.
    [[nodiscard]] std::vector<CertificatePtr> find_others(const EdgeCertificate& found, std::string_view name) const {
        std::vector<CertificatePtr> others;
        for (const auto& [key, by_name] : by_key_) {
            const auto* const other = key == found.key_type() || name.empty() ? nullptr : by_name.find(name);
            if (other != nullptr) others.push_back(*other);
        }
        return others;
    }

private:
    model::ServerNames<CertificatePtr> by_name_;
    std::map<int, model::ServerNames<CertificatePtr>> by_key_;  // of one kind of keys each
    CertificatePtr first_;
};

// What a session with a client is made from.
struct EdgeOffer {
    std::shared_ptr<const EdgeCertificate> certificate;
    std::vector<std::shared_ptr<const EdgeCertificate>> others{};  // with other kinds of keys; the client's preference decides
    std::shared_ptr<const std::string> protocols{};  // of ALPN, the best first, as protocol_list() has them; null: none
};

// RFC 7301, 3.1: each behind its length.
inline std::string protocol_list(const std::vector<std::string>& protocols) {
    std::string list;
    for (const auto& one : protocols) {
        list += static_cast<char>(one.size());
        list += one;
    }
    return list;
}

}  // namespace meshd::tls
