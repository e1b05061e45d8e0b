// SPDX-License-Identifier: Apache-2.0
#include "signing/messages.hpp"

#include <gtest/gtest.h>

namespace meshd::signing {
namespace {

TEST(Messages, AreReadBack) {
    const auto request = sign_request_in(to_text(SignRequest{"csr\n", "spiffe://a/b", "secret"})).value();
    EXPECT_EQ(request.csr, "csr\n");
    EXPECT_EQ(request.identity, "spiffe://a/b");
    EXPECT_EQ(request.token, "secret");
    EXPECT_EQ(sign_request_in(R"({"csr": "x"})").value().token, "");
    const auto answer = sign_answer_in(to_text(SignAnswer{"pem", {"roots", "lists"}})).value();
    EXPECT_EQ(answer.certificate, "pem");
    EXPECT_EQ(answer.trust.revoked, "lists");
    EXPECT_EQ(trust_in(to_text(answer.trust)).value().authorities, "roots");
    EXPECT_EQ(error_in(error_text("not \"you\"")), "not \"you\"");
}

TEST(Messages, ThatMakeNoSenseAreErrors) {
    EXPECT_EQ(sign_request_in("").error().message(), "cannot read the request: it is no JSON object");
    EXPECT_EQ(sign_request_in("[]").error().message(), "cannot read the request: it is no JSON object");
    EXPECT_EQ(sign_request_in("{}").error().message(), "cannot read the request.csr: expected text");
    EXPECT_EQ(sign_request_in(R"({"csr": "x", "token": 7})").error().message(), "cannot read the request.token: expected text");
    EXPECT_FALSE(sign_answer_in(R"({"certificate": "x"})"));
    EXPECT_FALSE(trust_in(R"({"authorities": "x"})"));
    EXPECT_EQ(error_in("<html>"), "");
}

}  // namespace
}  // namespace meshd::signing
