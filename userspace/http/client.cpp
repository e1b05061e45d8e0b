// SPDX-License-Identifier: Apache-2.0
#include "http/client.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <limits>

#include <sys/socket.h>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "http/sockets.hpp"

namespace meshd::http {

namespace asio = boost::asio;
namespace beast = boost::beast;

namespace {

using Parser = beast::http::response_parser<beast::http::string_body>;
using Stream = beast::basic_stream<asio::generic::stream_protocol>;

// One request and its answer; the loop runs until both are through or the time is up.
class Exchange {
public:
    Exchange(base::UniqueFd fd, std::chrono::milliseconds timeout) : stream_(adopt(loop_, std::move(fd))), timeout_(timeout) {}

    beast::error_code run(beast::http::request<beast::http::string_body> request) {
        message_ = std::move(request);
        parser_.body_limit(std::numeric_limits<std::uint64_t>::max());
        stream_.expires_after(timeout_);
        // A server that refuses a request answers before it has read all of it: its answer counts, not that the rest could not be
        // sent.
        beast::http::async_write(stream_, message_, [](const beast::error_code&, std::size_t) {});
        beast::http::async_read(stream_, buffer_, parser_, [this](const beast::error_code& error, std::size_t) {
            result_ = error;
            stream_.close();
        });
        loop_.run();
        return result_;
    }

    Response response() {
        auto message = parser_.release();
        Response response;
        response.status = message.result_int();
        for (const auto& field : message) {
            std::string name(field.name_string().data(), field.name_string().size());
            std::transform(name.begin(), name.end(), name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
            response.headers.insert_or_assign(std::move(name), std::string(field.value().data(), field.value().size()));
        }
        response.content_type = response.headers["content-type"];
        response.body = std::move(message.body());
        return response;
    }

private:
    static asio::generic::stream_protocol::socket adopt(asio::io_context& loop, base::UniqueFd fd) {
        return {loop, asio::generic::stream_protocol(AF_UNIX, 0), fd.release()};
    }

    asio::io_context loop_;
    Stream stream_;
    std::chrono::milliseconds timeout_;
    beast::http::request<beast::http::string_body> message_;
    beast::flat_buffer buffer_;
    Parser parser_;
    beast::error_code result_;
};

base::Error error_of(const beast::error_code& error, const std::string& path) {
    if (error == beast::error::timeout) return {"get an answer from", path, ETIMEDOUT, {}, {}};
    if (error.category() == boost::system::system_category()) return {"get an answer from", path, error.value(), {}, {}};
    const bool is_closed = error == beast::http::error::end_of_stream || error == beast::http::error::partial_message;
    return {"get an answer from", path, is_closed ? ECONNRESET : EPROTO, error.message(), {}};
}

}  // namespace

base::Result<Response> Client::request(std::string_view method, std::string_view target, std::string body) const {
    auto fd = connect_to(socket_path_, timeout_);
    if (!fd) return tl::make_unexpected(fd.error());

    beast::http::request<beast::http::string_body> message;
    message.version(11);
    message.method_string(beast::string_view(method.data(), method.size()));
    message.target(beast::string_view(target.data(), target.size()));
    message.set(beast::http::field::host, "meshd");
    message.set(beast::http::field::connection, "close");
    if (!body.empty()) message.set(beast::http::field::content_type, "application/json");
    message.body() = std::move(body);
    message.prepare_payload();

    try {
        Exchange exchange(std::move(*fd), timeout_);
        const auto error = exchange.run(std::move(message));
        if (error) return base::fail(error_of(error, socket_path_));
        return exchange.response();
    } catch (const std::exception& exception) {  // out of memory or of descriptors
        return base::fail({"ask", socket_path_, 0, exception.what(), {}});
    }
}

}  // namespace meshd::http
