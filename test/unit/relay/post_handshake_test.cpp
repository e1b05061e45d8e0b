// SPDX-License-Identifier: Apache-2.0
#include "relay/post_handshake.hpp"

#include <string>

#include <gtest/gtest.h>

namespace meshd::relay {
namespace {

using namespace std::string_literals;
using Heard = PostHandshake::Heard;

const auto ticket = "\x04\x00\x00\x05"s + "12345";
const auto update = "\x18\x00\x00\x01\x00"s, update_of_both = "\x18\x00\x00\x01\x01"s;

Heard hear(const std::string& record) { return PostHandshake().feed(record); }

TEST(PostHandshake, PassesOverTicketsAndHearsUpdates) {
    EXPECT_EQ(hear(ticket), Heard::nothing);
    EXPECT_EQ(hear(ticket + ticket), Heard::nothing);
    EXPECT_EQ(hear(update), Heard::update);
    EXPECT_EQ(hear(update_of_both), Heard::update_of_both);
    EXPECT_EQ(hear(ticket + update), Heard::update);
}

TEST(PostHandshake, HearsTicketsInPieces) {
    PostHandshake handshake;
    EXPECT_EQ(handshake.feed(ticket.substr(0, 6)), Heard::nothing);
    EXPECT_EQ(handshake.feed(ticket.substr(6) + ticket.substr(0, 4)), Heard::nothing);
    EXPECT_EQ(handshake.feed(ticket.substr(4) + update), Heard::update);
}

TEST(PostHandshake, BelievesNothing) {
    EXPECT_EQ(hear(""), Heard::wrong);
    EXPECT_EQ(hear("\x04\x00"), Heard::wrong);
    EXPECT_EQ(hear("\x18\x00\x00\x01\x02"s), Heard::wrong);      // no such wish
    EXPECT_EQ(hear("\x18\x00\x00\x02\x00\x00"s), Heard::wrong);  // too long
    EXPECT_EQ(hear(update + ticket), Heard::wrong);              // what follows has other keys
    EXPECT_EQ(hear("\x0d\x00\x00\x01x"s), Heard::wrong);         // a request for a certificate
}

}  // namespace
}  // namespace meshd::relay
