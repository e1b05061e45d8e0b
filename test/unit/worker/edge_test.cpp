// SPDX-License-Identifier: Apache-2.0
#include "worker/edge.hpp"

#include <map>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "config/text_file.hpp"
#include "test_certificates.hpp"

namespace meshd::worker {
namespace {

struct EdgeTest : testing::Test {
    static model::ServicePtr service(const std::string& name, std::vector<model::ServicePort> ports) {
        auto made = std::make_shared<model::Service>();
        made->name = name;
        made->addresses = {*base::IpAddress::parse("10.96.0.10"), *base::IpAddress::parse("fd00::10")};
        made->ports = std::move(ports);
        return made;
    }
    void tell(const model::ServicePtr& service) {
        known[service->name] = service;
        registry::Change change;
        change.upsert = {service};
        edge.take(change);
    }
    static model::EdgeListener listener(const std::string& name, const std::string& port = {}) {
        model::EdgeListener one;
        one.name = name;
        one.routes.emplace_back();
        one.routes.back().names = {"shop.test"};
        one.routes.back().service = "web";
        one.routes.back().port = port;
        one.routes.back().pass_through = true;
        return one;
    }
    std::string address() { return std::string(edge.report().at(0).at("routes").at(0).at("address").as_string()); }
    std::string problem() { return std::string(edge.report().at(0).at("routes").at(0).at("problem").as_string()); }

    boost::asio::io_context io;
    std::map<std::string, model::ServicePtr> known;
    int changes = 0;
    Edge edge{io,
              {.on_change = [this] { ++changes; },
               .service = [this](const std::string& name) { return known.contains(name) ? known.at(name) : nullptr; }}};
};

TEST_F(EdgeTest, LeadsToTheServiceAsItIsKnown) {
    edge.follow({listener("public")});
    EXPECT_FALSE(edge.knows_services());
    EXPECT_EQ(problem(), "there is no service web");
    tell(service("other", {{"", 80, base::Protocol::tcp, {}}}));
    EXPECT_TRUE(edge.knows_services());
    EXPECT_EQ(changes, 1);  // the first
    tell(service("another", {{"", 80, base::Protocol::tcp, {}}}));
    EXPECT_EQ(changes, 1);
    tell(service("web", {{"", 80, base::Protocol::tcp, {}}}));
    EXPECT_EQ(changes, 2);
    EXPECT_EQ(address(), "10.96.0.10:80");
    const auto* const route = edge.listeners().at("public")->routes.find("shop.test");
    ASSERT_NE(route, nullptr);
    EXPECT_EQ(route->address, base::SocketAddress::parse("10.96.0.10:80"));
    known.erase("web");
    registry::Change gone;
    gone.remove = {"web"};
    edge.take(gone);
    EXPECT_EQ(changes, 3);
    EXPECT_EQ(edge.listeners().at("public")->routes.find("shop.test")->address, std::nullopt);
}

TEST_F(EdgeTest, FindsThePort) {
    tell(service(
        "web",
        {{"http", 80, base::Protocol::tcp, {}}, {"https", 443, base::Protocol::tcp, {}}, {"dns", 53, base::Protocol::udp, {}}}));
    edge.follow({listener("public")});
    EXPECT_EQ(problem(), "service web has several ports; write which one (port)");
    for (const auto& [port, wanted] : std::map<std::string, std::string>{
             {"http", "10.96.0.10:80"}, {"443", "10.96.0.10:443"}, {"dns", ""}, {"53", ""}, {"8080", ""}}) {
        edge.follow({listener("public", port)});
        EXPECT_EQ(address(), wanted) << port;
    }
    edge.follow({listener("public", "smtp")});
    EXPECT_EQ(problem(), "service web has no TCP port smtp");
}

TEST_F(EdgeTest, AnswersChallenges) {
    const tls::TemporaryDirectory directory;
    tls::TestAuthority authority(directory, "ours");
    const auto files = authority.issue({.names = "DNS:new.test"});
    const auto text = [](const std::string& path) { return config::read_text_file(path).value().text; };
    edge.follow({listener("public")});
    EXPECT_EQ(edge.listeners().at("public")->challenge, nullptr);
    ASSERT_TRUE(edge.answer({{"new.test", {text(files.certificate), text(files.key)}}}));
    EXPECT_EQ(changes, 1);
    const auto& challenge = edge.listeners().at("public")->challenge;
    ASSERT_NE(challenge, nullptr);
    EXPECT_NE(challenge("new.test"), nullptr);
    EXPECT_EQ(challenge("shop.test"), nullptr);
    const auto refused = edge.answer({{"new.test", {text(files.certificate), "nothing"}}});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("new.test"), std::string::npos) << refused.error().message();
    EXPECT_NE(edge.listeners().at("public")->challenge, nullptr);
    ASSERT_TRUE(edge.answer({}));
    EXPECT_EQ(edge.listeners().at("public")->challenge, nullptr);
}

TEST_F(EdgeTest, TellsWhyNothingIsIssued) {
    auto one = listener("public");
    one.certificates.emplace_back().acme = {"shop.test"};
    model::AcmeSettings acme;
    model::EdgeListeners all{one};
    model::place_acme(all, acme, "/nonexistent");
    edge.follow(all, acme);
    const auto told = edge.report().at(0).at("acme").at(0);
    EXPECT_EQ(told.at("names").at(0), "shop.test");
    EXPECT_EQ(told.at("state"), "failing");
    EXPECT_NE(std::string(told.at("problem").as_string()).find("/nonexistent/lock"), std::string::npos);
    EXPECT_EQ(edge.certificates().at(0).problem,
              "no certificate of shop.test is issued: " + std::string(told.at("problem").as_string()));
    edge.follow({listener("public")});
    EXPECT_TRUE(edge.report().at(0).at("acme").as_array().empty());
}

TEST_F(EdgeTest, CountsGoOnWhenSettingsChange) {
    edge.follow({listener("public")});
    const auto counts = edge.listeners().at("public")->counts;
    counts->taken = 7;
    edge.follow({listener("public", "http"), listener("other")});
    EXPECT_EQ(edge.listeners().at("public")->counts, counts);
    EXPECT_EQ(edge.report().at(0).at("connections"), 7);
    edge.follow({});
    EXPECT_FALSE(edge.is_wanted());
    EXPECT_TRUE(edge.listeners().empty());
}

}  // namespace
}  // namespace meshd::worker
