// SPDX-License-Identifier: Apache-2.0
// Answers in pieces of every size come to the same.
#include "health/conversation.hpp"

#include <gtest/gtest.h>

namespace meshd::health {
namespace {

using model::ProbeResult;

model::Probe http(const std::string& body = {}) {
    model::Probe probe;
    probe.type = model::ProbeType::http;
    probe.path = "/healthz?a=b";
    probe.body = body;
    return probe;
}

Finding outcome(const model::Probe& probe, std::string_view answer, std::size_t piece) {
    const auto conversation = http1_conversation(probe, "shop.example");
    (void)conversation->take_output();
    for (std::size_t at = 0; at < answer.size(); at += piece)
        if (auto finding = conversation->take(answer.substr(at, piece))) return *finding;
    return conversation->end();
}

void expect(const model::Probe& probe, std::string_view answer, const Finding& expected) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, answer.size() + 1})
        EXPECT_EQ(outcome(probe, answer, piece), expected) << "in pieces of " << piece << ": " << answer.substr(0, 200);
}

TEST(Http1, AsksOnce) {
    const auto probe = http();
    const auto conversation = http1_conversation(probe, "shop.example");
    const auto request = conversation->take_output();
    EXPECT_TRUE(request.starts_with("GET /healthz?a=b HTTP/1.1\r\nHost: shop.example\r\n")) << request;
    EXPECT_NE(request.find("\r\nConnection: close\r\n"), std::string::npos);
    EXPECT_TRUE(request.ends_with("\r\n\r\n"));
    EXPECT_EQ(conversation->take_output(), "");
}

TEST(Http1, TakesTheStatusAndWaitsForNoBody) {
    expect(http(), "HTTP/1.1 204 No Content\r\n\r\n", {});
    expect(http(), "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000000000\r\n\r\n", {});
    expect(http(), "HTTP/1.0 200 OK\r\n\r\n", {});
    expect(http(), "HTTP/1.1 404 Not Found\r\n\r\n", {ProbeResult::bad_status, "answered 404"});
}

TEST(Http1, LooksForTheBody) {
    expect(http("ok"), "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nall is ok!", {});
    expect(http("ok"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", {});
    expect(http("ok"), "HTTP/1.1 200 OK\r\n\r\nto the end: ok", {});
    expect(http("ok"), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", {ProbeResult::bad_body, "no \"ok\" in 2 bytes"});
    expect(http("ok"), "HTTP/1.1 200 OK\r\n\r\nto the end", {ProbeResult::bad_body, "no \"ok\" in 10 bytes"});
    expect(http("ok"), "HTTP/1.1 204 No Content\r\n\r\n", {ProbeResult::bad_body, "no \"ok\" in 0 bytes"});
    expect(http("ok"), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhalf", {ProbeResult::closed, "in the body"});
}

TEST(Http1, KeepsNoMoreThanTheFirst64KiB) {
    const std::string head = "HTTP/1.1 200 OK\r\n\r\n";
    const std::string most(model::max_probe_body - 2, 'x');
    EXPECT_EQ(outcome(http("ok"), head + most + "ok", 4096), Finding{});
    EXPECT_EQ(outcome(http("ok"), head + most + "xok", 4096), (Finding{ProbeResult::bad_body, "no \"ok\" in 65536 bytes"}));
}

TEST(Http1, PassesOverInformation) {
    expect(
        http("ok"),
        "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        {});
}

TEST(Http1, SaysWhatIsWrong) {
    for (const auto* const answer : {"garbage\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 OK\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n",
                                     "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"})
        for (const std::size_t piece : {1U, 1000U})
            EXPECT_EQ(outcome(http("ok"), answer, piece).result, ProbeResult::not_http) << answer;
    EXPECT_EQ(outcome(http(), "HTTP/1.1 200 OK\r\nA: " + std::string(20000, 'x'), 4096),
              (Finding{ProbeResult::too_large, "header"}));
    EXPECT_EQ(outcome(http(), "HTTP/1.1 200", 100), (Finding{ProbeResult::closed, ""}));
    EXPECT_EQ(outcome(http(), "", 100), (Finding{ProbeResult::closed, ""}));
}

// The first frame of a server of HTTP/2 is SETTINGS.
TEST(Http2, SaysWhatIsNotHttp2) {
    auto probe = http();
    probe.type = model::ProbeType::http2;
    for (const std::string& answer : {std::string("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), std::string(64, '\0'),
                                      std::string("\0\0\0\0\0\0\0\0\0", 9), std::string(100, '\xff')}) {
        const auto conversation = http2_conversation(probe, "shop.example", "http");
        EXPECT_TRUE(conversation->take_output().starts_with("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
        const auto finding = conversation->take(answer);
        ASSERT_TRUE(finding) << testing::PrintToString(answer);
        EXPECT_EQ(finding->result, ProbeResult::not_http);
    }
    const auto conversation = http2_conversation(probe, "shop.example", "http");
    EXPECT_FALSE(conversation->take(std::string("\0\0\0\4\0\0\0\0\0", 9)));
    EXPECT_EQ(conversation->end().result, ProbeResult::closed);
}

}  // namespace
}  // namespace meshd::health
