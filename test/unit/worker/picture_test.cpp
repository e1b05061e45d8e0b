// SPDX-License-Identifier: Apache-2.0
#include "worker/picture.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "loop.hpp"
#include "picture/assets.hpp"
#include "picture/gate.hpp"

namespace meshd::worker {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

const auto any_port = *base::SocketAddress::parse("127.0.0.1:0");

http::Request get(const std::string& path, std::map<std::string, std::string, std::less<>> headers = {}) {
    http::Request request;
    request.path = path;
    request.headers = std::move(headers);
    request.headers.emplace("host", "127.0.0.1:9708");
    return request;
}

class PictureSite : public testing::Test {
protected:
    ~PictureSite() override { (void)std::remove(token_file.c_str()); }

    void configure(const std::string& text) {
        std::ofstream(token_file) << text;
        site.configure({any_port, token_file, {"node1"}});
    }

    http::Response answer(const http::Request& request) {
        std::optional<http::Response> given;
        site.handle(request, [&](http::Response response) { given = std::move(response); });
        EXPECT_TRUE(given);
        return given.value_or(http::Response{});
    }

    const std::string token_file = testing::TempDir() + "meshd-picture-" + std::to_string(::getpid());
    const std::string token = "0123456789abcdef";
    std::vector<std::string> asked;
    int problem_changes = 0;
    picture::Site site{{[this](const http::Request& request, http::Respond respond) {
                            asked.push_back(request.path);
                            respond({200, "{}", "application/json", {}});
                        },
                        [this] { ++problem_changes; }}};
};

TEST_F(PictureSite, ServesItsFilesWithoutAToken) {
    configure(token);
    const auto page = answer(get("/"));
    EXPECT_EQ(page.status, 200U);
    EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
    EXPECT_THAT(page.body, StartsWith("<!doctype html>"));
    EXPECT_EQ(page.body, answer(get("/index.html")).body);
    EXPECT_THAT(answer(get("/main.js")).body, HasSubstr("import"));
    EXPECT_EQ(answer(get("/cytoscape.esm.min.mjs")).content_type, "text/javascript; charset=utf-8");
    EXPECT_EQ(answer(get("/../main.js")).status, 404U);
    EXPECT_EQ(answer(get("/nothing")).status, 404U);
}

TEST_F(PictureSite, EveryScriptThatAFileNamesIsThere) {
    for (const auto& asset : picture::assets()) {
        EXPECT_FALSE(asset.body.empty()) << asset.path;
        for (auto at = asset.body.find(" from './"); asset.path.ends_with(".js") && at != std::string_view::npos;
             at = asset.body.find(" from './", at + 1)) {
            const auto name = asset.body.substr(at + 8, asset.body.find('\'', at + 8) - at - 8);
            EXPECT_EQ(answer(get(std::string(name))).status, 200U) << name << " in " << asset.path;
        }
    }
}

TEST_F(PictureSite, AFileThatABrowserHasIsNotSentAgain) {
    const auto first = answer(get("/main.js"));
    const auto tag = first.headers.at("ETag");
    const auto second = answer(get("/main.js", {{"if-none-match", tag}}));
    EXPECT_EQ(second.status, 304U);
    EXPECT_EQ(second.body, "");
    EXPECT_EQ(answer(get("/main.js", {{"if-none-match", "\"other\""}})).status, 200U);
    EXPECT_NE(answer(get("/style.css")).headers.at("ETag"), tag);
}

TEST_F(PictureSite, EveryAnswerIsGuarded) {
    configure(token);
    auto post = get("/");
    post.method = "POST";
    for (const auto& request : {get("/"), get("/nothing"), get("/v1/status"), post, get("/", {{"host", "evil"}})}) {
        const auto headers = answer(request).headers;
        EXPECT_THAT(headers.at("Content-Security-Policy"),
                    StartsWith("default-src 'none'; script-src 'self'; style-src 'self';"));
        EXPECT_THAT(headers.at("Content-Security-Policy"), testing::Not(HasSubstr("unsafe")));
        EXPECT_EQ(headers.at("X-Content-Type-Options"), "nosniff");
        EXPECT_EQ(headers.at("Referrer-Policy"), "no-referrer");
    }
    EXPECT_EQ(answer(get("/v1/status", {{"authorization", "Bearer " + token}})).headers.at("Cache-Control"), "no-store");
}

TEST_F(PictureSite, OnlyShows) {
    for (const auto* const method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
        auto request = get("/v1/status");
        request.method = method;
        const auto refused = answer(request);
        EXPECT_EQ(refused.status, 405U);
        EXPECT_EQ(refused.headers.at("Allow"), "GET, HEAD");
    }
    EXPECT_TRUE(asked.empty());
}

TEST_F(PictureSite, QuestionsNeedTheToken) {
    configure(token + "\n");
    for (const auto& wrong : {"", "Bearer", "Bearer ", "Bearer 0123456789abcdeg", "Bearer 0123456789abcde",
                              "Bearer 0123456789abcdef0", "Basic 0123456789abcdef", "0123456789abcdef"}) {
        const auto refused = answer(get("/v1/status", {{"authorization", wrong}}));
        EXPECT_EQ(refused.status, 401U) << wrong;
        EXPECT_THAT(refused.headers.at("WWW-Authenticate"), StartsWith("Bearer"));
        EXPECT_THAT(refused.body, testing::Not(HasSubstr(token)));
    }
    EXPECT_EQ(answer(get("/v1/status")).status, 401U);
    EXPECT_TRUE(asked.empty());
    EXPECT_EQ(answer(get("/v1/status", {{"authorization", "Bearer " + token}})).status, 200U);
    EXPECT_EQ(answer(get("/v1/flows", {{"authorization", "bearer " + token}})).status, 200U);
    EXPECT_THAT(asked, testing::ElementsAre("/v1/status", "/v1/flows"));
}

TEST_F(PictureSite, ATokenThatIsNoneIsAProblemUntilItIsOne) {
    configure("short");
    EXPECT_THAT(site.problem(), HasSubstr("one token of at least 16 characters"));
    EXPECT_EQ(answer(get("/v1/status", {{"authorization", "Bearer short"}})).status, 503U);
    EXPECT_EQ(problem_changes, 1);
    std::ofstream(token_file) << token;
    EXPECT_EQ(answer(get("/v1/status", {{"authorization", "Bearer " + token}})).status, 200U);
    EXPECT_EQ(site.problem(), "");
    (void)std::remove(token_file.c_str());
    EXPECT_EQ(answer(get("/v1/status", {{"authorization", "Bearer " + token}})).status, 503U);
    EXPECT_THAT(site.problem(), HasSubstr(token_file));
    EXPECT_EQ(problem_changes, 3);
}

TEST_F(PictureSite, WithoutATokenFileNoneIsAskedFor) {
    site.configure({});
    EXPECT_EQ(answer(get("/v1/status")).status, 200U);
}

TEST_F(PictureSite, PagesOfOthersCannotAsk) {
    site.configure({});
    EXPECT_EQ(answer(get("/v1/status", {{"sec-fetch-site", "cross-site"}})).status, 403U);
    EXPECT_EQ(answer(get("/v1/status", {{"sec-fetch-site", "same-site"}})).status, 403U);
    EXPECT_EQ(answer(get("/v1/status", {{"sec-fetch-site", "same-origin"}})).status, 200U);
    EXPECT_EQ(answer(get("/v1/status", {{"host", "evil.example"}})).status, 403U);
    auto without = get("/v1/status");
    without.headers.erase("host");
    EXPECT_EQ(answer(without).status, 403U);
    EXPECT_EQ(asked.size(), 1U);
}

TEST(PictureGate, KnowsTheNamesOfItsHost) {
    const model::PictureSettings settings{any_port, "", {"node1.example.org"}};
    for (const auto* const own : {"localhost", "LOCALHOST:9708", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:9708",
                                  "192.0.2.1:80", "node1.example.org", "Node1.Example.org:9708"})
        EXPECT_TRUE(picture::is_own_host(own, settings)) << own;
    for (const auto* const other : {"", "evil.example", "node1", "localhost.evil.example:80", "127.0.0.1.evil.example", "[::1",
                                    "[evil]:80", "node1.example.org."})
        EXPECT_FALSE(picture::is_own_host(other, settings)) << other;
}

class PictureTest : public testing::Test {
protected:
    Picture make(PictureTimes times = {}) {
        return Picture(loop.context,
                       {[this](const channel::ViewRequest& request) { asked.push_back(request); }, [this] { ++changes; }}, times);
    }
    static std::string body(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

    Loop loop;
    std::vector<channel::ViewRequest> asked;
    int changes = 0;
};

TEST_F(PictureTest, AsksTheAgentAndPutsItsPartsTogether) {
    auto picture = make();
    picture.configure(model::PictureSettings{any_port, "", {}});
    ASSERT_EQ(picture.problem(), "");
    EXPECT_EQ(changes, 1);
    auto answer = http_get(picture.address(), "/v1/flows?service=a%2Fb", "127.0.0.1");
    ASSERT_TRUE(loop.run_until([&] { return asked.size() == 1; }));
    EXPECT_EQ(asked[0].path, "/v1/flows");
    EXPECT_EQ(asked[0].query.at("service"), "a/b");
    picture.take({asked[0].id + 1, 200, "another's", true});
    picture.take({asked[0].id, 200, "{\"flo", false});
    picture.take({asked[0].id, 200, "ws\":[]}", true});
    const auto text = finish(loop, std::move(answer));
    EXPECT_THAT(text, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_EQ(body(text), "{\"flows\":[]}");
    EXPECT_EQ(picture.waiting(), 0U);
}

TEST_F(PictureTest, TheSameQuestionsShareOneAnswer) {
    auto picture = make();
    picture.configure(model::PictureSettings{any_port, "", {}});
    std::vector<std::future<std::string>> answers;
    for (int i = 0; i < 4; ++i) answers.push_back(http_get(picture.address(), i < 3 ? "/v1/traffic" : "/v1/status", "localhost"));
    ASSERT_TRUE(loop.run_until([&] { return picture.waiting() == 4; }));
    ASSERT_EQ(asked.size(), 2U);
    for (const auto& one : asked) picture.take({one.id, one.path == "/v1/status" ? 500U : 200U, one.path, true});
    const auto other = finish(loop, std::move(answers.back()));
    EXPECT_THAT(other, StartsWith("HTTP/1.1 500 "));
    answers.pop_back();
    for (auto& answer : answers) EXPECT_EQ(body(finish(loop, std::move(answer))), "/v1/traffic");
}

TEST_F(PictureTest, AnswersForItselfWhenTheAgentDoesNot) {
    auto picture = make({.answer_timeout = 50ms, .listen_retry = 1s});
    picture.configure(model::PictureSettings{any_port, "", {}});
    auto answer = http_get(picture.address(), "/v1/status", "localhost");
    const auto text = finish(loop, std::move(answer));
    EXPECT_THAT(text, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(text, HasSubstr("the agent did not answer in time"));
    ASSERT_EQ(asked.size(), 1U);
    picture.take({asked[0].id, 200, "too late, and of no harm", true});
    EXPECT_EQ(picture.waiting(), 0U);
}

TEST_F(PictureTest, TakesNothing) {
    auto picture = make();
    picture.configure(model::PictureSettings{any_port, "", {}});
    auto answer = http_get(picture.address(), "/ HTTP/1.1\r\nContent-Length: 100000\r\nX: y", "localhost");
    EXPECT_THAT(finish(loop, std::move(answer)), StartsWith("HTTP/1.1 413 "));
}

TEST_F(PictureTest, IsOffWithoutSettings) {
    auto picture = make();
    picture.configure(model::PictureSettings{any_port, "", {}});
    ASSERT_NE(picture.address(), "");
    picture.configure(std::nullopt);
    EXPECT_EQ(picture.address(), "");
    EXPECT_EQ(picture.problem(), "");
}

TEST_F(PictureTest, TriesAgainAtAnAddressThatIsInUse) {
    auto first = make();
    first.configure(model::PictureSettings{any_port, "", {}});
    auto second = make({.answer_timeout = 1s, .listen_retry = 20ms});
    second.configure(model::PictureSettings{*base::SocketAddress::parse(first.address()), "", {}});
    EXPECT_THAT(second.problem(), HasSubstr("cannot"));
    first.configure(std::nullopt);
    EXPECT_TRUE(loop.run_until([&] { return second.problem().empty() && !second.address().empty(); }));
}

}  // namespace
}  // namespace meshd::worker
