// SPDX-License-Identifier: Apache-2.0
// The server's side of TLS 1.3 connections whose clients may show a certificate of the mesh, and may show none.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/error.hpp"
#include "tls/trust_anchors.hpp"

namespace meshd::tls {

class OpenStream;

// What a server shows, and by whom it goes when a client shows something. Sessions are not resumed: each certificate is checked.
class Serving {
public:
    // PEM texts, which errors call `name`.
    static base::Result<std::shared_ptr<const Serving>> make(const std::string& certificate, const std::string& key,
                                                             const TrustFiles& trust, const std::string& name);

    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;
    ~Serving();

private:
    friend class ServerConnection;
    struct Context;
    explicit Serving(std::unique_ptr<Context> context);
    std::unique_ptr<Context> context_;
};

// Everything on the thread of the loop. Destroying it closes the socket; no handler is called after that.
class ServerConnection {
public:
    using Handler = std::function<void(const boost::system::error_code&, std::size_t)>;

    ServerConnection(boost::asio::ip::tcp::socket socket, const std::shared_ptr<const Serving>& serving);
    ServerConnection(const ServerConnection&) = delete;
    ServerConnection& operator=(const ServerConnection&) = delete;
    ~ServerConnection();

    // One after the other.
    void handshake(std::function<void(const boost::system::error_code&)> handler);
    void read_some(boost::asio::mutable_buffer buffer, Handler handler);
    void write(boost::asio::const_buffer buffer, Handler handler);
    void say_goodbye(std::function<void()> handler);

    [[nodiscard]] std::string peer() const;          // its SPIFFE ID; empty: it showed no certificate
    [[nodiscard]] std::string why_rejected() const;  // after a handshake that failed; empty: not for its certificate

private:
    std::shared_ptr<OpenStream> stream_;
};

}  // namespace meshd::tls
