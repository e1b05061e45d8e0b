// SPDX-License-Identifier: Apache-2.0
// One connection of the signing agent: one request over TLS, its answer, the end.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "http/message.hpp"
#include "tls/server.hpp"

namespace meshd::signing {

class Connection : public std::enable_shared_from_this<Connection> {
public:
    // `peer`: the identity of a certificate that was shown; empty: none.
    using Handler = std::function<http::Response(const http::Request& request, const std::string& peer)>;
    using OnEnd = std::function<void(const std::shared_ptr<Connection>&)>;

    Connection(boost::asio::ip::tcp::socket socket, const std::shared_ptr<const tls::Serving>& serving, Handler handler,
               OnEnd on_end);
    void start();
    void close();  // on_end is called once, here or when the connection has ended by itself

private:
    using ErrorCode = boost::system::error_code;

    void read();
    void take(std::size_t size);
    void answer();
    void respond(const http::Response& response);

    boost::asio::steady_timer timer_;  // for all of it
    std::string from_;                 // its address
    tls::ServerConnection stream_;
    Handler handler_;
    OnEnd on_end_;
    boost::beast::flat_buffer buffer_;
    boost::beast::http::request_parser<boost::beast::http::string_body> parser_;
    std::string written_;
};

}  // namespace meshd::signing
