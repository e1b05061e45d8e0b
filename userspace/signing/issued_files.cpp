// SPDX-License-Identifier: Apache-2.0
#include "signing/issued_files.hpp"

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "config/text_file.hpp"
#include "tls/credentials.hpp"
#include "tls/private_file.hpp"

namespace meshd::signing {

namespace {

constexpr const char* beside = ".next";

std::string text_or_nothing(const std::string& path) {
    const auto file = config::read_text_file(path);
    return file ? file->text : std::string();
}

base::Result<void> rename(const std::string& from, const std::string& to) {
    if (std::rename(from.c_str(), to.c_str()) == 0) return {};
    return base::fail_errno("replace", to);
}

}  // namespace

IssuedFiles::IssuedFiles(const model::NodeTls& tls)
    : pinned_(tls.authorities),
      copy_(tls.issuer->directory + "/pinned.pem"),
      trust_{tls.trust_domain, tls.issuer->directory + "/authorities.pem", tls.issuer->directory + "/revoked.pem"} {}

std::string IssuedFiles::revoked() const {
    std::error_code error;
    return std::filesystem::exists(trust_.revoked, error) ? trust_.revoked : std::string();
}

bool IssuedFiles::has_authorities() const {
    std::error_code error;
    return std::filesystem::exists(trust_.authorities, error);
}

base::Result<bool> IssuedFiles::pin() const {
    const auto wanted = config::read_text_file(pinned_);
    if (!wanted) return tl::make_unexpected(wanted.error());
    if (wanted->text == text_or_nothing(copy_) && has_authorities()) return false;
    if (const auto anchors = tls::TrustAnchors::load({trust_.trust_domain, pinned_, {}}); !anchors)
        return tl::make_unexpected(anchors.error());
    if (std::remove(trust_.revoked.c_str()) != 0 && errno != ENOENT) return base::fail_errno("remove", trust_.revoked);
    auto done = tls::replace_file(trust_.authorities, wanted->text, tls::for_all);
    if (done) done = tls::replace_file(copy_, wanted->text, tls::for_all);
    if (!done) return tl::make_unexpected(done.error());
    return true;
}

base::Result<bool> IssuedFiles::take(const Trust& given) const {
    if (given.authorities == text_or_nothing(trust_.authorities) && given.revoked == text_or_nothing(trust_.revoked))
        return false;
    const tls::TrustFiles next{trust_.trust_domain, trust_.authorities + beside, trust_.revoked + beside};
    auto done = tls::replace_file(next.authorities, given.authorities, tls::for_all);
    if (done) done = tls::replace_file(next.revoked, given.revoked, tls::for_all);
    if (!done) return tl::make_unexpected(done.error());
    if (const auto anchors = tls::TrustAnchors::load(next); !anchors) return tl::make_unexpected(anchors.error());
    done = rename(next.authorities, trust_.authorities);
    if (done) done = rename(next.revoked, trust_.revoked);
    if (!done) return tl::make_unexpected(done.error());
    return true;
}

base::Result<tls::Validity> IssuedFiles::take(const std::string& path, const std::string& certificate, const std::string& key,
                                              const std::string& identity) const {
    const auto next = path + beside;
    if (const auto written = tls::replace_file(next, certificate + key, tls::for_owner); !written)
        return tl::make_unexpected(written.error());
    const auto loaded = tls::Credentials::load(model::CertificateFiles{next, next}, trust());
    const bool is_good = loaded && (identity.empty() || (*loaded)->identity() == identity);
    if (!is_good) (void)std::remove(next.c_str());
    if (!loaded) return tl::make_unexpected(loaded.error());
    const auto& credentials = **loaded;
    if (!is_good)
        return base::fail(
            {"take the certificate of", identity, 0, "the signing agent gave one of " + credentials.identity(), {}});
    if (const auto renamed = rename(next, path); !renamed) return tl::make_unexpected(renamed.error());
    return tls::Validity{credentials.identity(), credentials.not_before(), credentials.not_after()};
}

}  // namespace meshd::signing
