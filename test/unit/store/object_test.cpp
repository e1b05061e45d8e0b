// SPDX-License-Identifier: Apache-2.0
#include "store/object.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meshd::store {
namespace {

using testing::HasSubstr;

TEST(Object, IsKindAndName) {
    EXPECT_EQ(*parse_object("service/web"), (Object{Kind::service, "web"}));
    EXPECT_EQ(*parse_object("services/shop/web"), (Object{Kind::service, "shop/web"}));
    EXPECT_EQ(*parse_object("policy/a"), (Object{Kind::policy, "a"}));
    EXPECT_EQ(*parse_object("policies/a"), (Object{Kind::policy, "a"}));
    EXPECT_EQ(*parse_object("settings/a"), (Object{Kind::settings, "a"}));
    EXPECT_EQ(*parse_object("file/by hand/x"), (Object{Kind::file, "by hand/x"}));
}

TEST(Object, IsNothingElse) {
    for (const auto* const text : {"", "web", "service", "service/", "pod/web", "/web", "service/-x", "service/a b"}) {
        const auto object = parse_object(text);
        ASSERT_FALSE(object) << text;
        EXPECT_THAT(object.error().message(), HasSubstr("cannot understand \"")) << text;
    }
}

TEST(Object, HasOneKeyAndTheKeyTellsTheObject) {
    for (const Object& object : {Object{Kind::service, "shop/web"}, Object{Kind::policy, "a"}, Object{Kind::settings, "web"},
                                 Object{Kind::file, "web"}, Object{Kind::file, "x/services/y"}})
        EXPECT_EQ(object_of_key(object.key()), object) << object.text();
    EXPECT_EQ((Object{Kind::service, "shop/web"}.key()), "services/shop/web");
    EXPECT_EQ((Object{Kind::settings, "web"}.text()), "settings/web");
    EXPECT_EQ(object_of_key("services/").kind, Kind::file);
    EXPECT_EQ(object_of_key("services").kind, Kind::file);
}

}  // namespace
}  // namespace meshd::store
