// SPDX-License-Identifier: Apache-2.0
#include "tls/server.hpp"

#include <utility>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "tls/make_contexts.hpp"
#include "tls/session_data.hpp"
#include "tls/trust_store.hpp"

namespace meshd::tls {

namespace asio = boost::asio;
using boost::system::error_code;

struct Serving::Context {
    explicit Context(ContextPtr made) : ssl(made.release()) {}
    mutable asio::ssl::context ssl;  // streams want one that is not const, and change nothing of it
};

base::Result<std::shared_ptr<const Serving>> Serving::make(const std::string& certificate, const std::string& key,
                                                           const TrustFiles& trust, const std::string& name) {
    auto chain = certificates_in(certificate, name);
    if (!chain) return tl::make_unexpected(chain.error());
    auto secret = key_in(key, name);
    if (!secret) return tl::make_unexpected(secret.error());
    const auto anchors = TrustAnchors::load(trust);
    if (!anchors) return tl::make_unexpected(anchors.error());
    auto made = server_context({std::move(*chain), std::move(*secret)}, (*anchors)->store().store.get(), trust.trust_domain);
    if (!made) return tl::make_unexpected(made.error());
    ::SSL_CTX_set_verify(made->get(), SSL_VERIFY_PEER, nullptr);
    ::SSL_CTX_set_num_tickets(made->get(), 0);
    ::SSL_CTX_set_options(made->get(), SSL_OP_NO_TICKET);
    return std::shared_ptr<const Serving>(new Serving(std::make_unique<Context>(std::move(*made))));
}

Serving::Serving(std::unique_ptr<Context> context) : context_(std::move(context)) {}
Serving::~Serving() = default;

// Operations in flight use the stream: each holds it until it is through.
class ServerConnection::Stream {
public:
    Stream(asio::ip::tcp::socket socket, std::shared_ptr<const Serving> serving)
        : serving_(std::move(serving)), ssl(std::move(socket), serving_->context_->ssl) {}

private:
    std::shared_ptr<const Serving> serving_;

public:
    asio::ssl::stream<asio::ip::tcp::socket> ssl;
    bool is_closed = false;
};

ServerConnection::ServerConnection(asio::ip::tcp::socket socket, std::shared_ptr<const Serving> serving)
    : stream_(std::make_shared<Stream>(std::move(socket), std::move(serving))) {}

ServerConnection::~ServerConnection() {
    stream_->is_closed = true;
    error_code ignored;
    stream_->ssl.next_layer().close(ignored);
}

void ServerConnection::handshake(std::function<void(const error_code&)> handler) {
    stream_->ssl.async_handshake(asio::ssl::stream_base::server,
                                 [stream = stream_, handler = std::move(handler)](const error_code& error) {
                                     if (!stream->is_closed) handler(error);
                                 });
}

void ServerConnection::read_some(asio::mutable_buffer buffer, Handler handler) {
    stream_->ssl.async_read_some(buffer,
                                 [stream = stream_, handler = std::move(handler)](const error_code& error, std::size_t size) {
                                     if (!stream->is_closed) handler(error, size);
                                 });
}

void ServerConnection::write(asio::const_buffer buffer, Handler handler) {
    asio::async_write(stream_->ssl, buffer,
                      [stream = stream_, handler = std::move(handler)](const error_code& error, std::size_t size) {
                          if (!stream->is_closed) handler(error, size);
                      });
}

void ServerConnection::close(std::function<void()> handler) {
    stream_->ssl.async_shutdown([stream = stream_, handler = std::move(handler)](const error_code& /*error*/) {
        if (!stream->is_closed) handler();
    });
}

std::string ServerConnection::peer() const { return peer_identity(stream_->ssl.native_handle()); }

std::string ServerConnection::why_rejected() const {
    const auto* const rejection = SessionData::rejection(stream_->ssl.native_handle());
    return rejection != nullptr ? rejection->detail : std::string();
}

}  // namespace meshd::tls
