// SPDX-License-Identifier: Apache-2.0
#include "tls/session_secrets.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/tls1.h>

#include "tls/session_data.hpp"

namespace meshd::tls {

namespace {

struct FreeKdf {
    void operator()(EVP_KDF* kdf) const { ::EVP_KDF_free(kdf); }
    void operator()(EVP_KDF_CTX* context) const { ::EVP_KDF_CTX_free(context); }
};

OSSL_PARAM octets(const char* name, std::span<const unsigned char> bytes) {
    return ::OSSL_PARAM_construct_octet_string(name, const_cast<unsigned char*>(bytes.data()), bytes.size());
}

std::span<const unsigned char> bytes_of(std::string_view text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

// HKDF-Expand-Label(secret, label, "", into.size()), RFC 8446, 7.1.
bool expand(std::span<const unsigned char> secret, std::string_view label, std::span<unsigned char> into) {
    static const std::unique_ptr<EVP_KDF, FreeKdf> kdf(::EVP_KDF_fetch(nullptr, "TLS13-KDF", nullptr));
    const std::unique_ptr<EVP_KDF_CTX, FreeKdf> context(kdf != nullptr ? ::EVP_KDF_CTX_new(kdf.get()) : nullptr);
    if (context == nullptr) return false;
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    std::string digest = secret.size() == 48 ? "SHA2-384" : "SHA2-256";
    const std::array<OSSL_PARAM, 6> parameters{::OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                                               ::OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
                                               octets(OSSL_KDF_PARAM_KEY, secret),
                                               octets(OSSL_KDF_PARAM_PREFIX, bytes_of("tls13 ")),
                                               octets(OSSL_KDF_PARAM_LABEL, bytes_of(label)),
                                               ::OSSL_PARAM_construct_end()};
    return ::EVP_KDF_derive(context.get(), into.data(), into.size(), parameters.data()) == 1;
}

// The last word of "CLIENT_TRAFFIC_SECRET_0 RANDOM SECRET", behind which is a NUL.
std::optional<TrafficSecret> secret_in(std::string_view line) {
    const auto text = line.substr(std::min(line.size(), line.rfind(' ') + 1));
    std::array<unsigned char, 48> bytes{};
    std::size_t size = 0;
    if (::OPENSSL_hexstr2buf_ex(bytes.data(), bytes.size(), &size, text.data(), '\0') != 1) return std::nullopt;
    TrafficSecret secret(std::span<const unsigned char>(bytes).first(size));
    ::OPENSSL_cleanse(bytes.data(), bytes.size());
    return secret;
}

}  // namespace

TrafficSecret::TrafficSecret(std::span<const unsigned char> bytes) : size_(std::min(bytes.size(), bytes_.size())) {
    std::copy_n(bytes.begin(), size_, bytes_.begin());
}

TrafficSecret::~TrafficSecret() { ::OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

std::optional<ktls::Keys> TrafficSecret::keys(ktls::Cipher cipher) const {
    ktls::Keys keys;
    keys.cipher = cipher;
    if (size_ == 0 || !expand(bytes(), "key", std::span(keys.key).first(ktls::key_size(cipher))) ||
        !expand(bytes(), "iv", keys.iv))
        return std::nullopt;
    return keys;
}

std::optional<TrafficSecret> TrafficSecret::next() const {
    TrafficSecret later(*this);
    if (size_ == 0 || !expand(bytes(), "traffic upd", std::span(later.bytes_).first(size_))) return std::nullopt;
    return later;
}

void RecordEnds::feed(std::string_view received) {
    while (!received.empty()) {
        if (in_body_ == 0) {
            header_.at(in_header_++) = static_cast<unsigned char>(received.front());
            received.remove_prefix(1);
            if (in_header_ < header_.size()) continue;
            in_body_ = header_[3] << 8U | header_[4];
            in_header_ = 0;
            continue;
        }
        const auto taken = std::min(in_body_, received.size());
        in_body_ -= taken;
        received.remove_prefix(taken);
    }
}

std::size_t RecordEnds::missing() const { return in_header_ > 0 ? header_.size() - in_header_ : in_body_; }

void SessionSecrets::let_through(SSL_CTX* context) { ::SSL_CTX_set_keylog_callback(context, take_line); }

bool SessionSecrets::are_let_through(SSL_CTX* context) { return ::SSL_CTX_get_keylog_callback(context) != nullptr; }

SessionSecrets::SessionSecrets(SSL* session) : session_(session) {
    SessionData::set_secrets(session, this);
    ::SSL_set_msg_callback(session, see_message);
    SSL_set_msg_callback_arg(session, this);
}

// OpenSSL calls this in the moment in which the secret comes into force.
void SessionSecrets::take_line(const SSL* session, const char* line) {
    auto* const self = SessionData::secrets(session);
    if (self == nullptr) return;
    const std::string_view text(line);
    const bool is_client = text.starts_with("CLIENT_TRAFFIC_SECRET_0 ");
    if (!is_client && !text.starts_with("SERVER_TRAFFIC_SECRET_0 ")) return;
    auto& way = self->of(is_client == (::SSL_is_server(session) == 0) ? ktls::Way::transmit : ktls::Way::receive);
    way.records = 0;
    if (auto secret = secret_in(text)) way.secret = *secret;
}

void SessionSecrets::see_message(int is_written, int /*version*/, int type, const void* bytes, std::size_t size, SSL* /*session*/,
                                 void* self) {
    auto& secrets = *static_cast<SessionSecrets*>(self);
    if (type == SSL3_RT_HEADER) ++secrets.of(is_written != 0 ? ktls::Way::transmit : ktls::Way::receive).records;
    if (type == SSL3_RT_HANDSHAKE && size > 0 && *static_cast<const unsigned char*>(bytes) == SSL3_MT_KEY_UPDATE)
        secrets.is_spoilt_ = true;
}

std::optional<ktls::Cipher> SessionSecrets::cipher() const {
    if (::SSL_version(session_) != TLS1_3_VERSION) return std::nullopt;
    switch (::SSL_CIPHER_get_id(::SSL_get_current_cipher(session_))) {
        case TLS1_3_CK_AES_128_GCM_SHA256:
            return ktls::Cipher::aes_128_gcm;
        case TLS1_3_CK_AES_256_GCM_SHA384:
            return ktls::Cipher::aes_256_gcm;
        case TLS1_3_CK_CHACHA20_POLY1305_SHA256:
            return ktls::Cipher::chacha20_poly1305;
        default:
            return std::nullopt;
    }
}

std::optional<ktls::Keys> SessionSecrets::keys(ktls::Way way) const {
    const auto known = cipher();
    if (is_spoilt_ || !known) return std::nullopt;
    const auto& one = ways_.at(static_cast<std::size_t>(way));
    auto keys = one.secret.keys(*known);
    if (keys) keys->sequence = one.records;
    return keys;
}

std::optional<ktls::Keys> SessionSecrets::next_keys(ktls::Way way) {
    const auto known = cipher();
    const auto later = of(way).secret.next();
    if (!known || !later) return std::nullopt;
    of(way) = {*later, 0};
    return later->keys(*known);
}

}  // namespace meshd::tls
