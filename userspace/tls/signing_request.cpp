// SPDX-License-Identifier: Apache-2.0
#include "tls/signing_request.hpp"

#include <openssl/pem.h>

#include "tls/draft.hpp"

namespace meshd::tls {

base::Result<SigningRequest> make_signing_request() {
    const auto key = make_key(KeyKind::ec_p256);
    if (!key) return tl::make_unexpected(key.error());
    const std::unique_ptr<X509_REQ, FreeBy<::X509_REQ_free>> request(::X509_REQ_new());
    const bool is_signed = request != nullptr && ::X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
                           ::X509_REQ_set_pubkey(request.get(), key->get()) == 1 &&
                           ::X509_REQ_sign(request.get(), key->get(), ::EVP_sha256()) > 0;
    const BioPtr text(::BIO_new(::BIO_s_mem()));
    if (!is_signed || ::PEM_write_bio_X509_REQ(text.get(), request.get()) != 1)
        return base::fail({"make a request for a certificate", {}, 0, openssl_error(), {}});
    char* data = nullptr;
    const auto size = BIO_get_mem_data(text.get(), &data);
    return SigningRequest{pem_of(key->get()), {data, static_cast<std::size_t>(size)}};
}

base::Result<Validity> validity_of(const std::string& pem, const std::string& path) {
    const auto certificates = certificates_in(pem, path);
    if (!certificates) return tl::make_unexpected(certificates.error());
    const auto* const first = certificates->front().get();
    auto uris = uris_of(first);
    return Validity{uris.size() == 1 ? std::move(uris.front()) : std::string(), not_before(first), not_after(first)};
}

}  // namespace meshd::tls
