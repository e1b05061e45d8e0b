// SPDX-License-Identifier: Apache-2.0
#include "signing/issued_files.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "config/text_file.hpp"
#include "test_certificates.hpp"
#include "tls/authority.hpp"

namespace meshd::signing {
namespace {

struct IssuedFilesOf : testing::Test {
    void SetUp() override {
        ASSERT_TRUE(tls::Authority::create(place, "example.org", tls::KeyKind::ec_p256));
        settings.trust_domain = "example.org";
        settings.authorities = place + "/authorities.pem";
        settings.issuer.emplace().directory = directory.path("state");
        std::filesystem::create_directory(settings.issuer->directory);
    }
    [[nodiscard]] Trust now() const { return {text(place + "/authorities.pem"), text(place + "/revoked.pem")}; }
    static std::string text(const std::string& path) { return config::read_text_file(path).value().text; }
    [[nodiscard]] std::string issue(const std::string& identity, const std::string& request) const {
        return tls::Authority::open(place)->issue({identity, std::chrono::hours(1), request}).value().certificate;
    }

    tls::TemporaryDirectory directory;
    std::string place = directory.path("ca");
    model::NodeTls settings;
};

TEST_F(IssuedFilesOf, BeginWithWhatTheConfigurationSays) {
    const IssuedFiles files(settings);
    EXPECT_TRUE(files.pin().value());
    EXPECT_EQ(text(files.authorities()), now().authorities);
    EXPECT_EQ(files.revoked(), "");
    EXPECT_TRUE(files.take(now()).value());
    EXPECT_FALSE(files.take(now()).value());
    EXPECT_EQ(text(files.revoked()), now().revoked);

    ASSERT_TRUE(tls::Authority::open(place)->prepare(tls::KeyKind::ec_p256));
    settings.authorities = directory.write("pinned.pem", text(files.authorities()));
    const IssuedFiles pinned(settings);
    EXPECT_TRUE(pinned.take(now()).value());
    EXPECT_FALSE(pinned.pin().value());  // is what it began with
    EXPECT_EQ(text(pinned.authorities()), now().authorities);

    directory.write("pinned.pem", now().authorities + "\n");
    EXPECT_TRUE(pinned.pin().value());  // begins anew
    EXPECT_EQ(pinned.revoked(), "");
}

TEST_F(IssuedFilesOf, KeepWhatWasGoodWhenSomethingBadComes) {
    const IssuedFiles files(settings);
    ASSERT_TRUE(files.pin());
    ASSERT_TRUE(files.take(now()));
    EXPECT_FALSE(files.take({"nothing", now().revoked}));
    EXPECT_FALSE(files.take({now().authorities, "nothing"}));
    EXPECT_EQ(text(files.authorities()), now().authorities);
    EXPECT_EQ(text(files.revoked()), now().revoked);

    const auto mine = tls::make_signing_request().value(), other = tls::make_signing_request().value();
    const auto path = settings.issuer->directory + "/node.pem";
    const auto certificate = issue("node/host-1", mine.request);
    EXPECT_EQ(files.take(path, certificate, mine.key, {}).value().identity, "spiffe://example.org/node/host-1");
    const auto kept = text(path);
    EXPECT_FALSE(files.take(path, certificate, other.key, {}));
    EXPECT_FALSE(files.take(path, certificate, mine.key, "spiffe://example.org/shop/web"));
    ASSERT_TRUE(tls::Authority::open(place)->revoke("node/host-1"));
    ASSERT_TRUE(files.take(now()));
    EXPECT_FALSE(files.take(path, certificate, mine.key, {}));
    EXPECT_EQ(text(path), kept);
    EXPECT_FALSE(std::filesystem::exists(path + ".next"));
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

}  // namespace
}  // namespace meshd::signing
