// SPDX-License-Identifier: Apache-2.0
#include "registry/etcd/object_stream.hpp"

#include <gmock/gmock.h>
#include <boost/json.hpp>

namespace meshd::registry::etcd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string three = "{\"a\":{\"b\":[1,2]}}\n{\"c\":\"\\u00e9 }\"}{\"d\":null}\r\n \n";
const auto all_three = ElementsAre(R"({"a":{"b":[1,2]}})", "{\"c\":\"\xc3\xa9 }\"}", R"({"d":null})");

std::vector<std::string> read(std::string_view text, std::size_t step) {
    ObjectStream stream;
    std::vector<std::string> objects;
    for (std::size_t at = 0; at < text.size(); at += step) {
        const auto fed = stream.feed(text.substr(at, step), [&](const boost::json::object& object) {
            objects.push_back(boost::json::serialize(object));
            return true;
        });
        if (!fed) objects.push_back(fed.error().message());
    }
    return objects;
}

TEST(ObjectStream, FindsTheObjectsHoweverTheyAreCut) {
    for (std::size_t step = 1; step <= three.size(); ++step) EXPECT_THAT(read(three, step), all_three) << step;
}

TEST(ObjectStream, StopsWhenItIsTold) {
    ObjectStream stream;
    int seen = 0;
    EXPECT_TRUE(stream.feed(three, [&](const boost::json::object&) { return ++seen < 2; }).has_value());
    EXPECT_EQ(seen, 2);
}

TEST(ObjectStream, RefusesWhatIsNoObject) {
    EXPECT_THAT(read("{}\n[1]\n", 100), ElementsAre("{}", HasSubstr("something other than objects")));
    EXPECT_THAT(read("{}\n}", 100), ElementsAre("{}", HasSubstr("not JSON")));
    EXPECT_THAT(read("<html>", 100), ElementsAre(HasSubstr("not JSON")));
}

TEST(ObjectStream, RefusesAnObjectWithoutAnEnd) {
    ObjectStream stream;
    const auto ignore = [](const boost::json::object&) { return true; };
    ASSERT_TRUE(stream.feed("{\"a\":[", ignore).has_value());
    const std::string much = "0," + std::string(std::size_t{1} << 20, ' ');
    base::Result<void> fed;
    for (int i = 0; i < 70 && fed; ++i) fed = stream.feed(much, ignore);
    ASSERT_FALSE(fed.has_value());
    EXPECT_THAT(fed.error().message(), HasSubstr("bytes"));
}

}  // namespace
}  // namespace meshd::registry::etcd
