// SPDX-License-Identifier: Apache-2.0
#include "registry/consul/requests.hpp"

#include <fstream>

#include <gmock/gmock.h>

namespace meshd::registry::consul {
namespace {

using testing::HasSubstr;

model::ConsulRegistry registry() {
    model::ConsulRegistry registry;
    registry.url = "http://c:8500";
    return registry;
}

TEST(ConsulRequests, EscapeWhatIsNotPlain) {
    EXPECT_EQ(escaped_path("meshd/a b/?&é"), "meshd/a%20b/%3F%26%C3%A9");
    EXPECT_EQ(escaped_path("/a-b_c.d~1/"), "/a-b_c.d~1/");
    EXPECT_EQ(escaped_path(""), "");
}

TEST(ConsulRequests, SayWhatTheSettingsSay) {
    auto settings = registry();
    EXPECT_EQ(url_of(settings, "/v1/x", "", 0, {}), "http://c:8500/v1/x");
    EXPECT_EQ(url_of(settings, "/v1/x", "", 7, std::chrono::seconds(3)), "http://c:8500/v1/x?index=7&wait=3000ms");
    EXPECT_EQ(url_of(settings, "/v1/kv/a?recurse", "", 7, std::chrono::seconds(3)),
              "http://c:8500/v1/kv/a?recurse&index=7&wait=3000ms");
    settings.datacenter = "dc1";
    settings.partition_ns = "team a";
    settings.reads = model::ConsulReads::stale;
    EXPECT_EQ(url_of(settings, "/v1/x", "", 0, {}), "http://c:8500/v1/x?dc=dc1&ns=team%20a&stale");
    settings.reads = model::ConsulReads::consistent;
    EXPECT_EQ(url_of(settings, "/v1/x", "dc2", 0, {}), "http://c:8500/v1/x?dc=dc2&ns=team%20a&consistent");
}

TEST(ConsulRequests, ReadTheIndexAsNothingWhenItIsNone) {
    EXPECT_EQ(index_of({{"x-consul-index", "18446744073709551615"}}), 18446744073709551615u);
    for (const auto* const text : {"", "-1", "1x", "x", "99999999999999999999"})
        EXPECT_EQ(index_of({{"x-consul-index", text}}), 0u) << text;
    EXPECT_EQ(index_of({}), 0u);
}

TEST(ConsulRequests, KnowAnAnswerThatHidesEverything) {
    const std::map<std::string, std::string> filtered{{"x-consul-results-filtered-by-acls", "true"}};
    EXPECT_TRUE(hides_all(filtered, "[]\n"));
    EXPECT_TRUE(hides_all(filtered, "{}"));
    EXPECT_FALSE(hides_all(filtered, "[{\"Node\":{}}]"));
    EXPECT_FALSE(hides_all({}, "[]"));
}

class TokenFile : public testing::Test {
protected:
    std::string error(const std::string& content) {
        std::ofstream(path_) << content;
        const auto token = read_token(path_);
        return token ? "no error: " + *token : token.error().message();
    }
    void TearDown() override { (void)std::remove(path_.c_str()); }
    std::string path_ = testing::TempDir() + "meshd-token-" + std::to_string(::getpid());
};

TEST_F(TokenFile, IsReadWithoutTheSpaceAroundIt) {
    std::ofstream(path_) << "\n  abc-def \r\n";
    EXPECT_EQ(*read_token(path_), "abc-def");
    EXPECT_EQ(*read_token(""), "");
}

TEST_F(TokenFile, IsNeverTakenForNoToken) {
    EXPECT_THAT(error(""), HasSubstr("holds no token"));
    EXPECT_THAT(error(" \n"), HasSubstr("holds no token"));
    EXPECT_THAT(error("two words"), HasSubstr("other characters"));
    EXPECT_THAT(error("a\r\nX-Evil: b"), HasSubstr("other characters"));
    const auto missing = read_token(path_ + ".not");
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().message(), testing::AllOf(HasSubstr(".not"), HasSubstr("No such file")));
}

TEST(ConsulRefusal, SaysWhatToDo) {
    auto settings = registry();
    EXPECT_THAT(refusal(settings, "/v1/x", 403, "Permission denied").error.message(),
                testing::AllOf(HasSubstr("http://c:8500/v1/x"), HasSubstr("name a file with a token")));
    settings.access.token_file = "/etc/token";
    const auto unknown = refusal(settings, "/v1/x", 403, "rpc error making call: ACL not found");
    EXPECT_EQ(unknown.kind, Failure::denied);
    EXPECT_TRUE(unknown.of_server);
    EXPECT_THAT(unknown.error.message(), HasSubstr("put a valid token into /etc/token"));
    const auto denied = refusal(settings, "/v1/x", 403, "Permission denied\n");
    EXPECT_FALSE(denied.of_server);
    EXPECT_THAT(denied.error.message(), HasSubstr("give the token in /etc/token a policy"));
}

TEST(ConsulRefusal, IsOfOneQueryOrOfTheServer) {
    EXPECT_TRUE(refusal(registry(), "/", 500, "No cluster leader").of_server);
    EXPECT_EQ(refusal(registry(), "/", 500, "No cluster leader").kind, Failure::server);
    EXPECT_FALSE(refusal(registry(), "/", 500, "No path to datacenter").of_server);
    EXPECT_TRUE(refusal(registry(), "/", 429, "too many").of_server);
    EXPECT_FALSE(refusal(registry(), "/", 400, "Invalid index").of_server);
    EXPECT_EQ(refusal(registry(), "/", 404, "").kind, Failure::malformed);
}

}  // namespace
}  // namespace meshd::registry::consul
