// SPDX-License-Identifier: Apache-2.0
// What the kernel needs to go on with a TLS 1.3 session in OpenSSL's place: the traffic secrets, and how many records they have
// protected. Private to this library.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <openssl/ssl.h>

#include "ktls/keys.hpp"

namespace meshd::tls {

// A secret of TLS 1.3 (RFC 8446, 7.1): as long as the cipher's hash.
class TrafficSecret {
public:
    TrafficSecret() = default;
    explicit TrafficSecret(std::span<const unsigned char> bytes);
    TrafficSecret(const TrafficSecret&) = default;
    TrafficSecret& operator=(const TrafficSecret&) = default;
    ~TrafficSecret();

    [[nodiscard]] std::span<const unsigned char> bytes() const { return std::span(bytes_).first(size_); }
    // RFC 8446, 7.3 and 7.2. Nothing: OpenSSL could not.
    [[nodiscard]] std::optional<ktls::Keys> keys(ktls::Cipher cipher) const;
    [[nodiscard]] std::optional<TrafficSecret> next() const;

private:
    std::array<unsigned char, 48> bytes_{};
    std::size_t size_ = 0;
};

// Where records begin and end in what is received.
class RecordEnds {
public:
    void feed(std::string_view received);
    // How many bytes the record wants that has come in part, as far as is known; 0: none has.
    [[nodiscard]] std::size_t missing() const;

private:
    std::array<unsigned char, 5> header_{};
    std::size_t in_header_ = 0, in_body_ = 0;
};

class SessionSecrets {
public:
    // Contexts that sessions with secrets are made from: OpenSSL writes all secrets down for a callback, which takes time.
    static void let_through(SSL_CTX* context);
    static bool are_let_through(SSL_CTX* context);

    explicit SessionSecrets(SSL* session);  // which must not outlive this
    SessionSecrets(const SessionSecrets&) = delete;
    SessionSecrets& operator=(const SessionSecrets&) = delete;

    void feed(std::string_view received) { ends_.feed(received); }
    [[nodiscard]] std::size_t missing() const { return ends_.missing(); }
    [[nodiscard]] bool are_known() const { return !is_spoilt_ && cipher(); }
    // For the next record. Nothing: not to be known, and never will be.
    [[nodiscard]] std::optional<ktls::Keys> keys(ktls::Way way) const;
    // Those behind a KeyUpdate: as the kernel counts from here on, the numbers begin at 0.
    [[nodiscard]] std::optional<ktls::Keys> next_keys(ktls::Way way);

private:
    static void take_line(const SSL* session, const char* line);
    static void see_message(int is_written, int version, int type, const void* bytes, std::size_t size, SSL* session, void* self);
    [[nodiscard]] std::optional<ktls::Cipher> cipher() const;

    struct OneWay {
        TrafficSecret secret;
        std::uint64_t records = 0;  // that it has protected
    };
    OneWay& of(ktls::Way way) { return ways_.at(static_cast<std::size_t>(way)); }

    SSL* session_;
    std::array<OneWay, 2> ways_;
    RecordEnds ends_;
    bool is_spoilt_ = false;  // a key was changed that is not known here
};

}  // namespace meshd::tls
