// SPDX-License-Identifier: Apache-2.0
#include "tls/client.hpp"

#include <utility>

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

#include "base/address.hpp"
#include "tls/context.hpp"
#include "tls/open_stream.hpp"

namespace meshd::tls {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// RFC 7301: each name behind its length.
std::string wire_form(std::initializer_list<std::string_view> protocols) {
    std::string wire;
    for (const auto protocol : protocols) {
        wire += static_cast<char>(protocol.size());
        wire += protocol;
    }
    return wire;
}

Failure failure_of(long verification) {
    switch (verification) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return Failure::expired;
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return Failure::wrong_name;
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_CERT_UNTRUSTED:
            return Failure::unknown_ca;
        default:
            return Failure::certificate;
    }
}

}  // namespace

Client::Client(asio::ip::tcp::socket socket, std::shared_ptr<Trust> trust, const std::string& name,
               std::initializer_list<std::string_view> protocols)
    : stream_(std::make_shared<OpenStream>(std::move(socket), trust, trust->context)) {
    auto* const handle = stream_->handle();
    if (base::IpAddress::parse(name)) {
        ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(handle), name.c_str());
    } else {
        SSL_set_tlsext_host_name(handle, name.c_str());
        ::SSL_set1_host(handle, name.c_str());
    }
    const auto wire = wire_form(protocols);
    if (!wire.empty())
        ::SSL_set_alpn_protos(handle, reinterpret_cast<const unsigned char*>(wire.data()), static_cast<unsigned>(wire.size()));
}

Client::~Client() { stream_->close(); }

void Client::handshake(std::function<void(const error_code&)> handler) {
    stream_->handshake(asio::ssl::stream_base::client, std::move(handler));
}
void Client::read_some(asio::mutable_buffer buffer, Handler handler) { stream_->read_some(buffer, std::move(handler)); }
void Client::write(asio::const_buffer buffer, Handler handler) { stream_->write(buffer, std::move(handler)); }

std::string Client::protocol() const {
    const unsigned char* data = nullptr;
    unsigned size = 0;
    ::SSL_get0_alpn_selected(stream_->handle(), &data, &size);
    return {reinterpret_cast<const char*>(data), size};
}

Client::Reason Client::why(const error_code& handshake_error) const {
    const auto verification = ::SSL_get_verify_result(stream_->handle());
    if (verification != X509_V_OK) return {failure_of(verification), ::X509_verify_cert_error_string(verification)};
    if (handshake_error == asio::error::connection_reset || handshake_error == asio::error::broken_pipe)
        return {Failure::reset, {}};
    if (is_end(handshake_error)) return {Failure::closed, {}};
    return {Failure::protocol, handshake_error.message()};
}

bool is_end(const error_code& error) { return error == asio::error::eof || error == asio::ssl::error::stream_truncated; }

}  // namespace meshd::tls
