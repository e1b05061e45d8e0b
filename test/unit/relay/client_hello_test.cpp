// SPDX-License-Identifier: Apache-2.0
#include "relay/client_hello.hpp"

#include <gmock/gmock.h>

#include "client_hello_text.hpp"

namespace meshd::relay {
namespace {

using namespace std::string_view_literals;

std::optional<ClientHello> parse(std::string_view bytes) {
    const auto parsed = parse_client_hello(bytes);
    EXPECT_TRUE(parsed) << parsed.error().message();
    return parsed ? *parsed : std::nullopt;
}

std::string why_not(std::string_view bytes) {
    const auto parsed = parse_client_hello(bytes);
    return parsed ? "" : parsed.error().detail;
}

TEST(ClientHello, SaysWhereToAndWhichProtocols) {
    const auto hello = parse(record(hello_message(server_name("Shop.Example.org") + protocols({"h2", "http/1.1"}))));
    EXPECT_EQ(hello, (ClientHello{"shop.example.org", {"h2", "http/1.1"}}));
}

TEST(ClientHello, NeedNotSayEither) {
    EXPECT_EQ(parse(record(hello_message(extension(0x2b, "\x02\x03\x04"sv)))), ClientHello{});
    EXPECT_EQ(parse(record(hello_message({}, false))), ClientHello{});  // as TLS 1.0 has it
}

TEST(ClientHello, IsWaitedForToItsLastByte) {
    const auto whole = record(hello_message(server_name("shop.example.org")));
    for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_EQ(parse(whole.substr(0, size)), std::nullopt) << size;
    EXPECT_EQ(parse(whole + "more")->server_name, "shop.example.org");
}

TEST(ClientHello, MayBeCutIntoAsManyRecordsAsItLikes) {
    const auto message = hello_message(server_name("shop.example.org"));
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 100U}) {
        std::string wire;
        for (std::size_t at = 0; at < message.size(); at += piece) wire += record(message.substr(at, piece));
        EXPECT_EQ(parse(wire), (ClientHello{"shop.example.org", {}})) << piece;
        EXPECT_EQ(parse(wire.substr(0, wire.size() - 1)), std::nullopt) << piece;
    }
}

TEST(ClientHello, IsBounded) {
    EXPECT_EQ(why_not(record(hello_message(extension(21, std::string(17'000, '\0'))).substr(0, 100))), "too long");
    std::string dribble;
    const auto message = hello_message(extension(21, std::string(8000, '\0')));
    for (std::size_t at = 0; at < message.size() && dribble.size() <= max_client_hello; ++at)
        dribble += record(message.substr(at, 1));
    EXPECT_EQ(why_not(dribble), "longer than 16384 bytes");
    EXPECT_TRUE(parse(record(hello_message(extension(21, std::string(16'000, '\0'))))));
}

TEST(ClientHello, IsRefusedAtTheFirstByteThatCannotBe) {
    EXPECT_EQ(why_not("G"), "it begins otherwise");
    EXPECT_FALSE(begins_tls("GET / HTTP/1.1\r\n"));
    EXPECT_EQ(why_not("\x16\x02"), "no version of TLS");
    EXPECT_EQ(why_not("\x16\x03\x01\x00\x00"sv), "a record has no length that TLS allows");
    EXPECT_EQ(why_not("\x16\x03\x01\x00\x04\x02"sv), "it is another message");
}

const struct Broken {
    const char* name;
    std::string extensions, why;
} broken[] = {
    {"NameCutOff", extension(0, "\x00\x05\x00\x00\x09shop"sv), "the name that it asks for is none"},
    {"EmptyName", server_name(""), "the name that it asks for is none"},
    {"NameWithASpace", server_name("a b"), "the name that it asks for is none"},
    {"NameWithANul", server_name("a\0b"sv), "the name that it asks for is none"},
    {"NameTwice", server_name("a") + server_name("b"), "the name that it asks for is none"},
    {"TwoNames",
     extension(0,
               "\x00\x08\x00\x00\x01"
               "a\x00\x00\x01"
               "b"sv),
     "the name that it asks for is none"},
    {"EmptyProtocol", extension(16, "\x00\x01\x00"sv), "its list of protocols is broken"},
    {"ProtocolCutOff", extension(16, "\x00\x03\x05h2"sv), "its list of protocols is broken"},
    {"ExtensionCutOff", "\x00\x2b\x00\x09\x01"s + "x", "an extension is cut off"},
};
class BrokenClientHello : public testing::TestWithParam<Broken> {};
TEST_P(BrokenClientHello, IsRefused) { EXPECT_EQ(why_not(record(hello_message(GetParam().extensions))), GetParam().why); }
INSTANTIATE_TEST_SUITE_P(All, BrokenClientHello, testing::ValuesIn(broken), [](const auto& one) { return one.param.name; });

TEST(ClientHello, NeedsItsFixedPart) { EXPECT_EQ(why_not(record("\x01\x00\x00\x02\x03\x03"sv)), "its fixed part is cut off"); }

}  // namespace
}  // namespace meshd::relay
