// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <utility>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "base/version.hpp"
#include "health/answer.hpp"

namespace meshd::health {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using beast::error_code;
using model::ProbeResult;

namespace {

constexpr std::uint32_t most_header = 16 * 1024;
constexpr std::string_view beginning = "HTTP/1.";

// Looks at what passes and keeps none of it.
class Parser final : public http::basic_parser<false> {
public:
    explicit Parser(const model::Probe& probe) : answer(probe) {
        header_limit(most_header);
        body_limit(boost::none);  // what is kept of it is bounded, and so is the number of bytes that are read
        eager(true);
    }

    Answer answer;
    std::optional<Finding> finding;
    unsigned status = 0;

private:
    // A finding ends the parsing, whatever comes behind it.
    void note(std::optional<Finding> found, error_code& error) {
        finding = std::move(found);
        if (finding) error = http::error::end_of_stream;
    }

    void on_request_impl(http::verb, beast::string_view, beast::string_view, int, error_code&) override {}
    void on_response_impl(int code, beast::string_view, int, error_code&) override { status = static_cast<unsigned>(code); }
    void on_field_impl(http::field, beast::string_view, beast::string_view, error_code&) override {}
    void on_header_impl(error_code& error) override {
        if (status >= 200) note(answer.take_status(status), error);
    }
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(beast::string_view body, error_code& error) override {
        note(answer.take_body({body.data(), body.size()}), error);
        return body.size();
    }
    void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, error_code& error) override {
        return on_body_impl(body, error);
    }
    void on_finish_impl(error_code&) override {}
};

class Http1 final : public Conversation {
public:
    Http1(const model::Probe& probe, const std::string& authority) : probe_(probe) {
        parser_.emplace(probe_);
        request_ = "GET " + probe.path + " HTTP/1.1\r\nHost: " + authority + "\r\nUser-Agent: meshd/" + base::version +
                   "\r\nAccept: */*\r\nConnection: close\r\n\r\n";
    }

    std::string take_output() override { return std::exchange(request_, {}); }

    std::optional<Finding> take(std::string_view bytes) override {
        asio::buffer_copy(buffer_.prepare(bytes.size()), asio::buffer(bytes.data(), bytes.size()));
        buffer_.commit(bytes.size());
        while (buffer_.size() > 0) {
            if (!begins_as_http()) return Finding{ProbeResult::not_http, "it does not begin with " + std::string(beginning)};
            if (!parser_->got_some() && buffer_.size() < beginning.size()) return std::nullopt;
            error_code error;
            const auto taken = parser_->put(buffer_.cdata(), error);
            buffer_.consume(taken);
            if (parser_->finding) return parser_->finding;
            if (error == http::error::need_more) return std::nullopt;
            if (error) return of(error);
            if (!parser_->is_done() && taken == 0) return std::nullopt;
            if (!parser_->is_done()) continue;
            if (parser_->status >= 200) return parser_->answer.end();
            parser_.emplace(probe_);  // 100 Continue, 103 Early Hints: the answer is still to come
        }
        return std::nullopt;
    }

    Finding end() override {
        if (!parser_->got_some()) return {ProbeResult::closed, {}};
        error_code error;
        parser_->put_eof(error);
        // Without a length, the end of the connection is the end of the body.
        if (!error && parser_->is_done()) return parser_->answer.end();
        return {ProbeResult::closed, parser_->is_header_done() ? "in the body" : ""};
    }

private:
    // The parser looks at a line when it is whole, but there are protocols that say a few bytes and wait.
    [[nodiscard]] bool begins_as_http() const {
        if (parser_->got_some()) return true;
        const std::string_view bytes(static_cast<const char*>(buffer_.cdata().data()),
                                     std::min(buffer_.size(), beginning.size()));
        return beginning.starts_with(bytes);
    }

    static Finding of(const error_code& error) {
        if (error == http::error::header_limit) return {ProbeResult::too_large, "header"};
        return {ProbeResult::not_http, error.message()};
    }

    const model::Probe& probe_;
    std::string request_;
    beast::flat_buffer buffer_;
    std::optional<Parser> parser_;
};

}  // namespace

std::unique_ptr<Conversation> http1_conversation(const model::Probe& probe, const std::string& authority) {
    return std::make_unique<Http1>(probe, authority);
}

}  // namespace meshd::health
