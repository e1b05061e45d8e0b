// SPDX-License-Identifier: Apache-2.0
// One connection of the server, from its first byte to its close. Private to this library.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>

#include "http/message.hpp"
#include "http/server.hpp"

namespace meshd::http {

// Who owns it calls start() once and close() at any time; on_end is called once, when the session has closed itself or was
// closed.
class Session : public std::enable_shared_from_this<Session> {
public:
    using Socket = boost::asio::generic::stream_protocol::socket;
    using OnEnd = std::function<void(const std::shared_ptr<Session>&)>;

    Session(Socket socket, std::optional<Peer> peer, const ServerLimits& limits, std::shared_ptr<const AsyncHandler> handler,
            OnEnd on_end);
    void start() { read_header(); }
    void close();

private:
    using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
    using Message = boost::beast::http::response<boost::beast::http::string_body>;
    using Serializer = boost::beast::http::response_serializer<boost::beast::http::string_body>;
    using ErrorCode = boost::beast::error_code;

    // Binds a member function with the session kept alive until it has run.
    template <typename Member>
    auto then(Member member) {
        return [self = shared_from_this(), member](const ErrorCode& error, std::size_t) { ((*self).*member)(error); };
    }

    void read_header();
    void on_header(const ErrorCode& error);
    void say_continue();
    void read_body();
    void on_request(const ErrorCode& error);
    void call_handler(const Request& request);
    void refuse(const ErrorCode& error);
    void refuse(unsigned status, std::string_view why);
    void respond(Response response);
    void write();
    void on_written(const ErrorCode& error);
    void linger();
    void drain();

    boost::beast::basic_stream<boost::asio::generic::stream_protocol> stream_;
    std::optional<Peer> peer_;
    ServerLimits limits_;
    std::shared_ptr<const AsyncHandler> handler_;
    OnEnd on_end_;
    boost::beast::flat_buffer buffer_;
    std::optional<Parser> parser_;  // a parser reads one message
    Message message_;
    std::optional<Serializer> serializer_;
    unsigned version_ = 11;  // of the request, which the answer repeats
    bool keeps_alive_ = false;
    bool is_head_ = false;
};

}  // namespace meshd::http
