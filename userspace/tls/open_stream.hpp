// SPDX-License-Identifier: Apache-2.0
// A TLS stream over a socket that is connected, for Client and ServerConnection. Operations in flight hold it until they are
// through; after close() no handler is called. Private to this library.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

namespace meshd::tls {

class OpenStream : public std::enable_shared_from_this<OpenStream> {
public:
    using ErrorCode = boost::system::error_code;
    using Handler = std::function<void(const ErrorCode&, std::size_t)>;

    // `keeper`: whose the context is.
    OpenStream(boost::asio::ip::tcp::socket socket, std::shared_ptr<const void> keeper, boost::asio::ssl::context& context)
        : keeper_(std::move(keeper)), stream_(std::move(socket), context) {}

    void close() {
        is_closed_ = true;
        ErrorCode ignored;
        stream_.next_layer().close(ignored);
    }
    void handshake(boost::asio::ssl::stream_base::handshake_type side, std::function<void(const ErrorCode&)> handler) {
        stream_.async_handshake(side, [self = shared_from_this(), handler = std::move(handler)](const ErrorCode& error) {
            if (!self->is_closed_) handler(error);
        });
    }
    void read_some(boost::asio::mutable_buffer buffer, Handler handler) {
        stream_.async_read_some(buffer, guarded(std::move(handler)));
    }
    void write(boost::asio::const_buffer buffer, Handler handler) {
        boost::asio::async_write(stream_, buffer, guarded(std::move(handler)));
    }
    void say_goodbye(std::function<void()> handler) {
        stream_.async_shutdown([self = shared_from_this(), handler = std::move(handler)](const ErrorCode& /*error*/) {
            if (!self->is_closed_) handler();
        });
    }

    [[nodiscard]] SSL* handle() { return stream_.native_handle(); }

private:
    Handler guarded(Handler handler) {
        return [self = shared_from_this(), handler = std::move(handler)](const ErrorCode& error, std::size_t size) {
            if (!self->is_closed_) handler(error, size);
        };
    }

    std::shared_ptr<const void> keeper_;
    boost::asio::ssl::stream<boost::asio::ip::tcp::socket> stream_;
    bool is_closed_ = false;
};

}  // namespace meshd::tls
