// SPDX-License-Identifier: Apache-2.0
#include "channel/frame_reader.hpp"

#include <gtest/gtest.h>

#include "channel/channel.hpp"
#include "frames.hpp"

namespace meshd::channel {
namespace {

using namespace std::string_literals;

base::Result<std::vector<boost::json::object>> read_all(std::string_view bytes, std::size_t step) {
    FrameReader reader;
    std::vector<boost::json::object> messages;
    while (!bytes.empty()) {
        auto piece = bytes.substr(0, step);
        bytes.remove_prefix(piece.size());
        while (!piece.empty()) {
            auto message = reader.next(piece);
            if (!message) return tl::make_unexpected(message.error());
            if (*message) messages.push_back(std::move(**message));
        }
    }
    if (reader.in_frame()) return base::fail({"read", "stream", 0, "ends in a frame", {}});
    return messages;
}

std::string error_of(std::string_view bytes) {
    const auto messages = read_all(bytes, bytes.size());
    return messages ? "no error" : messages.error().message();
}

TEST(FrameReader, ReadsFramesHoweverTheyAreCut) {
    const auto bytes =
        frame(R"({"type":"a","text":"Zürich \u00e9","list":[1,2.5,true,null]})") + frame("{}") + frame(R"({"b":{"c":[[]]}})");
    for (std::size_t step = 1; step <= bytes.size(); ++step) {
        const auto messages = read_all(bytes, step);
        ASSERT_TRUE(messages) << messages.error().message();
        ASSERT_EQ(messages->size(), 3U) << step;
        EXPECT_EQ((*messages)[0].at("text").as_string(), "Zürich é");
        EXPECT_TRUE((*messages)[1].empty());
    }
}

TEST(FrameReader, TellsWhetherAFrameIsOpen) {
    FrameReader reader;
    EXPECT_FALSE(reader.in_frame());
    std::string_view part("\0\0", 2);
    ASSERT_TRUE(reader.next(part));
    EXPECT_TRUE(reader.in_frame());
}

TEST(FrameReader, NamesTheFrameTheByteAndWhatIsWrong) {
    const std::string deep(max_depth, '[');
    const struct {
        std::string bytes;
        std::string expected;
    } cases[] = {
        {"\0\x10\0\1{"s, "cannot read frame 1 at byte 0: its length is 1048577 bytes, at most 1048576 are allowed"},
        {"\xff\xff\xff\xff"s, "cannot read frame 1 at byte 0: its length is 4294967295 bytes, at most 1048576 are allowed"},
        {"GET / HTTP/1.1\r\n", "cannot read frame 1 at byte 0: its length is 1195725856 bytes, at most 1048576 are allowed"},
        {"\0\0\0\0"s, "cannot read frame 1 at byte 0: it is empty"},
        {frame("[]"), "cannot read frame 1 at byte 0: it is not an object"},
        {frame("null"), "cannot read frame 1 at byte 0: it is not an object"},
        {frame("{}") + frame("{\"a\":x}"), "cannot read frame 2 at byte 5: syntax error"},
        {frame("{\"a\":1"), "cannot read frame 1 at byte 6: incomplete JSON"},
        {frame("{} {}"), "cannot read frame 1 at byte 3: something stands behind the object"},
        {frame("{\"a\":" + deep), "cannot read frame 1 at byte 20: too deep"},
        {frame("{\"a\":\"\xff\"}"), "cannot read frame 1 at byte 6: syntax error"},
        {frame("{\"a\":1e}"), "cannot read frame 1 at byte 7: syntax error"},
    };
    for (const auto& item : cases) EXPECT_EQ(error_of(item.bytes), item.expected);
}

TEST(FrameReader, ReadsTheLargestFrame) {
    const auto largest = frame(R"({"a":")" + std::string(max_frame - 8, 'x') + R"("})");
    ASSERT_EQ(largest.size(), max_frame + header_size);
    const auto messages = read_all(largest, 65536);
    ASSERT_TRUE(messages) << messages.error().message();
    EXPECT_EQ(messages->at(0).at("a").as_string().size(), max_frame - 8);
}

}  // namespace
}  // namespace meshd::channel
