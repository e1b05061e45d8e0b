// SPDX-License-Identifier: Apache-2.0
#include "tls/outside_store.hpp"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "test_certificates.hpp"

namespace meshd::tls {
namespace {

const model::Origination server{.server_name = "api.example.com", .credentials = "bank"};

struct OutsideStoreTest : testing::Test {
    model::OutsideCredentials wanted() { return {"bank", directory.path("ca.pem"), {}}; }
    static model::Origination by(std::string credentials) { return {.credentials = std::move(credentials)}; }

    [[nodiscard]] std::string read() const {
        std::ifstream file(authority.trust().authorities);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    template <typename Condition>
    bool run_until(Condition condition) {
        for (int i = 0; i < 10'000 && !condition(); ++i) io.run_one_for(std::chrono::milliseconds(10));
        return condition();
    }

    TemporaryDirectory directory;
    TestAuthority authority{directory, "outside"};
    std::string good = read();
    boost::asio::io_context io;
    int changes = 0;
    std::vector<std::string> problems;
    OutsideStore store{io,
                       {std::chrono::milliseconds(1), [this] { ++changes; },
                        [this](const std::string& name, const base::Error&) { problems.push_back(name); }}};
};

TEST_F(OutsideStoreTest, HasTheSameForTheSame) {
    directory.write("ca.pem", good);
    store.follow({wanted()});
    const auto first = store.of(server);
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(store.of(server), first);
    store.follow({wanted(), {"other", {}, {}}});
    EXPECT_EQ(store.of(server), first);
    auto offering = server;
    offering.alpn = {"h2"};
    EXPECT_NE(store.of(offering), first);
}

TEST_F(OutsideStoreTest, HasThoseThatAreNamedAndThoseOfTheSystem) {
    directory.write("ca.pem", good);
    store.follow({wanted()});
    EXPECT_NE(store.of(by("")), nullptr);
    EXPECT_EQ(store.states().size(), 1U);
    EXPECT_EQ(store.of(by("nobody")), nullptr);
    EXPECT_EQ(store.of(by("nobody")), nullptr);
    EXPECT_EQ(problems, std::vector<std::string>{"nobody"});
    store.follow({});
    EXPECT_EQ(store.of(server), nullptr);
    EXPECT_NE(store.of(by("")), nullptr);
}

TEST_F(OutsideStoreTest, FollowsFilesAndKeepsWhatWasGood) {
    directory.write("ca.pem", "none");
    store.follow({wanted()});
    EXPECT_EQ(store.of(server), nullptr);
    EXPECT_EQ(problems, std::vector<std::string>{"bank"});
    directory.write("ca.pem", good);
    ASSERT_TRUE(run_until([this] { return changes == 1; }));
    const auto first = store.of(server);
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(store.states().front().problem, "");
    directory.write("ca.pem", "none any more");
    ASSERT_TRUE(run_until([this] { return problems.size() == 2; }));
    EXPECT_EQ(store.of(server), first);
    EXPECT_NE(store.states().front().problem, "");
    directory.write("ca.pem", good + good);
    ASSERT_TRUE(run_until([this] { return changes == 2; }));
    EXPECT_NE(store.of(server), first);
    EXPECT_EQ(store.states().front().problem, "");
}

}  // namespace
}  // namespace meshd::tls
