// SPDX-License-Identifier: Apache-2.0
#include "relay/client_header.hpp"

#include <cstdint>

#include "relay/proxy_header.hpp"

namespace meshd::relay {

namespace {

// Section 2.2 of the specification.
constexpr std::uint8_t type_alpn = 0x01;
constexpr std::uint8_t type_authority = 0x02;
constexpr std::uint8_t type_ssl = 0x20;
constexpr std::uint8_t type_ssl_version = 0x21;
constexpr std::uint8_t type_ssl_cipher = 0x23;
constexpr char client_has_tls = 1;                       // PP2_CLIENT_SSL, and no certificate
constexpr std::string_view not_verified{"\0\0\0\1", 4};  // 0 would say that a certificate was shown and accepted

std::string version_1(const ClientFacts& client) {
    const bool v4 = client.source.address.is_v4() && client.destination.address.is_v4();
    const auto text = [&](const base::IpAddress& address) {
        return v4 || !address.is_v4() ? address.text() : "::ffff:" + address.text();
    };
    return std::string("PROXY ") + (v4 ? "TCP4 " : "TCP6 ") + text(client.source.address) + " " +
           text(client.destination.address) + " " + std::to_string(client.source.port) + " " +
           std::to_string(client.destination.port) + "\r\n";
}

std::string version_2(const ClientFacts& client) {
    std::string fields;
    if (!client.protocol.empty()) add_field(fields, type_alpn, client.protocol);
    if (!client.server_name.empty()) add_field(fields, type_authority, client.server_name);
    if (!client.tls_version.empty()) {
        std::string ssl(1, client_has_tls);
        ssl += not_verified;
        add_field(ssl, type_ssl_version, client.tls_version);
        if (!client.cipher.empty()) add_field(ssl, type_ssl_cipher, client.cipher);
        add_field(fields, type_ssl, ssl);
    }
    return to_wire(client.source, client.destination, fields);
}

}  // namespace

std::string client_header(model::ProxyProtocol version, const ClientFacts& client) {
    switch (version) {
        case model::ProxyProtocol::none:
            return {};
        case model::ProxyProtocol::v1:
            return version_1(client);
        case model::ProxyProtocol::v2:
            return version_2(client);
    }
    return {};
}

}  // namespace meshd::relay
