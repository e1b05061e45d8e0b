// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/health_checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/asio/ip/tcp.hpp>

#include "kubernetes_texts.hpp"
#include "web/async_client.hpp"

namespace meshd::registry::kubernetes {
namespace {

class HealthChecksTest : public testing::Test {
protected:
    static constexpr auto loopback = "127.0.0.1";

    std::uint16_t free_port() {
        return boost::asio::ip::tcp::acceptor(io, {boost::asio::ip::address_v4::loopback(), 0}).local_endpoint().port();
    }
    web::AsyncResponse ask(std::uint16_t port) {
        std::optional<web::AsyncResponse> answer;
        web::AsyncRequest request;
        request.url = "http://127.0.0.1:" + std::to_string(port);
        const auto pending = client.start(request, [&](auto got) { answer = got ? *got : web::AsyncResponse{}; });
        io.restart();
        while (!answer) io.run_one();
        return *answer;
    }

    boost::asio::io_context io;
    web::AsyncClient client{io};
    HealthChecks checks{io, ip(loopback)};
};

TEST_F(HealthChecksTest, AnswersAsKubeProxyDoes) {
    const auto port = free_port();
    checks.set({{port, "shop/web", 2}});
    const auto well = ask(port);
    EXPECT_EQ(well.status, 200);
    EXPECT_EQ(well.headers.at("x-load-balancing-endpoint-weight"), "2");
    EXPECT_EQ(well.body, R"({"service":{"namespace":"shop","name":"web"},"localEndpoints":2,"serviceProxyHealthy":true})");
    checks.set({{port, "shop/web", 0}});
    EXPECT_EQ(ask(port).status, 503);
    checks.set({});
    EXPECT_EQ(checks.listening(), 0U);
    EXPECT_EQ(ask(port).status, 0) << "nobody listens";
}

TEST_F(HealthChecksTest, APortThatSomebodyElseHasIsTriedAgain) {
    auto other = std::make_unique<boost::asio::ip::tcp::acceptor>(
        io, boost::asio::ip::tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    const auto port = other->local_endpoint().port();
    checks.set({{port, "shop/web", 1}});
    EXPECT_EQ(checks.listening(), 0U);
    other.reset();
    checks.set({{port, "shop/web", 1}});
    EXPECT_EQ(ask(port).status, 200);
}

}  // namespace
}  // namespace meshd::registry::kubernetes
