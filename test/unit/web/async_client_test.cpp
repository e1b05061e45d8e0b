// SPDX-License-Identifier: Apache-2.0
#include "web/async_client.hpp"

#include <optional>

#include <gmock/gmock.h>

#include "../worker/loop.hpp"
#include "http_server.hpp"

namespace meshd::web {
namespace {

using testing::HasSubstr;
using ExchangePtr = std::shared_ptr<HttpServer::Exchange>;
using Result = tl::expected<AsyncResponse, AsyncError>;

class AsyncClientTest : public testing::Test {
protected:
    AsyncRequest request(const std::string& path = "/") {
        AsyncRequest request;
        request.url = server_.url(path);
        return request;
    }

    Result ask(AsyncRequest request) {
        std::optional<Result> result;
        const auto pending = client_->start(std::move(request), [&](Result answer) { result = std::move(answer); });
        EXPECT_FALSE(result) << "answered from within start()";
        EXPECT_TRUE(loop_.run_until([&] { return result.has_value(); }));
        return result ? *result : tl::make_unexpected(AsyncError{});
    }

    AsyncError failure(AsyncRequest request) {
        const auto result = ask(std::move(request));
        EXPECT_FALSE(result);
        return result ? AsyncError{} : result.error();
    }

    Loop loop_;
    std::function<void(ExchangePtr)> answer_ = [](const ExchangePtr& exchange) { exchange->answer("hello"); };
    HttpServer server_{loop_.context, [this](const ExchangePtr& exchange) { answer_(exchange); }};
    std::optional<AsyncClient> client_{std::in_place, loop_.context};
};

TEST_F(AsyncClientTest, GivesStatusHeadersAndBody) {
    answer_ = [](const ExchangePtr& exchange) {
        exchange->answer("lost", "404 Not Found", "X-Consul-Index:  12 \r\nX-A: 1\r\nX-A: 2\r\n");
    };
    const auto answer = ask(request());
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 404);
    EXPECT_EQ(answer->body, "lost");
    EXPECT_EQ(answer->headers.at("x-consul-index"), "12");
    EXPECT_EQ(answer->headers.at("x-a"), "1, 2");
}

TEST_F(AsyncClientTest, SendsMethodHeadersAndBody) {
    std::string seen;
    answer_ = [&](const ExchangePtr& exchange) {
        seen = exchange->request;
        exchange->answer("");
    };
    auto post = request("/put?a=b");
    post.method = "POST";
    post.headers = {{"X-Consul-Token", "secret"}};
    post.body = "{}";
    ASSERT_TRUE(ask(post));
    EXPECT_THAT(seen, testing::StartsWith("POST /put?a=b HTTP/1.1\r\n"));
    EXPECT_THAT(seen, HasSubstr("X-Consul-Token: secret\r\n"));
    EXPECT_THAT(seen, testing::Not(HasSubstr("Expect:")));
    EXPECT_THAT(seen, testing::EndsWith("\r\n\r\n{}"));
}

TEST_F(AsyncClientTest, UsesTheConnectionOfTheRequestBefore) {
    for (int round = 0; round < 5; ++round) ASSERT_TRUE(ask(request()));
    EXPECT_EQ(server_.connections(), 1u);
}

TEST_F(AsyncClientTest, AsksManyAtOnce) {
    constexpr int count = 200;
    answer_ = [](const ExchangePtr& exchange) { exchange->answer(exchange->target()); };
    std::map<int, std::string> bodies;
    std::vector<std::unique_ptr<Pending>> pending;
    for (int i = 0; i < count; ++i)
        pending.push_back(client_->start(request("/" + std::to_string(i)), [&bodies, i](const Result& answer) {
            ASSERT_TRUE(answer) << answer.error().error.message();
            bodies[i] = answer->body;
        }));
    ASSERT_TRUE(loop_.run_until([&] { return bodies.size() == count; }));
    for (const auto& [number, body] : bodies) EXPECT_EQ(body, "/" + std::to_string(number));
}

TEST_F(AsyncClientTest, GivesAStreamPieceByPiece) {
    ExchangePtr exchange;
    answer_ = [&](const ExchangePtr& now) {
        exchange = now;
        exchange->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
    };
    std::string seen;
    std::optional<Result> result;
    auto watch = request();
    watch.timeout = {};
    watch.stream = [&](std::string_view piece) {
        seen += piece;
        return true;
    };
    const auto pending = client_->start(watch, [&](Result answer) { result = std::move(answer); });
    ASSERT_TRUE(loop_.run_until([&] { return seen == "one"; }));
    exchange->send("3\r\ntwo\r\n");
    ASSERT_TRUE(loop_.run_until([&] { return seen == "onetwo"; }));
    EXPECT_FALSE(result);
    exchange->send("0\r\n\r\n");
    ASSERT_TRUE(loop_.run_until([&] { return result.has_value(); }));
    ASSERT_TRUE(*result);
    EXPECT_EQ((*result)->status, 200);
    EXPECT_EQ((*result)->body, "");
}

TEST_F(AsyncClientTest, EndsAStreamThatHasEnough) {
    answer_ = [](const ExchangePtr& exchange) { exchange->send("HTTP/1.1 200 OK\r\n\r\nfor ever"); };
    auto watch = request();
    watch.stream = [](std::string_view) { return false; };
    const auto answer = ask(watch);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_TRUE(loop_.run_until([&] { return server_.all_gone(); }));
}

TEST_F(AsyncClientTest, KeepsTheBodyOfARefusalFromTheStream) {
    answer_ = [](const ExchangePtr& exchange) { exchange->answer("Permission denied", "403 Forbidden"); };
    auto watch = request();
    watch.stream = [](std::string_view) {
        ADD_FAILURE();
        return true;
    };
    const auto answer = ask(watch);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "Permission denied");
}

TEST_F(AsyncClientTest, GivesUpWhatIsLetGo) {
    bool is_asked = false;
    answer_ = [&](const ExchangePtr&) { is_asked = true; };
    auto pending = client_->start(request(), [](const Result&) { ADD_FAILURE(); });
    ASSERT_TRUE(loop_.run_until([&] { return is_asked; }));
    pending.reset();
    EXPECT_TRUE(loop_.run_until([&] { return server_.all_gone(); }));
}

TEST_F(AsyncClientTest, GivesUpEverythingAtItsEnd) {
    int asked = 0;
    answer_ = [&](const ExchangePtr&) { ++asked; };
    std::vector<std::unique_ptr<Pending>> pending;
    for (int i = 0; i < 10; ++i) pending.push_back(client_->start(request(), [](const Result&) { ADD_FAILURE(); }));
    ASSERT_TRUE(loop_.run_until([&] { return asked == 10; }));
    client_.reset();
    EXPECT_TRUE(loop_.run_until([&] { return server_.all_gone(); }));
}

TEST_F(AsyncClientTest, FindsAServerByItsName) {
    auto named = request();
    named.url.replace(named.url.find("127.0.0.1"), 9, "localhost");
    EXPECT_TRUE(ask(named));
}

TEST_F(AsyncClientTest, GivesUpWhileANameIsLookedUp) {
    auto named = request();
    named.url = "http://name.invalid/";
    bool may_answer = true;
    auto pending = client_->start(named, [&](const Result&) { EXPECT_TRUE(may_answer); });
    loop_.context.poll();
    may_answer = false;
    pending.reset();
    pending = client_->start(named, [](const Result&) { ADD_FAILURE(); });
    client_.reset();
    loop_.context.restart();
    loop_.context.poll();
}

TEST_F(AsyncClientTest, LetsAStreamLetGoOfItselfAndStartAnother) {
    answer_ = [](const ExchangePtr& exchange) { exchange->answer(exchange->target()); };
    std::unique_ptr<Pending> first, second;
    std::string seen;
    auto watch = request("/first");
    watch.stream = [&](std::string_view) {
        first.reset();
        second = client_->start(request("/second"), [&](Result answer) { seen = answer->body; });
        return true;
    };
    first = client_->start(watch, [](const Result&) { ADD_FAILURE(); });
    EXPECT_TRUE(loop_.run_until([&] { return seen == "/second"; }));
}

TEST_F(AsyncClientTest, LetsAHandlerLetGoOfItselfAndStartAnother) {
    std::unique_ptr<Pending> pending;
    int answers = 0;
    std::function<void(Result)> again = [&](const Result& answer) {
        EXPECT_TRUE(answer);
        if (++answers < 5) pending = client_->start(request(), again);
    };
    pending = client_->start(request(), again);
    EXPECT_TRUE(loop_.run_until([&] { return answers == 5; }));
}

TEST_F(AsyncClientTest, TellsASilentServer) {
    answer_ = [](const ExchangePtr& exchange) { exchange->send("HTTP/1.1 200 OK\r\n\r\nso far"); };
    auto watch = request();
    watch.timeout = {};
    watch.silence = std::chrono::milliseconds(50);
    const auto error = failure(watch);
    EXPECT_EQ(error.kind, AsyncError::Kind::timeout);
    EXPECT_THAT(error.error.message(), HasSubstr("nothing came for 50 ms"));
}

TEST_F(AsyncClientTest, TellsAnAnswerThatIsLate) {
    answer_ = [](const ExchangePtr&) {};
    auto slow = request();
    slow.timeout = std::chrono::milliseconds(50);
    EXPECT_EQ(failure(slow).kind, AsyncError::Kind::timeout);
}

TEST_F(AsyncClientTest, TellsARefusedConnection) {
    auto refused = request();
    {
        const HttpServer gone(loop_.context, {});
        refused.url = gone.url();
    }
    const auto error = failure(refused);
    EXPECT_EQ(error.kind, AsyncError::Kind::unreachable);
    EXPECT_THAT(error.error.message(), HasSubstr(refused.url));
}

TEST_F(AsyncClientTest, TellsAConnectionThatBreaks) {
    answer_ = [](const ExchangePtr& exchange) {
        exchange->send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half");
        exchange->close();
    };
    EXPECT_EQ(failure(request()).kind, AsyncError::Kind::unreachable);
}

TEST_F(AsyncClientTest, RefusesABodyThatIsTooLarge) {
    answer_ = [](const ExchangePtr& exchange) { exchange->answer(std::string(1001, 'x')); };
    auto small = request();
    small.max_body = 1000;
    const auto error = failure(small);
    EXPECT_EQ(error.kind, AsyncError::Kind::malformed);
    EXPECT_THAT(error.error.message(), HasSubstr("more than 1000 bytes"));
    small.max_body = 1001;
    EXPECT_TRUE(ask(small));
}

TEST_F(AsyncClientTest, RefusesWhatIsNotHttp) {
    answer_ = [](const ExchangePtr& exchange) {
        exchange->send("SSH-2.0-OpenSSH_9.2\r\n");
        exchange->close();
    };
    EXPECT_EQ(failure(request()).kind, AsyncError::Kind::malformed);
}

TEST_F(AsyncClientTest, TellsAnUrlThatIsNone) {
    AsyncRequest bad;
    bad.url = "http://:x:/";
    EXPECT_EQ(failure(bad).kind, AsyncError::Kind::settings);
    bad.url = "ftp://127.0.0.1/";
    EXPECT_EQ(failure(bad).kind, AsyncError::Kind::settings);
}

TEST_F(AsyncClientTest, TellsAFileOfCertificatesThatIsNotThere) {
    AsyncRequest tls;
    tls.url = "https://" + server_.address();
    tls.tls.ca = "/nowhere/ca.pem";
    const auto error = failure(tls);
    EXPECT_EQ(error.kind, AsyncError::Kind::settings);
    EXPECT_THAT(error.error.message(), HasSubstr("/nowhere/ca.pem"));
}

}  // namespace
}  // namespace meshd::web
