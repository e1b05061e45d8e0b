// SPDX-License-Identifier: Apache-2.0
#include "web/transfer.hpp"

#include <algorithm>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace meshd::web {

namespace {

constexpr std::size_t max_header_bytes = std::size_t{1} << 20;
constexpr unsigned dead_after_ms = 10'000;

struct FreeUrl {
    void operator()(CURLU* url) const { ::curl_url_cleanup(url); }
};

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
    char* text = nullptr;
    if (::curl_url_get(url, which, &text, flags) != CURLUE_OK) return {};
    std::string copy = text;
    ::curl_free(text);
    return copy;
}

// A request that gives up does not end a connection that others share (HTTP/2), so one that lost its way would be used until the
// kernel gives it up by itself, after some 15 minutes.
int give_up_dead_connection(void*, curl_socket_t socket, curlsocktype) {
    (void)::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_after_ms, sizeof dead_after_ms);
    return CURL_SOCKOPT_OK;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view space = " \t\r\n";
    const auto begin = text.find_first_not_of(space);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(space) + 1 - begin);
}

std::string lower(std::string_view text) {
    std::string copy(text);
    std::transform(copy.begin(), copy.end(), copy.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return copy;
}

// The server says in an alert of TLS, and libcurl only in words, that it does not take our certificate, or misses one.
bool is_our_certificate(std::string_view why) {
    return why.find("alert") != std::string_view::npos &&
           (why.find("certificate") != std::string_view::npos || why.find("unknown ca") != std::string_view::npos);
}

AsyncError::Kind kind_of(CURLcode code, std::string_view why) {
    using Kind = AsyncError::Kind;
    switch (code) {
        case CURLE_OPERATION_TIMEDOUT:
            return Kind::timeout;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS:
            return Kind::untrusted;
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CRL_BADFILE:
        case CURLE_URL_MALFORMAT:
            return Kind::settings;
        case CURLE_UNSUPPORTED_PROTOCOL:  // also what it says of an answer without a line of HTTP
            return why.find("HTTP/0.9") != std::string_view::npos ? Kind::malformed : Kind::settings;
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_BAD_CONTENT_ENCODING:
        case CURLE_WRITE_ERROR:
            return Kind::malformed;
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR:
            return is_our_certificate(why) ? Kind::settings : Kind::unreachable;
        default:
            return Kind::unreachable;
    }
}

}  // namespace

Transfer::Transfer(boost::asio::io_context& io, std::uint64_t id, AsyncRequest request, AsyncClient::Handler handler)
    : id_(id), request_(std::move(request)), handler_(std::move(handler)), timer_(io), easy_(::curl_easy_init()) {}

Transfer& Transfer::of(CURL* easy) {
    char* transfer = nullptr;
    ::curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
    return *reinterpret_cast<Transfer*>(transfer);
}

// The name that the certificate must have is, for libcurl, the host of the URL; where to connect to is said beside it, and the
// header names the host that was asked for.
bool Transfer::set_url() {
    const std::unique_ptr<CURLU, FreeUrl> url(::curl_url());
    if (!url || ::curl_url_set(url.get(), CURLUPART_URL, request_.url.c_str(), 0) != CURLUE_OK) return false;
    const bool is_tls = part(url.get(), CURLUPART_SCHEME) == "https";
    // A request waits for the connection under way to the same server, to share it. With HTTP/1.1 there is nothing to share.
    ::curl_easy_setopt(easy(), CURLOPT_HTTP_VERSION, static_cast<long>(is_tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    ::curl_easy_setopt(easy(), CURLOPT_PIPEWAIT, is_tls ? 1L : 0L);
    if (!is_tls || request_.tls.server_name.empty()) return true;

    const auto host = part(url.get(), CURLUPART_HOST);
    const auto port = part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
    const auto given_port = part(url.get(), CURLUPART_PORT);
    if (::curl_url_set(url.get(), CURLUPART_HOST, request_.tls.server_name.c_str(), 0) != CURLUE_OK) return false;
    append(connect_to_, request_.tls.server_name + ":" + port + ":" + host + ":" + port);
    append(headers_, "Host: " + host + (given_port.empty() ? "" : ":" + given_port));
    ::curl_easy_setopt(easy(), CURLOPT_CONNECT_TO, connect_to_.get());
    ::curl_easy_setopt(easy(), CURLOPT_URL, part(url.get(), CURLUPART_URL).c_str());
    return true;
}

std::optional<AsyncError> Transfer::set_up() {
    if (!easy_) return AsyncError{AsyncError::Kind::unreachable, {"use", "libcurl", 0, "it did not start", {}}};
    headers_ = header_list(request_.headers);
    const auto& tls = request_.tls;
    set_basics(easy(), {request_.method, request_.url, request_.body, tls.ca, request_.connect_timeout, request_.timeout},
               headers_, explanation_.data());
    if (!set_url()) return error(CURLE_URL_MALFORMAT);
    ::curl_easy_setopt(easy(), CURLOPT_HTTPHEADER, headers_.get());
    ::curl_easy_setopt(easy(), CURLOPT_PRIVATE, this);
    ::curl_easy_setopt(easy(), CURLOPT_ACCEPT_ENCODING, "");  // all that libcurl can unpack
    ::curl_easy_setopt(easy(), CURLOPT_TCP_KEEPALIVE, 1L);    // a watch may be silent for minutes
    ::curl_easy_setopt(easy(), CURLOPT_TCP_KEEPIDLE, 20L);
    ::curl_easy_setopt(easy(), CURLOPT_TCP_KEEPINTVL, 10L);
    ::curl_easy_setopt(easy(), CURLOPT_SOCKOPTFUNCTION, &give_up_dead_connection);
    // Files that have changed hold for the next connection, and nothing that was believed before is.
    ::curl_easy_setopt(easy(), CURLOPT_CA_CACHE_TIMEOUT, 0L);
    ::curl_easy_setopt(easy(), CURLOPT_SSL_SESSIONID_CACHE, 0L);
    if (!tls.certificate.empty()) ::curl_easy_setopt(easy(), CURLOPT_SSLCERT, tls.certificate.c_str());
    if (!tls.key.empty()) ::curl_easy_setopt(easy(), CURLOPT_SSLKEY, tls.key.c_str());
    ::curl_easy_setopt(easy(), CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    ::curl_easy_setopt(easy(), CURLOPT_HEADERDATA, this);
    ::curl_easy_setopt(easy(), CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    ::curl_easy_setopt(easy(), CURLOPT_WRITEDATA, this);
    return std::nullopt;
}

// libcurl takes any other number than that of the bytes for an order to stop.
std::size_t Transfer::on_header(char* bytes, std::size_t, std::size_t size, void* context) {
    return static_cast<Transfer*>(context)->take_header({bytes, size}) ? size : 0;
}

std::size_t Transfer::on_body(char* bytes, std::size_t, std::size_t size, void* context) {
    return static_cast<Transfer*>(context)->take_body({bytes, size}) ? size : size + 1;
}

bool Transfer::take_header(std::string_view line) {
    last_byte_ = Clock::now();
    header_bytes_ += line.size();
    too_much_ = header_bytes_ > max_header_bytes;
    if (too_much_ || given_up_) return false;
    if (line.starts_with("HTTP/")) response_.headers.clear();  // of an answer that announced this one
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    auto& value = response_.headers[lower(trimmed(line.substr(0, colon)))];
    if (!value.empty()) value += ", ";
    value += trimmed(line.substr(colon + 1));
    return true;
}

bool Transfer::take_body(std::string_view piece) {
    last_byte_ = Clock::now();
    if (given_up_) return false;
    long status = 0;
    ::curl_easy_getinfo(easy(), CURLINFO_RESPONSE_CODE, &status);
    if (request_.stream && status == 200) {
        enough_ = !request_.stream(piece);
        return !enough_ && !given_up_;
    }
    too_much_ = piece.size() > request_.max_body - response_.body.size();
    if (too_much_) return false;
    response_.body += piece;
    return true;
}

AsyncError Transfer::error(CURLcode code) const {
    auto error = curl_error(code, request_.url, explanation_.data());
    const auto kind = kind_of(code, error.detail);
    if (kind == AsyncError::Kind::settings && error.remedy.empty() && is_our_certificate(error.detail))
        error.remedy = "\"certificate\" and \"key\" in its settings must name a certificate that the server accepts";
    return {kind, std::move(error)};
}

AsyncError Transfer::silent() const {
    const auto time = std::to_string(request_.silence.count()) + " ms";
    return {AsyncError::Kind::timeout, {"ask", request_.url, 0, "nothing came for " + time, {}}};
}

tl::expected<AsyncResponse, AsyncError> Transfer::result(CURLcode code) {
    if (too_much_) {
        const auto why = header_bytes_ > max_header_bytes
                             ? "its answer has more than " + std::to_string(max_header_bytes) + " bytes of headers"
                             : "its answer has more than " + std::to_string(request_.max_body) + " bytes";
        return tl::make_unexpected(AsyncError{AsyncError::Kind::malformed, {"ask", request_.url, 0, why, {}}});
    }
    if (code != CURLE_OK && !enough_) return tl::make_unexpected(error(code));
    ::curl_easy_getinfo(easy(), CURLINFO_RESPONSE_CODE, &response_.status);
    long version = CURL_HTTP_VERSION_NONE;
    ::curl_easy_getinfo(easy(), CURLINFO_HTTP_VERSION, &version);
    response_.is_http2 = version == CURL_HTTP_VERSION_2_0;
    return std::move(response_);
}

}  // namespace meshd::web
