// SPDX-License-Identifier: Apache-2.0
#include "web/client.hpp"

#include <algorithm>
#include <array>

#include "web/curl.hpp"

namespace meshd::web {

namespace {

constexpr int longest_poll_ms = 1000;

struct Answer {
    std::string body;
    std::size_t most = 0;
    bool is_cut = false;
};

// libcurl takes any other number than that of the bytes for an order to stop.
std::size_t take(char* bytes, std::size_t, std::size_t size, void* context) {
    auto& answer = *static_cast<Answer*>(context);
    const auto room = answer.most - answer.body.size();
    answer.body.append(bytes, std::min(room, size));
    answer.is_cut = size > room;
    return std::min(room, size);
}

void set_up(CURL* easy, const Request& request, const CurlList& headers, Answer& answer, char* explanation) {
    ::curl_easy_reset(easy);
    set_basics(easy, {request.method, request.url, request.body, request.ca, request.connect_timeout, request.timeout}, headers,
               explanation);
    ::curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    ::curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &take);
    ::curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
}

}  // namespace

Client::Client() {
    begin_curl();
    multi_.reset(::curl_multi_init());
    easy_.reset(::curl_easy_init());
}

Client::~Client() = default;

void Client::Free::operator()(void* easy) const { ::curl_easy_cleanup(easy); }
void Client::FreeMulti::operator()(void* multi) const { ::curl_multi_cleanup(multi); }

void Client::abort() {
    aborted_ = true;
    if (multi_) ::curl_multi_wakeup(multi_.get());
}

base::Result<Response> Client::request(const Request& request) {
    if (!multi_ || !easy_) return base::fail({"use", "libcurl", 0, "it did not start", {}});
    Answer answer{{}, request.max_answer, false};
    std::array<char, CURL_ERROR_SIZE> explanation{};
    const auto headers = header_list(request.headers);
    set_up(easy_.get(), request, headers, answer, explanation.data());

    if (::curl_multi_add_handle(multi_.get(), easy_.get()) != CURLM_OK)
        return base::fail({"ask", request.url, 0, "libcurl does not take the request", {}});
    auto done = run(request, explanation.data(), answer.is_cut);
    ::curl_multi_remove_handle(multi_.get(), easy_.get());
    if (!done) return tl::make_unexpected(done.error());

    Response response;
    response.body = std::move(answer.body);
    ::curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &response.status);
    curl_off_t seconds = 0;
    ::curl_easy_getinfo(easy_.get(), CURLINFO_RETRY_AFTER, &seconds);
    if (seconds > 0) response.retry_after = std::chrono::seconds(seconds);
    return response;
}

base::Result<void> Client::run(const Request& request, const char* explanation, const bool& answer_is_cut) {
    for (int running = 1; running != 0;) {
        if (::curl_multi_perform(multi_.get(), &running) != CURLM_OK)
            return base::fail({"ask", request.url, 0, "libcurl failed", {}});
        if (running == 0) break;
        if (aborted_) return base::fail({"ask", request.url, 0, "it was given up", {}});
        ::curl_multi_poll(multi_.get(), nullptr, 0, longest_poll_ms, nullptr);
    }
    if (aborted_) return base::fail({"ask", request.url, 0, "it was given up", {}});
    int left = 0;
    const auto* const message = ::curl_multi_info_read(multi_.get(), &left);
    const auto code = message == nullptr ? CURLE_GOT_NOTHING : message->data.result;
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && answer_is_cut)) return {};
    return base::fail(curl_error(code, request.url, explanation));
}

}  // namespace meshd::web
