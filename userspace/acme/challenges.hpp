// SPDX-License-Identifier: Apache-2.0
// The challenges of the order that is under way: takes them of uacme's hook, and answers the authority.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>
#include <boost/asio/io_context.hpp>

#include "acme/challenge.hpp"
#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "http/server.hpp"
#include "model/acme.hpp"
#include "tls/edge_certificate.hpp"

namespace meshd::acme {

// Everything on the thread of the loop.
class Challenges {
public:
    // By the name of the server: who is to be shown which certificate from now on, instead of those before.
    using Certificates = std::map<std::string, tls::ChallengeCertificate, std::less<>>;
    using Show = std::function<base::Result<void>(const Certificates&)>;

    Challenges(boost::asio::io_context& io, Show show) : io_(io), show_(std::move(show)) {}

    // Where hooks come. A file that is there is replaced.
    base::Result<void> listen(const std::string& path);
    void close() { hooks_.reset(); }
    // Where the authority comes for http-01; a socket that listens already.
    base::Result<void> listen_http(base::UniqueFd socket);
    void close_http() { http_.reset(); }

    // Who may say something: processes of this group, of these names.
    struct Order {
        pid_t group = 0;
        model::AcmeChallenge challenge = model::AcmeChallenge::tls_alpn_01;
        std::vector<std::string> names;
    };
    void begin(Order order) { order_ = std::move(order); }
    void end();  // nobody, and nothing is answered any more

    [[nodiscard]] http::Response take(const http::Request& request);          // of a hook
    [[nodiscard]] http::Response answer(const http::Request& request) const;  // to the authority

private:
    [[nodiscard]] std::string why_refused(const http::Request& request) const;
    base::Result<void> apply(const ChallengeStep& step);

    boost::asio::io_context& io_;
    Show show_;
    Order order_;
    Certificates certificates_;
    std::map<std::string, std::string, std::less<>> authorizations_;  // of http-01, by token
    std::unique_ptr<http::Server> hooks_, http_;
};

}  // namespace meshd::acme
