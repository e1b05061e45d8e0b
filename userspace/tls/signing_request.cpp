// SPDX-License-Identifier: Apache-2.0
#include "tls/signing_request.hpp"

#include <openssl/pem.h>

#include "tls/draft.hpp"

namespace meshd::tls {

namespace {

bool add_names(X509_REQ* request, const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text.append(text.empty() ? "DNS:" : ",DNS:").append(name);
    X509V3_CTX context;
    ::X509V3_set_ctx(&context, nullptr, nullptr, request, nullptr, 0);
    const ExtensionsPtr all(sk_X509_EXTENSION_new_null());
    auto* const extension = ::X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name, text.c_str());
    if (extension == nullptr || sk_X509_EXTENSION_push(all.get(), extension) == 0) {
        ::X509_EXTENSION_free(extension);
        return false;
    }
    return ::X509_REQ_add_extensions(request, all.get()) == 1;
}

}  // namespace

base::Result<SigningRequest> make_signing_request(const std::vector<std::string>& names) {
    const auto key = make_key(KeyKind::ec_p256);
    if (!key) return tl::make_unexpected(key.error());
    const RequestPtr request(::X509_REQ_new());
    const bool is_signed = request != nullptr && ::X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
                           ::X509_REQ_set_pubkey(request.get(), key->get()) == 1 &&
                           (names.empty() || add_names(request.get(), names)) &&
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
