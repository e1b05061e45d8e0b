// SPDX-License-Identifier: Apache-2.0
#include "redact.hpp"

#include <gmock/gmock.h>

namespace meshd::meshctl {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Row {
    std::string before, after;
};
std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.before; }

class RedactedText : public testing::TestWithParam<Row> {};
TEST_P(RedactedText, HasNoSecrets) { EXPECT_EQ(redacted_text(GetParam().before), GetParam().after); }
INSTANTIATE_TEST_SUITE_P(
    Table, RedactedText,
    testing::Values(
        Row{"", ""}, Row{"nothing to hide", "nothing to hide"},
        Row{"https://me:hunter2@consul:8501/v1?x=1", "https://(removed)@consul:8501/v1?x=1"},
        Row{"http://consul:8500/a@b", "http://consul:8500/a@b"}, Row{"a://b@c@d e://f:g@h", "a://(removed)@d e://(removed)@h"},
        Row{"GET /kv?token=abc&dc=1", "GET /kv?token=(removed)&dc=1"}, Row{"X-Consul-Token: abc", "X-Consul-Token: (removed)"},
        Row{"{\"Password\": \"a b\"}", "{\"Password\": \"(removed) b\"}"},
        Row{"Authorization: Basic YWxpY2U6c2VjcmV0", "Authorization: Basic (removed)"},
        Row{"sent Bearer abcdefgh.ijkl to it", "sent Bearer (removed) to it"}, Row{"a basic idea", "a basic idea"},
        Row{"got eyJhbGciOi.eyJzdWIi.c2ln, refused", "got (removed), refused"},
        Row{"token_file: /etc/meshd/token", "token_file: /etc/meshd/token"}, Row{"the token is denied", "the token is denied"},
        Row{"a\n-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\nb", "a\n(removed)\nb"},
        Row{"-----BEGIN PRIVATE KEY-----\nMHcC", "(removed)"},
        Row{"-----BEGIN CERTIFICATE-----\nMHcC\n-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\nMHcC\n-----END CERTIFICATE-----"}));

TEST(Redacted, GoesByTheNamesOfMembers) {
    const auto value =
        json::parse(R"({"token": "a", "Client-Secret": ["b", {"c": "d"}], "token_file": "/etc/token", "key": "/etc/key.pem",
        "headers": {"x-any": "e", "n": 7}, "password": null, "list": [{"api_key": 12345, "port": 80}], "inner": {"key": "f"}})");
    EXPECT_EQ(
        redacted(value),
        json::parse(R"json({"token": "(removed)", "Client-Secret": "(removed)", "token_file": "/etc/token", "key": "/etc/key.pem",
        "headers": {"x-any": "(removed)", "n": "(removed)"}, "password": null, "list": [{"api_key": "(removed)", "port": 80}],
        "inner": {"key": "(removed)"}})json"));
}

TEST(Redacted, LooksIntoTexts) {
    EXPECT_EQ(redacted(json::parse(R"({"lines": ["see https://u:p@h/", 4]})")),
              json::parse(R"json({"lines": ["see https://(removed)@h/", 4]})json"));
}

TEST(Redacted, TakesLongLines) {
    const auto text = std::string(1U << 20U, 'x') + " password=hunter2";
    EXPECT_THAT(redacted_text(text), Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace meshd::meshctl
