// SPDX-License-Identifier: Apache-2.0
// What uacme 1.7.4 wrote.
#include "acme/client_output.hpp"

#include <gtest/gtest.h>

namespace meshd::acme {
namespace {

TEST(ClientOutput, OfTheAuthorityIsItsDetail) {
    const auto trouble = trouble_in(
        {"uacme: challenge https://127.0.0.1:14000/chalZ/Y-tf0 failed with status invalid",
         "uacme: the server reported the following error:", "{", "    \"type\": \"urn:ietf:params:acme:error:connection\",",
         "    \"detail\": \"dial tcp 127.0.0.1:5002: connect: connection refused\",", "    \"status\": 400", "}",
         "uacme: failed to authorize order at https://127.0.0.1:14000/my-order/lXyY"});
    EXPECT_EQ(trouble.text, "dial tcp 127.0.0.1:5002: connect: connection refused (connection)");
    EXPECT_FALSE(trouble.is_rate_limited);
    EXPECT_FALSE(trouble.has_no_account);
}

TEST(ClientOutput, TellsOfRateLimits) {
    const auto trouble =
        trouble_in({"{", R"("type": "urn:ietf:params:acme:error:rateLimited",)", R"("detail": "too many certificates")", "}"});
    EXPECT_TRUE(trouble.is_rate_limited);
    EXPECT_EQ(trouble.text, "too many certificates (rateLimited)");
}

TEST(ClientOutput, OfADeadAuthorityIsItsOwnWordsOnce) {
    const std::string down = "uacme: curl_get: GET https://127.0.0.1:14000/dir failed: Couldn't connect to server";
    const std::string wait = "uacme: curl_get: waiting 5 seconds before retrying";
    EXPECT_EQ(trouble_in({down, wait, down, wait, down, wait, "uacme: acme_get: curl_get failed",
                          "uacme: failed to fetch directory at https://127.0.0.1:14000/dir"})
                  .text,
              "curl_get: GET https://127.0.0.1:14000/dir failed: Couldn't connect to server; acme_get: curl_get failed; "
              "failed to fetch directory at https://127.0.0.1:14000/dir");
}

TEST(ClientOutput, TellsWhoHasNoAccountAndWhoHasOneAlready) {
    EXPECT_TRUE(
        trouble_in({"uacme: no account associated with /s/private/key.pem found at https://a.test/n. Consider trying 'new'"})
            .has_no_account);
    EXPECT_TRUE(has_account_already({"uacme: Account already exists at https://127.0.0.1:14000/my-account/517e5711abfd1a25"}));
    EXPECT_FALSE(has_account_already({"uacme: failed to create account at https://127.0.0.1:14000/sign-me-up"}));
}

TEST(ClientOutput, MayBeAnything) {
    EXPECT_EQ(trouble_in({}).text, "uacme does not say why");
    EXPECT_EQ(trouble_in({"{", "nothing", "}"}).text, "{; nothing; }");
    EXPECT_EQ(trouble_in({"{", "\"detail\": 7"}).text, "{; \"detail\": 7");
    EXPECT_EQ(trouble_in({std::string(5000, 'x')}).text.size(), 1024U);
}

}  // namespace
}  // namespace meshd::acme
