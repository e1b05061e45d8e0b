// SPDX-License-Identifier: Apache-2.0
// The signing agent: a listener over TLS on a thread of its own, since a fleet that asks at once must not hold up the loop that
// follows registries and probes.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "model/tls.hpp"
#include "signing/connection.hpp"
#include "signing/signer.hpp"

namespace meshd::signing {

class Server {
public:
    // Listens from now on, or as soon as it can: status() tells. `counts` outlives it.
    Server(model::Signing settings, std::string trust_domain, SignCounts& counts);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();  // ends all connections

    struct Status {
        std::string address;                                 // that it listens at; empty: nowhere
        std::string identity;                                // of the certificate that it shows
        std::chrono::system_clock::time_point begins, ends;  // of that; the epoch: it has none
        std::string problem;                                 // empty: none
        std::chrono::system_clock::time_point since = std::chrono::system_clock::now();
    };
    [[nodiscard]] Status status() const;

private:
    void try_listen();
    base::Result<void> listen();
    void accept();
    void begin(boost::asio::ip::tcp::socket socket);
    base::Result<void> renew();
    void set_problem(const std::string& problem);
    void retry();

    model::Signing settings_;
    std::string trust_domain_;
    Signer signer_;
    boost::asio::io_context loop_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keeps_running_;
    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::steady_timer retry_;
    std::set<std::shared_ptr<Connection>> connections_;
    bool is_accepting_ = false;

    std::shared_ptr<const tls::Serving> serving_;
    std::string believed_;                                 // what tells authorities.pem and revoked.pem from those after them
    std::chrono::system_clock::time_point renewed_until_;  // from then on another certificate is shown

    mutable std::mutex mutex_;
    Status status_;
    std::thread thread_;  // last: everything is there when it begins
};

}  // namespace meshd::signing
