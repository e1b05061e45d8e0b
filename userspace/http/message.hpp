// SPDX-License-Identifier: Apache-2.0
// What goes over an HTTP connection, as values: nothing here knows how it is read or written.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace meshd::http {

// Who stands at the other end of a unix socket, as the kernel recorded it when it connected (SO_PEERCRED, SO_PEERGROUPS).
struct Peer {
    pid_t pid = 0;
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;  // supplementary groups of the process
};

struct Request {
    std::string method = "GET";                               // as sent: "GET", "POST", "PUT", …
    std::string path;                                         // decoded, without the query: "/v1/services/shop/web"
    std::map<std::string, std::string, std::less<>> query;    // decoded; of a key that is given twice the last one holds
    std::map<std::string, std::string, std::less<>> headers;  // names in lower case
    std::string body;
    std::optional<Peer> peer;  // only on a unix socket
};

struct Response {
    unsigned status = 200;
    std::string body;
    std::string content_type = "application/json";
    std::map<std::string, std::string, std::less<>> headers;  // beyond Content-Type, Content-Length and Connection
};

// Takes the answer to one request. Call it at most once, on the thread of the server's loop, now or later; also when the server
// has ended in the meantime. Letting go of it without a call closes the connection.
using Respond = std::function<void(Response)>;

using Handler = std::function<Response(const Request&)>;
// The request lives until the function returns, not until it responds.
using AsyncHandler = std::function<void(const Request&, Respond)>;

AsyncHandler answer_at_once(Handler handler);

// The target of a request line, "/v1/services/shop%2Fweb?x=1", taken apart and decoded; nothing when it is malformed.
struct Target {
    std::string path;
    std::map<std::string, std::string, std::less<>> query;
};
std::optional<Target> parse_target(std::string_view text);

// For one path segment or one query value: all but the unreserved characters of RFC 3986, 2.3.
std::string percent_encode(std::string_view text);

}  // namespace meshd::http
