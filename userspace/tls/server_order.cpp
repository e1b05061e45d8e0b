// SPDX-License-Identifier: Apache-2.0
#include "tls/server_order.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <openssl/objects.h>

#include "tls/draft.hpp"
#include "tls/identity_files.hpp"

namespace meshd::tls {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t digest_size = 32;
constexpr auto clock_difference = 1h;
constexpr auto challenge_lifetime = 24h;  // far more than a validation takes

// Once for all: OpenSSL knows the extension by a number that it gives.
int acme_identifier() {
    static const int number = ::OBJ_create("1.3.6.1.5.5.7.1.31", "acmeIdentifier", "ACME Identifier");
    return number;
}

}  // namespace

base::Result<Validity> check_issued(const std::string& pem, const std::string& key, const std::vector<std::string>& names,
                                    const std::string& path) {
    const auto identity = identity_in(pem, key, {path, "its key"});
    if (!identity) return tl::make_unexpected(identity.error());
    const auto* const leaf = identity->chain.front().get();
    const auto given = dns_names_of(leaf);
    for (const auto& name : names)
        if (std::find(given.begin(), given.end(), name) == given.end())
            return base::fail({"use the certificate in", path, 0, "it is not for " + name, {}});
    return Validity{{}, not_before(leaf), not_after(leaf)};
}

base::Result<ChallengeCertificate> make_challenge_certificate(const std::string& name, std::string_view digest) {
    if (digest.size() != digest_size)
        return base::fail({"answer the challenge for", name, 0, fmt::format("its digest has {} bytes", digest.size()), {}});
    const auto key = make_key(KeyKind::ec_p256);
    if (!key) return tl::make_unexpected(key.error());
    std::string octets = "critical,DER:0420";  // an octet string of 32 bytes
    for (const unsigned char byte : digest) octets += fmt::format("{:02x}", byte);
    const auto now = std::chrono::system_clock::now();
    Draft draft;
    draft.common_name = "ACME challenge";
    draft.extensions = {{NID_subject_alt_name, "DNS:" + name}, {acme_identifier(), octets}};
    draft.not_before = now - clock_difference;
    draft.not_after = now + challenge_lifetime;
    const auto made = sign(draft, key->get(), {nullptr, key->get()});
    if (!made) return tl::make_unexpected(made.error());
    return ChallengeCertificate{pem_of(made->get()), pem_of(key->get())};
}

}  // namespace meshd::tls
