// SPDX-License-Identifier: Apache-2.0
#include "signing/connection.hpp"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <utility>

#include <spdlog/spdlog.h>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/write.hpp>

#include "signing/messages.hpp"

namespace meshd::signing {

namespace beast = boost::beast;

namespace {

constexpr std::chrono::seconds longest{10};
constexpr std::uint32_t most_header_bytes = 16 * 1024;
constexpr std::uint64_t most_body_bytes = std::uint64_t{64} * 1024;
constexpr std::size_t piece = std::size_t{16} * 1024;

std::string address_of(const boost::asio::ip::tcp::socket& socket) {
    boost::system::error_code error;
    const auto end = socket.remote_endpoint(error);
    return error ? std::string("somebody") : end.address().to_string();
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    return lower;
}

}  // namespace

Connection::Connection(boost::asio::ip::tcp::socket socket, const std::shared_ptr<const tls::Serving>& serving, Handler handler,
                       OnEnd on_end)
    : timer_(socket.get_executor()),
      from_(address_of(socket)),
      stream_(std::move(socket), serving),
      handler_(std::move(handler)),
      on_end_(std::move(on_end)) {
    parser_.header_limit(most_header_bytes);
    parser_.body_limit(most_body_bytes);
    parser_.eager(true);
}

void Connection::close() {
    timer_.cancel();
    if (const auto on_end = std::exchange(on_end_, {})) on_end(shared_from_this());
}

void Connection::start() {
    timer_.expires_after(longest);
    timer_.async_wait([weak = weak_from_this()](const ErrorCode& error) {
        const auto self = weak.lock();
        if (self && !error) self->close();
    });
    // Whoever owns it lets go of it in close(), and no handler of the stream is called after that.
    stream_.handshake([this](const ErrorCode& error) {
        if (!error) return read();
        if (const auto why = stream_.why_rejected(); !why.empty())
            spdlog::warn("signing: the certificate that {} shows is not believed: {}", from_, why);
        close();
    });
}

void Connection::read() {
    const auto room = buffer_.prepare(piece);
    stream_.read_some(boost::asio::mutable_buffer(room), [this](const ErrorCode& error, std::size_t size) {
        if (error) return close();
        take(size);
    });
}

void Connection::take(std::size_t size) {
    buffer_.commit(size);
    ErrorCode error;
    buffer_.consume(parser_.put(buffer_.data(), error));
    if (error == beast::http::error::need_more || (!error && !parser_.is_done())) return read();
    if (error == beast::http::error::body_limit || error == beast::http::error::header_limit)
        return respond({413, error_text("the request is too large"), "application/json", {}});
    if (error) return respond({400, error_text("the request is malformed: " + error.message()), "application/json", {}});
    answer();
}

void Connection::answer() {
    const auto& message = parser_.get();
    const auto target = http::parse_target({message.target().data(), message.target().size()});
    if (!target) return respond({400, error_text("the request's target is malformed"), "application/json", {}});
    http::Request request;
    request.method = std::string(message.method_string());
    request.path = target->path;
    request.query = target->query;
    for (const auto& field : message)
        request.headers.insert_or_assign(lower_case({field.name_string().data(), field.name_string().size()}),
                                         std::string(field.value()));
    request.body = message.body();
    respond(handler_(request, stream_.peer()));
}

void Connection::respond(const http::Response& response) {
    beast::http::response<beast::http::string_body> message(beast::http::int_to_status(response.status), 11);
    if (!response.content_type.empty()) message.set(beast::http::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) message.set(name, value);
    // So that each request shows its certificate anew.
    message.keep_alive(false);
    message.body() = response.body;
    message.prepare_payload();
    std::ostringstream text;
    text << message;
    written_ = text.str();
    stream_.write(boost::asio::buffer(written_), [this](const ErrorCode& error, std::size_t) {
        if (error) return close();
        stream_.say_goodbye([this] { close(); });
    });
}

}  // namespace meshd::signing
