// SPDX-License-Identifier: Apache-2.0
#include "tls/server.hpp"

#include <utility>

#include <boost/asio/ssl/context.hpp>

#include "tls/make_contexts.hpp"
#include "tls/open_stream.hpp"
#include "tls/session_data.hpp"
#include "tls/trust_store.hpp"

namespace meshd::tls {

namespace asio = boost::asio;

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
    SSL_CTX_set_session_cache_mode(made->get(), SSL_SESS_CACHE_OFF);
    return std::shared_ptr<const Serving>(new Serving(std::make_unique<Context>(std::move(*made))));
}

Serving::Serving(std::unique_ptr<Context> context) : context_(std::move(context)) {}
Serving::~Serving() = default;

ServerConnection::ServerConnection(asio::ip::tcp::socket socket, const std::shared_ptr<const Serving>& serving)
    : stream_(std::make_shared<OpenStream>(std::move(socket), serving, serving->context_->ssl)) {}
ServerConnection::~ServerConnection() { stream_->close(); }

void ServerConnection::handshake(std::function<void(const boost::system::error_code&)> handler) {
    stream_->handshake(asio::ssl::stream_base::server, std::move(handler));
}
void ServerConnection::read_some(asio::mutable_buffer buffer, Handler handler) { stream_->read_some(buffer, std::move(handler)); }
void ServerConnection::write(asio::const_buffer buffer, Handler handler) { stream_->write(buffer, std::move(handler)); }
void ServerConnection::say_goodbye(std::function<void()> handler) { stream_->say_goodbye(std::move(handler)); }

std::string ServerConnection::peer() const { return peer_identity(stream_->handle()); }

std::string ServerConnection::why_rejected() const {
    const auto* const rejection = SessionData::rejection(stream_->handle());
    return rejection != nullptr ? rejection->detail : std::string();
}

}  // namespace meshd::tls
