// SPDX-License-Identifier: Apache-2.0
// What both clients ask of libcurl, and how its failures are told.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include <curl/curl.h>

#include "base/error.hpp"

namespace meshd::web {

struct FreeCurlList {
    void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, FreeCurlList>;

struct FreeCurlEasy {
    void operator()(CURL* easy) const { ::curl_easy_cleanup(easy); }
};
using CurlEasy = std::unique_ptr<CURL, FreeCurlEasy>;

struct FreeCurlMulti {
    void operator()(CURLM* multi) const { ::curl_multi_cleanup(multi); }
};
using CurlMulti = std::unique_ptr<CURLM, FreeCurlMulti>;

// Once for the process, and before a second thread may do so.
void begin_curl();

void append(CurlList& list, const std::string& text);
CurlList header_list(const std::map<std::string, std::string>& headers);

struct CurlBasics {
    const std::string& method;
    const std::string& url;
    const std::string& body;  // lives as long as the request
    const std::string& ca;
    std::chrono::milliseconds connect_timeout;
    std::chrono::milliseconds timeout;  // 0: none
};
// `explanation` has CURL_ERROR_SIZE bytes.
void set_basics(CURL* easy, const CurlBasics& basics, const CurlList& headers, char* explanation);

base::Error curl_error(CURLcode code, const std::string& url, const char* explanation);

}  // namespace meshd::web
