// SPDX-License-Identifier: Apache-2.0
#include "web/client.hpp"

#include <algorithm>
#include <array>

#include <curl/curl.h>

#include "base/version.hpp"

namespace meshd::web {

namespace {

constexpr int longest_poll_ms = 1000;

struct FreeList {
    void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, FreeList>;

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

List header_list(const Request& request) {
    // Without the last one libcurl waits for leave to send a large body.
    List list(::curl_slist_append(nullptr, "Expect:"));
    for (const auto& [name, value] : request.headers)
        if (auto* const longer = ::curl_slist_append(list.get(), (name + ": " + value).c_str()); longer != nullptr) {
            (void)list.release();
            list.reset(longer);
        }
    return list;
}

void set_up(CURL* easy, const Request& request, const List& headers, Answer& answer, char* explanation) {
    ::curl_easy_reset(easy);
    ::curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    ::curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    ::curl_easy_setopt(easy, CURLOPT_PROXY, "");  // whatever the environment says
    ::curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    ::curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    ::curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // abort() must not wait for a resolver
    ::curl_easy_setopt(easy, CURLOPT_USERAGENT, (std::string("meshd/") + base::version).c_str());
    ::curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
    ::curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
    ::curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, explanation);
    ::curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
    ::curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &take);
    ::curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
    // Debian's libcurl would believe every certificate of the system beside those of the file.
    ::curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    if (!request.ca.empty()) ::curl_easy_setopt(easy, CURLOPT_CAINFO, request.ca.c_str());
    if (request.method == "GET") return;
    ::curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    ::curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    ::curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

// Without " after 12 ms", which would make another error of each attempt.
std::string without_time(std::string text) {
    const auto begin = text.find(" after ");
    const auto end = begin == std::string::npos ? begin : text.find(" ms", begin);
    if (end != std::string::npos) text.erase(begin, end + 3 - begin);
    return text;
}

std::string remedy_of(CURLcode code) {
    switch (code) {
        case CURLE_PEER_FAILED_VERIFICATION:
            return "\"ca\" in its settings must name a file with the certificate that signed the server's, and its address must "
                   "be one that the certificate has";
        case CURLE_SSL_CACERT_BADFILE:
            return "\"ca\" in its settings must name a file of certificates in PEM that the worker's user can read";
        default:
            return {};
    }
}

}  // namespace

Client::Client() {
    // Once for the process, and before a second thread may do so.
    static const auto begun = ::curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)begun;
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
    const auto headers = header_list(request);
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
    const std::string why = *explanation != '\0' ? explanation : ::curl_easy_strerror(code);
    return base::fail({"ask", request.url, 0, without_time(why), remedy_of(code)});
}

}  // namespace meshd::web
