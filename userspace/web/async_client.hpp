// SPDX-License-Identifier: Apache-2.0
// Requests to HTTP servers elsewhere on the thread of a loop, many at once: libcurl's multi interface driven by Asio. HTTP/2
// where an https server speaks it, all requests to it on one connection then; else HTTP/1.1.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "base/error.hpp"

namespace meshd::web {

struct TlsFiles {
    std::string ca;           // PEM; empty: those of the system. Others are not believed
    std::string certificate;  // PEM, ours; empty: none
    std::string key;
    std::string server_name;  // that the certificate must have; empty: the host of the URL
};

struct AsyncRequest {
    std::string method = "GET";
    std::string url;
    std::map<std::string, std::string> headers;
    std::string body;
    TlsFiles tls;
    std::chrono::milliseconds connect_timeout{5000};
    std::chrono::milliseconds timeout{10'000};     // of all of it; 0: none, as for a watch
    std::chrono::milliseconds silence{0};          // without a byte for so long it fails, in whole seconds; 0: any
    std::size_t max_body = std::size_t{64} << 20;  // bytes; more is an error. Of a stream: not counted
    // When it is there, the body of an answer with status 200 is given to it piece by piece and is not in the answer. False:
    // enough, the request ends as if the server had ended it.
    std::function<bool(std::string_view piece)> stream;
};

struct AsyncResponse {
    long status = 0;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
    bool is_http2 = false;  // the connection is shared with other requests
};

// Why no answer came.
struct AsyncError {
    enum class Kind { unreachable, timeout, untrusted, malformed, settings } kind = Kind::unreachable;
    base::Error error;
};

// A request under way; letting go of it gives it up, and its handler is not called any more.
class Pending {
public:
    virtual ~Pending() = default;
};

class AsyncClient {
public:
    using Handler = std::function<void(tl::expected<AsyncResponse, AsyncError>)>;

    explicit AsyncClient(boost::asio::io_context& io);
    AsyncClient(const AsyncClient&) = delete;
    AsyncClient& operator=(const AsyncClient&) = delete;
    ~AsyncClient();  // gives up everything under way

    // Any answer of HTTP is a response; redirections are not followed. The handler is never called from within start(). It may
    // let go of its own Pending, start others, and destroy what owns the Pending; not the client.
    [[nodiscard]] std::unique_ptr<Pending> start(AsyncRequest request, Handler handler);

private:
    class Engine;
    std::shared_ptr<Engine> engine_;
};

}  // namespace meshd::web
