// SPDX-License-Identifier: Apache-2.0
#include "test_certificates.hpp"

#include <cstdlib>
#include <fstream>

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "config/text_file.hpp"

namespace meshd::tls {

namespace {

Time from_now(std::chrono::seconds seconds) { return std::chrono::system_clock::now() + seconds; }

KeyPtr key_for(const Wish& wish) {
    if (wish.rsa_bits != 0) return KeyPtr(EVP_RSA_gen(wish.rsa_bits));
    return KeyPtr(EVP_EC_gen(wish.curve));
}

Draft draft_of(const Wish& wish, const std::string& common_name) {
    Draft draft{common_name,
                {{NID_basic_constraints, wish.constraints},
                 {NID_subject_key_identifier, "hash"},
                 {NID_authority_key_identifier, "keyid"}},
                from_now(wish.begins),
                from_now(wish.ends),
                wish.digest};
    if (!wish.usage.empty()) draft.extensions.emplace_back(NID_key_usage, wish.usage);
    if (!wish.purposes.empty()) draft.extensions.emplace_back(NID_ext_key_usage, wish.purposes);
    if (!wish.names.empty()) draft.extensions.emplace_back(NID_subject_alt_name, wish.names);
    return draft;
}

Wish of_root() {
    auto wish = TestAuthority::of_intermediate();
    wish.constraints = "critical,CA:TRUE";
    return wish;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
}
TemporaryDirectory::~TemporaryDirectory() { std::filesystem::remove_all(path_); }

std::string TemporaryDirectory::path(std::string_view name) const { return path_ + "/" + std::string(name); }

std::string TemporaryDirectory::write(std::string_view name, std::string_view text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
}

Wish TestAuthority::of_intermediate() {
    return {.names = {},
            .usage = "critical,keyCertSign,cRLSign",
            .purposes = {},
            .constraints = "critical,CA:TRUE,pathlen:0",
            .ends = std::chrono::hours(24)};
}

TestAuthority::TestAuthority(const TemporaryDirectory& directory, std::string name, const Wish& intermediate)
    : directory_(directory), name_(std::move(name)), root_key_(key_for({})), intermediate_key_(key_for(intermediate)) {
    root_ = sign(draft_of(of_root(), name_ + " root"), root_key_.get(), {nullptr, root_key_.get()}).value();
    intermediate_ =
        sign(draft_of(intermediate, name_ + " intermediate"), intermediate_key_.get(), {root_.get(), root_key_.get()}).value();
    directory_.write(name_ + "-root.pem", pem_of(root_.get()));
}

model::CertificateFiles TestAuthority::issue(const Wish& wish) {
    const auto key = key_for(wish);
    const auto certificate = sign(draft_of(wish, "workload"), key.get(), {intermediate_.get(), intermediate_key_.get()}).value();
    const auto name = name_ + "-" + std::to_string(++issued_);
    return {directory_.write(name + ".pem", pem_of(certificate.get()) + pem_of(intermediate_.get())),
            directory_.write(name + ".key", pem_of(key.get()))};
}

TrustFiles TestAuthority::trust(const std::string& trust_domain) const {
    return {trust_domain, directory_.path(name_ + "-root.pem"), revocations_};
}

void TestAuthority::revoke(const model::CertificateFiles& issued) {
    const auto text = config::read_text_file(issued.certificate).value().text;
    revoked_.push_back({serial_of(certificates_in(text, issued.certificate).value().front().get()), from_now({})});
    write_revocations();
}

void TestAuthority::write_revocations(std::chrono::seconds ends) {
    const auto begins = from_now(std::chrono::seconds(-120));
    const auto of_issued = sign_revocations(revoked_, 1, begins, from_now(ends), {intermediate_.get(), intermediate_key_.get()});
    const auto of_root = sign_revocations({}, 1, begins, from_now(ends), {root_.get(), root_key_.get()});
    revocations_ = directory_.write(name_ + "-revoked.pem", pem_of(of_issued.value().get()) + pem_of(of_root.value().get()));
}

}  // namespace meshd::tls
