// SPDX-License-Identifier: Apache-2.0
#include "health/grpc.hpp"

#include <gtest/gtest.h>

namespace meshd::health {
namespace {

using model::ProbeResult;
using namespace std::string_literals;

TEST(Grpc, AsksForTheServerOrAService) {
    EXPECT_EQ(grpc_request(""), "\0\0\0\0\0"s);
    EXPECT_EQ(grpc_request("shop.Web"), "\0\0\0\0\x0a\x0a\x08shop.Web"s);
    EXPECT_EQ(grpc_request(std::string(200, 'x')).substr(0, 8), "\0\0\0\0\xcb\x0a\xc8\x01"s);
}

std::string with_prefix(const std::string& message) { return "\0\0\0\0"s + static_cast<char>(message.size()) + message; }

TEST(Grpc, ReadsTheStatus) {
    const std::pair<std::string, ProbeResult> cases[] = {
        {"\x08\x01"s, ProbeResult::success},
        {"\x08\x02"s, ProbeResult::not_serving},
        {"\x08\x03"s, ProbeResult::unknown_service},
        {""s, ProbeResult::grpc_error},
        {"\x08\x00"s, ProbeResult::grpc_error},
        {"\x08\x04"s, ProbeResult::grpc_error},
        {"\x12\x02hi\x08\x01"s, ProbeResult::success},  // a field that is not known
        {"\x11"
         "12345678\x08\x01"s,
         ProbeResult::success},
        {"\x15"
         "1234\x08\x01"s,
         ProbeResult::success},
        {"\x18\x96\x01\x08\x01"s, ProbeResult::success},
    };
    for (const auto& [message, expected] : cases)
        EXPECT_EQ(grpc_finding(0, "", with_prefix(message)).result, expected) << testing::PrintToString(message);
}

TEST(Grpc, BelievesNothing) {
    for (const auto& body : {""s, "\0\0\0\0"s, "\0\0\0\0\x03\x08\x01"s, "\0\0\0\0\x01\x08\x01"s, "\1\0\0\0\x02\x08\x01"s,
                             "\xff\xff\xff\xff\xff"s, with_prefix("\x08"s), with_prefix("\x08\xff"s), with_prefix("\x12\x7f"s),
                             with_prefix("\x0b"s), with_prefix("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s)})
        EXPECT_EQ(grpc_finding(0, "", body).result, ProbeResult::grpc_error) << testing::PrintToString(body);
}

TEST(Grpc, TellsErrorsApart) {
    EXPECT_EQ(grpc_finding(std::nullopt, "", "").detail, "no grpc-status");
    EXPECT_EQ(grpc_finding(5, "unknown service", "").result, ProbeResult::unknown_service);
    EXPECT_EQ(grpc_finding(12, "", ""), (Finding{ProbeResult::grpc_error, "status 12: the server has no grpc.health.v1.Health"}));
    EXPECT_EQ(grpc_finding(14, "not now", ""), (Finding{ProbeResult::grpc_error, "status 14: not now"}));
}

}  // namespace
}  // namespace meshd::health
