// SPDX-License-Identifier: Apache-2.0
// What files of certificates, of the authority and of requests hold, whoever wrote them.
#include <cstddef>
#include <cstdint>
#include <string>

#include "tls/authority_record.hpp"
#include "tls/draft.hpp"
#include "tls/spiffe_id.hpp"
#include "tls/verify.hpp"
#include "tls/x509.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace meshd::tls;
    const std::string text(reinterpret_cast<const char*>(data), size);
    if (const auto id = SpiffeId::parse(text); id && id->text() != text) __builtin_trap();
    (void)parse_authority_record(text, "it");
    (void)request_in(text, "it");
    (void)revocations_in(text, "it");
    const auto certificates = certificates_in(text, "it");
    // The bytes of a certificate as they come in a handshake.
    const auto* at = data;
    const CertificatePtr raw(::d2i_X509(nullptr, &at, static_cast<long>(size)));
    openssl_error();
    const auto look = [](const X509* certificate) {
        std::string id;
        if (!identity_of(certificate, id) && !SpiffeId::parse(id)) __builtin_trap();
        (void)called(certificate);
        (void)weakness_of(certificate);
        (void)misuse_of(certificate);
        (void)not_after(certificate);
        (void)serial_of(certificate);
    };
    if (raw != nullptr) look(raw.get());
    if (certificates)
        for (const auto& certificate : *certificates) look(certificate.get());
    return 0;
}
