// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/stream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace meshd::registry::kubernetes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Every way to cut the text in two, and byte by byte.
template <typename Cutter>
void for_each_cut(const std::string& text, const std::function<void(Cutter&, const std::vector<std::string>&)>& check) {
    for (std::size_t at = 0; at <= text.size(); ++at) {
        Cutter cutter;
        std::vector<std::string> got;
        const auto use = [&](std::string_view one) {
            got.emplace_back(one);
            return base::Result<void>();
        };
        if (at < text.size()) {
            ASSERT_TRUE(cutter.feed(std::string_view(text).substr(0, at), use));
            ASSERT_TRUE(cutter.feed(std::string_view(text).substr(at), use));
        } else {
            for (const char c : text) ASSERT_TRUE(cutter.feed({&c, 1}, use));
        }
        check(cutter, got);
    }
}

TEST(Lines, AreWholeWhereverTheyWereCut) {
    for_each_cut<Lines>("{\"a\":1}\n\r\n{\"b\":\"x\"}\r\n{\"c", [](Lines&, const std::vector<std::string>& got) {
        EXPECT_THAT(got, ElementsAre("{\"a\":1}", "{\"b\":\"x\"}\r"));
    });
}

TEST(Lines, AreBounded) {
    Lines lines;
    const auto use = [](std::string_view) { return base::Result<void>(); };
    const std::string piece(max_object_bytes, 'x');
    EXPECT_TRUE(lines.feed(piece, use));
    EXPECT_FALSE(lines.feed("x", use));
}

TEST(Lines, EndWithTheFirstError) {
    Lines lines;
    int count = 0;
    const auto ended = lines.feed("a\nb\nc\n", [&](std::string_view) -> base::Result<void> {
        if (++count == 2) return base::fail({"read", "b", 0, {}, {}});
        return {};
    });
    EXPECT_FALSE(ended);
    EXPECT_EQ(count, 2);
}

TEST(ListItems, AreCutOutOfTheListWhereverItWasCut) {
    const std::string text =
        R"({"kind":"List","items" : [ {"a":"}]\"{","b":[{"c":1}]} , {"d":{}}],"metadata":{"items":[{"no":1}],"continue":"items"}})";
    for_each_cut<ListItems>(text, [](ListItems& list, const std::vector<std::string>& got) {
        EXPECT_THAT(got, ElementsAre(R"({"a":"}]\"{","b":[{"c":1}]})", R"({"d":{}})"));
        EXPECT_EQ(list.frame(), R"({"kind":"List","items" : [],"metadata":{"items":[{"no":1}],"continue":"items"}})");
    });
}

TEST(ListItems, MayBeNone) {
    for (const std::string text : {R"({"items":[]})", R"({"items":null})", R"({"metadata":{}})", R"({"a":"items","b":[{}]})"}) {
        ListItems list;
        int count = 0;
        ASSERT_TRUE(list.feed(text, [&](std::string_view) {
            ++count;
            return base::Result<void>();
        }));
        EXPECT_EQ(count, 0) << text;
        EXPECT_EQ(list.frame(), text);
    }
}

TEST(ListItems, AreObjects) {
    ListItems list;
    EXPECT_FALSE(list.feed(R"({"items":[7]})", [](std::string_view) { return base::Result<void>(); }));
}

TEST(WithObject, TellsWhatIsWrong) {
    const auto use = [](const boost::json::object&) {};
    EXPECT_THAT(with_object("{\"a\":", use).error().message(), HasSubstr("it is not JSON"));
    EXPECT_THAT(with_object("[]", use).error().message(), HasSubstr("it is not an object"));
    std::string got;
    ASSERT_TRUE(
        with_object("{\"a\":\"b\"}", [&](const boost::json::object& object) { got = object.at("a").as_string().c_str(); }));
    EXPECT_EQ(got, "b");
}

}  // namespace
}  // namespace meshd::registry::kubernetes
