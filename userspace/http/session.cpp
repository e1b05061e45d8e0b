// SPDX-License-Identifier: Apache-2.0
#include "http/session.hpp"

#include <algorithm>
#include <cctype>
#include <exception>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/write.hpp>

namespace meshd::http {

namespace asio = boost::asio;
namespace beast = boost::beast;

namespace {

constexpr std::chrono::seconds linger_time{2};

// What a Respond holds on to: the session, until it was answered.
struct Answer {
    explicit Answer(std::weak_ptr<Session> asker) : session(std::move(asker)) {}
    Answer(const Answer&) = delete;
    Answer& operator=(const Answer&) = delete;
    ~Answer() {
        if (const auto unanswered = session.lock()) unanswered->close();
    }

    std::weak_ptr<Session> session;
};

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    return lower;
}

std::string_view view(const beast::string_view& text) { return {text.data(), text.size()}; }

bool is_http_error(const beast::error_code& error) {
    return error.category() == beast::http::make_error_code(beast::http::error::bad_method).category();
}

}  // namespace

Session::Session(Socket socket, std::optional<Peer> peer, const ServerLimits& limits, std::shared_ptr<const AsyncHandler> handler,
                 OnEnd on_end)
    : stream_(std::move(socket)),
      peer_(std::move(peer)),
      limits_(limits),
      handler_(std::move(handler)),
      on_end_(std::move(on_end)) {}

void Session::close() {
    stream_.close();
    if (const auto on_end = std::exchange(on_end_, {})) on_end(shared_from_this());
}

void Session::read_header() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
    parser_->body_limit(limits_.body_bytes);
    is_head_ = false;
    stream_.expires_after(limits_.read_timeout);
    beast::http::async_read_header(stream_, buffer_, *parser_, then(&Session::on_header));
}

void Session::on_header(const ErrorCode& error) {
    if (error) return refuse(error);
    const auto expects = parser_->get().find(beast::http::field::expect);
    if (expects != parser_->get().end() && beast::iequals(expects->value(), "100-continue")) return say_continue();
    read_body();
}

// A client with a large body (curl from 1 MiB on) waits for this line before it sends it.
void Session::say_continue() {
    static constexpr std::string_view line = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(stream_, asio::buffer(line), [self = shared_from_this()](const ErrorCode& error, std::size_t) {
        if (error) return self->close();
        self->read_body();
    });
}

void Session::read_body() { beast::http::async_read(stream_, buffer_, *parser_, then(&Session::on_request)); }

void Session::on_request(const ErrorCode& error) {
    if (error) return refuse(error);
    stream_.expires_never();
    auto message = parser_->release();
    keeps_alive_ = message.keep_alive();
    version_ = message.version();
    is_head_ = message.method() == beast::http::verb::head;
    auto target = parse_target(view(message.target()));
    if (!target) return refuse(400, "the request's target is malformed");

    Request request;
    request.method = view(message.method_string());
    request.path = std::move(target->path);
    request.query = std::move(target->query);
    for (const auto& field : message)
        request.headers.insert_or_assign(lower_case(view(field.name_string())), view(field.value()));
    request.body = std::move(message.body());
    request.peer = peer_;
    call_handler(request);
}

void Session::call_handler(const Request& request) {
    const auto answer = std::make_shared<Answer>(weak_from_this());
    const auto respond = [answer](Response response) {
        if (const auto session = std::exchange(answer->session, {}).lock()) session->respond(std::move(response));
    };
    try {
        (*handler_)(request, respond);
    } catch (const std::exception& exception) {
        keeps_alive_ = false;
        respond({500, std::string("the request failed inside the server: ") + exception.what() + "\n", "text/plain", {}});
    }
}

void Session::refuse(const ErrorCode& error) {
    if (error == beast::http::error::end_of_stream || !is_http_error(error)) return close();
    if (error == beast::http::error::header_limit)
        return refuse(431, "the header is longer than " + std::to_string(limits_.header_bytes) + " bytes");
    if (error == beast::http::error::body_limit)
        return refuse(413, "the body is longer than " + std::to_string(limits_.body_bytes) + " bytes");
    refuse(400, "the request is malformed: " + error.message());
}

void Session::refuse(unsigned status, std::string_view why) {
    keeps_alive_ = false;
    respond({status, std::string(why) + "\n", "text/plain", {}});
}

void Session::respond(Response response) {
    if (!stream_.socket().is_open()) return;
    message_ = Message(beast::http::int_to_status(response.status), version_);
    message_.set(beast::http::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) message_.set(name, value);
    message_.keep_alive(keeps_alive_);
    message_.body() = std::move(response.body);
    message_.prepare_payload();
    if (is_head_) message_.body().clear();
    serializer_.emplace(message_);
    write();
}

// Piece by piece, so that the timeout bounds the time without progress and not the whole answer.
void Session::write() {
    stream_.expires_after(limits_.write_timeout);
    beast::http::async_write_some(stream_, *serializer_, then(&Session::on_written));
}

void Session::on_written(const ErrorCode& error) {
    if (error) return close();
    if (!serializer_->is_done()) return write();
    serializer_.reset();
    message_ = {};
    if (keeps_alive_) return read_header();
    linger();
}

// A socket that is closed with unread bytes in it resets the connection, and the client may never see why it was refused. So what
// still comes is read and dropped, for a short time.
void Session::linger() {
    ErrorCode ignored;
    stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
    stream_.expires_after(linger_time);
    buffer_.consume(buffer_.size());
    drain();
}

void Session::drain() {
    stream_.async_read_some(buffer_.prepare(16384), [self = shared_from_this()](const ErrorCode& error, std::size_t) {
        if (error) return self->close();
        self->drain();
    });
}

}  // namespace meshd::http
