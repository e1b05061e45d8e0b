// SPDX-License-Identifier: Apache-2.0
#include "tls/identity_files.hpp"

#include <cerrno>
#include <utility>

#include "config/text_file.hpp"

namespace meshd::tls {

base::Result<std::string> read_for_worker(const std::string& path) {
    auto file = config::read_text_file(path);
    if (file) return std::move(file->text);
    if (file.error().code == EACCES) file.error().remedy = "let the user that the worker runs as read it";
    return base::fail(std::move(file.error()));
}

base::Result<Identity> read_identity(const model::CertificateFiles& files) {
    const auto certificate = read_for_worker(files.certificate);
    if (!certificate) return tl::make_unexpected(certificate.error());
    const auto key = read_for_worker(files.key);
    if (!key) return tl::make_unexpected(key.error());
    return identity_in(*certificate, *key, files);
}

base::Result<Identity> identity_in(const std::string& certificate, const std::string& key, const model::CertificateFiles& files) {
    auto chain = certificates_in(certificate, files.certificate);
    if (!chain) return tl::make_unexpected(chain.error());
    auto secret = key_in(key, files.key);
    if (!secret) return tl::make_unexpected(secret.error());
    if (::X509_check_private_key(chain->front().get(), secret->get()) != 1) {
        openssl_error();
        return base::fail({"use certificate", files.certificate, 0, "the key in " + files.key + " is not its key",
                           "the certificate of the key must be the first in its file"});
    }
    return Identity{std::move(*chain), std::move(*secret)};
}

}  // namespace meshd::tls
