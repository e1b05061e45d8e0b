// SPDX-License-Identifier: Apache-2.0
// Writes into the status of MeshConfigurations what this node makes of them, where it does not stand there already. All nodes see
// the same objects, so each waits for a while, and mostly finds that another one has written.
#pragma once

#include <chrono>
#include <memory>
#include <random>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "registry/kubernetes/configurations.hpp"
#include "registry/kubernetes/credentials.hpp"
#include "web/async_client.hpp"

namespace meshd::registry::kubernetes {

inline constexpr std::string_view configurations_path = "/apis/meshd.dev/v1alpha1/meshconfigurations";

struct StatusWriterTimes {
    std::chrono::milliseconds longest{3'000};   // from a verdict to its writing, at random
    std::chrono::milliseconds again{30'000};    // after a failure, up to twice that
    std::chrono::milliseconds denied{600'000};  // the same where rights are missing
};

class StatusWriter {
public:
    StatusWriter(boost::asio::io_context& io, web::AsyncClient& client, Credentials& credentials, Configurations& configurations,
                 std::string source, StatusWriterTimes times = {});
    StatusWriter(const StatusWriter&) = delete;
    StatusWriter& operator=(const StatusWriter&) = delete;

    // Something may be other than it was.
    void look();

private:
    using Answer = tl::expected<web::AsyncResponse, web::AsyncError>;

    void wait(std::chrono::milliseconds least, std::chrono::milliseconds most);
    void write_next();
    void take(const Configurations::Unsaid& written, const Answer& answer);

    web::AsyncClient& client_;
    Credentials& credentials_;
    Configurations& configurations_;
    std::string source_;
    StatusWriterTimes times_;
    boost::asio::steady_timer timer_;
    bool is_waiting_ = false;
    bool was_denied_ = false;  // it was said in the log
    std::minstd_rand random_{std::random_device{}()};
    std::unique_ptr<web::Pending> pending_;
};

}  // namespace meshd::registry::kubernetes
