// SPDX-License-Identifier: Apache-2.0
#include "acme/challenges.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace meshd::acme {
namespace {

using model::AcmeChallenge;

struct ChallengesTest : testing::Test {
    // As a hook of the order would be: a process of its group, which is this one here.
    http::Response say(const char* method, const std::string& type = "tls-alpn-01", const std::string& name = "shop.test") {
        auto request = word_of(method, type, name);
        return challenges.take(request);
    }
    static http::Request word_of(const char* method, const std::string& type, const std::string& name) {
        http::Request request;
        request.method = "POST";
        request.path = challenge_path;
        request.peer = http::Peer{::getpid(), ::geteuid(), ::getegid(), {}};
        request.body = to_text(*read_step(method, type, name, "token", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"));
        return request;
    }
    void begin(AcmeChallenge challenge = AcmeChallenge::tls_alpn_01) {
        challenges.begin({::getpgid(0), challenge, {"shop.test", "www.shop.test"}});
    }
    http::Response get(const std::string& path, const std::string& method = "GET") {
        http::Request request;
        request.method = method;
        request.path = path;
        return challenges.answer(request);
    }

    boost::asio::io_context io;
    std::vector<std::size_t> shown;  // how many, each time
    bool refuses = false;
    Challenges challenges{io, [this](const Challenges::Certificates& all) -> base::Result<void> {
                              if (refuses) return base::fail({"show", "it", 0, "no", {}});
                              shown.push_back(all.size());
                              return {};
                          }};
};

TEST_F(ChallengesTest, OfHandshakesAreShownFromBeginToEnd) {
    begin();
    EXPECT_EQ(say("begin").status, 200U);
    EXPECT_EQ(say("begin", "tls-alpn-01", "www.shop.test").status, 200U);
    EXPECT_EQ(say("done").status, 200U);
    challenges.end();
    EXPECT_EQ(shown, (std::vector<std::size_t>{1, 2, 1, 0}));
    challenges.end();
    EXPECT_EQ(shown.size(), 4U);
}

TEST_F(ChallengesTest, OfHttpAreAnsweredByTheirToken) {
    begin(AcmeChallenge::http_01);
    const std::string path = "/.well-known/acme-challenge/token";
    EXPECT_EQ(get(path).status, 404U);
    EXPECT_EQ(say("begin", "http-01").status, 200U);
    EXPECT_EQ(get(path).status, 200U);
    EXPECT_EQ(get(path).body, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
    EXPECT_EQ(get(path, "POST").status, 404U);
    EXPECT_EQ(get(path + "2").status, 404U);
    EXPECT_EQ(get("/token").status, 404U);
    EXPECT_EQ(say("failed", "http-01").status, 200U);
    EXPECT_EQ(get(path).status, 404U);
    EXPECT_TRUE(shown.empty());
}

TEST_F(ChallengesTest, OfAnotherKindAreDeclined) {
    begin();
    EXPECT_EQ(say("begin", "http-01").status, 409U);
    EXPECT_EQ(say("begin", "dns-01").status, 409U);
    EXPECT_TRUE(shown.empty());
}

TEST_F(ChallengesTest, OfOtherNamesAreRefused) {
    begin();
    EXPECT_EQ(say("begin", "tls-alpn-01", "bank.test").status, 403U);
    EXPECT_TRUE(shown.empty());
}

TEST_F(ChallengesTest, OfProcessesThatWereNotStartedForItAreRefused) {
    EXPECT_EQ(say("begin").body, "no certificate is being ordered");
    challenges.begin({::getpgid(0) + 1, AcmeChallenge::tls_alpn_01, {"shop.test"}});
    EXPECT_EQ(say("begin").body, "it was not started for the certificate that is being ordered");
    begin();
    auto request = word_of("begin", "tls-alpn-01", "shop.test");
    request.peer->uid = ::geteuid() + 1;
    EXPECT_EQ(challenges.take(request).status, 403U);
    request.peer.reset();
    EXPECT_EQ(challenges.take(request).body, "it is another user's");
    EXPECT_TRUE(shown.empty());
}

TEST_F(ChallengesTest, ThatMakeNoSenseChangeNothing) {
    begin();
    auto request = word_of("begin", "tls-alpn-01", "shop.test");
    request.body = "{}";
    EXPECT_EQ(challenges.take(request).status, 400U);
    request = word_of("begin", "tls-alpn-01", "shop.test");
    request.path = "/";
    EXPECT_EQ(challenges.take(request).status, 404U);
    refuses = true;
    EXPECT_EQ(say("begin").status, 400U);
    refuses = false;
    challenges.end();
    EXPECT_TRUE(shown.empty());
}

}  // namespace
}  // namespace meshd::acme
