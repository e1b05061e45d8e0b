// SPDX-License-Identifier: Apache-2.0
#include "web/curl.hpp"

#include "base/version.hpp"

namespace meshd::web {

namespace {

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
        case CURLE_SSL_CERTPROBLEM:
            return "\"certificate\" and \"key\" in its settings must name files in PEM that belong together and that the "
                   "worker's "
                   "user can read";
        default:
            return {};
    }
}

}  // namespace

void begin_curl() {
    static const auto begun = ::curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)begun;
}

void append(CurlList& list, const std::string& text) {
    if (auto* const longer = ::curl_slist_append(list.get(), text.c_str()); longer != nullptr) {
        (void)list.release();
        list.reset(longer);
    }
}

CurlList header_list(const std::map<std::string, std::string>& headers) {
    // Without this one libcurl waits for leave to send a large body.
    CurlList list(::curl_slist_append(nullptr, "Expect:"));
    for (const auto& [name, value] : headers) append(list, name + ": " + value);
    return list;
}

void set_basics(CURL* easy, const CurlBasics& basics, const CurlList& headers, char* explanation) {
    ::curl_easy_setopt(easy, CURLOPT_URL, basics.url.c_str());
    ::curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    ::curl_easy_setopt(easy, CURLOPT_PROXY, "");  // whatever the environment says
    ::curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    ::curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // who gives a request up must not wait for a resolver
    ::curl_easy_setopt(easy, CURLOPT_USERAGENT, (std::string("meshd/") + base::version).c_str());
    ::curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(basics.connect_timeout.count()));
    ::curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(basics.timeout.count()));
    ::curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, explanation);
    ::curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
    // Debian's libcurl would believe every certificate of the system beside those of the file.
    ::curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    if (!basics.ca.empty()) ::curl_easy_setopt(easy, CURLOPT_CAINFO, basics.ca.c_str());
    if (basics.method == "GET") return;
    ::curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(basics.body.size()));
    ::curl_easy_setopt(easy, CURLOPT_POSTFIELDS, basics.body.data());
    ::curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, basics.method.c_str());
}

base::Error curl_error(CURLcode code, const std::string& url, const char* explanation) {
    const std::string why = *explanation != '\0' ? explanation : ::curl_easy_strerror(code);
    return {"ask", url, 0, without_time(why), remedy_of(code)};
}

}  // namespace meshd::web
