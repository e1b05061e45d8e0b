// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "base/version.hpp"
#include "health/answer.hpp"
#include "health/grpc.hpp"

namespace meshd::health {

using model::ProbeResult;
using model::ProbeType;

namespace {

constexpr std::size_t most_message = 256;  // bytes of grpc-message that are kept

struct Free {
    void operator()(nghttp2_session* session) const { ::nghttp2_session_del(session); }
    void operator()(nghttp2_session_callbacks* callbacks) const { ::nghttp2_session_callbacks_del(callbacks); }
};

std::optional<unsigned> number(std::string_view text) {
    unsigned value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && stop == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::string printable(std::string_view text) {
    std::string result(text);
    std::replace_if(
        result.begin(), result.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return result;
}

class Http2 final : public Conversation {
public:
    Http2(const model::Probe& probe, const std::string& authority, std::string_view scheme) : probe_(probe), answer_(probe) {
        nghttp2_session_callbacks* made = nullptr;
        ::nghttp2_session_callbacks_new(&made);
        const std::unique_ptr<nghttp2_session_callbacks, Free> callbacks(made);
        ::nghttp2_session_callbacks_set_on_header_callback(made, on_header);
        ::nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame);
        ::nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, on_data);
        ::nghttp2_session_callbacks_set_on_stream_close_callback(made, on_close);
        nghttp2_session* session = nullptr;
        ::nghttp2_session_client_new(&session, made, this);
        session_.reset(session);
        constexpr nghttp2_settings_entry no_push{NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
        ::nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, &no_push, 1);
        submit(authority, scheme);
    }

    std::string take_output() override {
        collect_output();
        return std::exchange(output_, {});
    }

    std::optional<Finding> take(std::string_view bytes) override {
        const auto taken =
            ::nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
        if (finding_) return finding_;
        if (taken < 0) return Finding{ProbeResult::not_http, ::nghttp2_strerror(static_cast<int>(taken))};
        // What breaks the protocol makes the session say goodbye, and, when that is said, read nothing more.
        collect_output();
        if (::nghttp2_session_want_read(session_.get()) == 0)
            return Finding{ProbeResult::not_http, is_settled_ ? "a broken frame" : "no frames of HTTP/2"};
        return std::nullopt;
    }

    Finding end() override { return {ProbeResult::closed, is_settled_ ? "" : "before any frame of HTTP/2"}; }

private:
    void collect_output() {
        const std::uint8_t* data = nullptr;
        for (auto size = ::nghttp2_session_mem_send(session_.get(), &data); size > 0;
             size = ::nghttp2_session_mem_send(session_.get(), &data))
            output_.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
    }

    void submit(const std::string& authority, std::string_view scheme) {
        const bool is_grpc = probe_.type == ProbeType::grpc;
        const std::string agent = std::string("meshd/") + base::version;
        const std::string_view path = is_grpc ? grpc_path : std::string_view(probe_.path);
        std::vector<nghttp2_nv> fields;
        const auto add = [&](std::string_view name, std::string_view value) {
            const auto* const bytes = reinterpret_cast<const std::uint8_t*>(name.data());
            const auto* const of_value = reinterpret_cast<const std::uint8_t*>(value.data());
            // nghttp2 copies both and writes to neither.
            fields.push_back({const_cast<std::uint8_t*>(bytes), const_cast<std::uint8_t*>(of_value), name.size(), value.size(),
                              NGHTTP2_NV_FLAG_NONE});
        };
        add(":method", is_grpc ? "POST" : "GET");
        add(":scheme", scheme);
        add(":authority", authority);
        add(":path", path);
        add("user-agent", agent);
        if (is_grpc) {
            add("content-type", "application/grpc");
            add("te", "trailers");
            body_ = grpc_request(probe_.service);
        }
        nghttp2_data_provider provider{};
        provider.source.ptr = this;
        provider.read_callback = read_body;
        ::nghttp2_submit_request(session_.get(), nullptr, fields.data(), fields.size(), is_grpc ? &provider : nullptr, nullptr);
    }

    void take_header(std::string_view name, std::string_view value) {
        if (name == ":status") status_ = number(value).value_or(0);
        if (name == "grpc-status") grpc_status_ = number(value);
        if (name == "grpc-message") grpc_message_ = printable(value.substr(0, most_message));
    }

    // The head is whole; an early hint (1xx) is not the answer.
    void take_head() {
        if (status_ < 200 || head_is_taken_) return;
        head_is_taken_ = true;
        if (probe_.type != ProbeType::grpc)
            finding_ = answer_.take_status(status_);
        else if (status_ != 200)
            finding_ = Finding{ProbeResult::bad_status, "answered " + std::to_string(status_)};
    }

    void take_data(std::string_view bytes) {
        if (finding_) return;
        if (probe_.type != ProbeType::grpc)
            finding_ = answer_.take_body(bytes);
        else if (grpc_body_.size() + bytes.size() > model::max_probe_body)
            finding_ = Finding{ProbeResult::too_large, {}};
        else
            grpc_body_ += bytes;
    }

    void take_end(std::uint32_t error) {
        if (finding_) return;
        if (error != NGHTTP2_NO_ERROR)
            finding_ = Finding{ProbeResult::reset, std::string("of the stream: ") + ::nghttp2_http2_strerror(error)};
        else
            finding_ = probe_.type == ProbeType::grpc ? grpc_finding(grpc_status_, grpc_message_, grpc_body_) : answer_.end();
    }

    static Http2& self(void* user) { return *static_cast<Http2*>(user); }

    static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* buffer, std::size_t length, std::uint32_t* flags,
                             nghttp2_data_source* source, void*) {
        auto& body = self(source->ptr).body_;
        const auto size = std::min(length, body.size());
        std::copy_n(body.begin(), size, buffer);
        body.erase(0, size);
        if (body.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
        return static_cast<ssize_t>(size);
    }

    static int on_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t name_size,
                         const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
        self(user).take_header({reinterpret_cast<const char*>(name), name_size},
                               {reinterpret_cast<const char*>(value), value_size});
        return 0;
    }

    static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        if (frame->hd.type == NGHTTP2_SETTINGS) self(user).is_settled_ = true;
        if (frame->hd.type == NGHTTP2_HEADERS && !self(user).finding_) self(user).take_head();
        return 0;
    }

    static int on_data(nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t* data, std::size_t size, void* user) {
        self(user).take_data({reinterpret_cast<const char*>(data), size});
        return 0;
    }

    static int on_close(nghttp2_session*, std::int32_t, std::uint32_t error, void* user) {
        self(user).take_end(error);
        return 0;
    }

    const model::Probe& probe_;
    Answer answer_;
    std::unique_ptr<nghttp2_session, Free> session_;
    std::string output_;  // not taken yet
    std::string body_;    // of the request, what is not in it yet
    bool is_settled_ = false;
    bool head_is_taken_ = false;
    unsigned status_ = 0;
    std::optional<unsigned> grpc_status_;
    std::string grpc_message_;
    std::string grpc_body_;
    std::optional<Finding> finding_;
};

}  // namespace

std::unique_ptr<Conversation> http2_conversation(const model::Probe& probe, const std::string& authority,
                                                 std::string_view scheme) {
    return std::make_unique<Http2>(probe, authority, scheme);
}

}  // namespace meshd::health
