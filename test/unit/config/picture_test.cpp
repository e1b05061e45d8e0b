// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "config/settings_file.hpp"
#include "model/picture_json.hpp"

namespace meshd::config {
namespace {

std::optional<model::PictureSettings> read(const std::string& text) {
    const auto settings = parse_settings(text, "m");
    EXPECT_TRUE(settings) << settings.error().message();
    return settings ? settings->picture : std::nullopt;
}

TEST(Picture, IsNotServedUnlessItIsWritten) { EXPECT_EQ(read("log: {level: info}\n"), std::nullopt); }

TEST(Picture, ListensAtALoopbackAddressByItself) {
    EXPECT_EQ(read("picture: {}\n"), (model::PictureSettings{*base::SocketAddress::parse("127.0.0.1:9708"), "", {}}));
    EXPECT_EQ(read("picture: {listen: \"[::1]:80\"}\n")->listen.text(), "[::1]:80");
    EXPECT_EQ(read("picture: {listen: \"127.9.9.9:80\"}\n")->listen.text(), "127.9.9.9:80");
}

TEST(Picture, HasAllOfItsKeys) {
    const auto picture = read("picture: {listen: \"[::]:9708\", token_file: /etc/meshd/token, hosts: [n1, n1.example.org]}\n");
    EXPECT_EQ(picture,
              (model::PictureSettings{*base::SocketAddress::parse("[::]:9708"), "/etc/meshd/token", {"n1", "n1.example.org"}}));
    // As the worker is told.
    auto json = model::to_json(*picture);
    EXPECT_EQ(model::picture_from_json(json, "picture").value(), *picture);
    json["token_file"] = "";
    const auto refused = model::picture_from_json(json, "picture");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().object, "picture.token_file");
}

struct Refused {
    const char* name;
    const char* text;
    const char* message;
};
std::ostream& operator<<(std::ostream& out, const Refused& row) { return out << row.name; }

class RefusedPictures : public testing::TestWithParam<Refused> {};

TEST_P(RefusedPictures, NameThePlaceAndTheRemedy) {
    const auto settings = parse_settings(GetParam().text, "m");
    ASSERT_FALSE(settings);
    EXPECT_EQ(settings.error().message(), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Picture, RefusedPictures,
    testing::Values(
        Refused{"Open", "picture:\n  listen: 0.0.0.0:9708\n",
                "cannot accept m:2:11: without a token the picture is served at addresses of 127.0.0.0/8 or at [::1] only, "
                "others reach "
                "0.0.0.0:9708; name a file with a token in \"token_file\", or listen at 127.0.0.1"},
        Refused{"Nothing", "picture:\n",
                "cannot accept m:1:1: \"picture\" must be a mapping, found nothing; remove the key or put something into it"},
        Refused{"Key", "picture: {token: abc}\n",
                "cannot accept m:1:11: unknown key \"token\" in \"picture\", expected listen, token_file or hosts"},
        Refused{"RelativeToken", "picture: {token_file: t}\n",
                "cannot accept m:1:23: \"token_file\" must be an absolute path, found \"t\""},
        Refused{"HostWithPort", "picture: {hosts: [\"n1:80\"]}\n",
                "cannot accept m:1:19: a name must be a name of this host in lower case such as node1.example.org, without a "
                "port, found \"n1:80\""},
        Refused{"UpperCase", "picture: {hosts: [N1]}\n",
                "cannot accept m:1:19: a name must be a name of this host in lower case such as node1.example.org, without a "
                "port, found \"N1\""}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace meshd::config
