// SPDX-License-Identifier: Apache-2.0
#include "tls/server_order.hpp"

#include <cstdlib>

#include <gmock/gmock.h>

#include "config/text_file.hpp"
#include "test_certificates.hpp"
#include "tls/x509.hpp"

namespace meshd::tls {
namespace {

using testing::HasSubstr;

const std::string digest = "0123456789abcdef0123456789ABCDEF";

std::string text(const std::string& path) { return config::read_text_file(path).value().text; }

// What openssl, the program, makes of it.
std::string told(const TemporaryDirectory& directory, const std::string& command, const std::string& pem) {
    const auto file = directory.write("told.pem", pem);
    const auto out = directory.path("told.txt");
    EXPECT_EQ(std::system(("openssl " + command + " -in " + file + " > " + out + " 2>&1").c_str()), 0) << text(out);
    return text(out);
}

TEST(ChallengeCertificateOfAName, HasWhatRfc8737Says) {
    const TemporaryDirectory directory;
    const auto made = make_challenge_certificate("shop.test", digest);
    ASSERT_TRUE(made) << made.error().message();
    const auto seen = told(directory, "x509 -noout -text", made->certificate_pem);
    EXPECT_THAT(seen, HasSubstr("DNS:shop.test\n"));
    EXPECT_THAT(seen, HasSubstr("1.3.6.1.5.5.7.1.31: critical\n"));
    EXPECT_THAT(seen, HasSubstr("prime256v1"));
    // OBJECT, TRUE, and an OCTET STRING of the extension around one of 32 bytes.
    const auto parsed = told(directory, "asn1parse", made->certificate_pem);
    EXPECT_THAT(parsed, HasSubstr("[HEX DUMP]:04203031323334353637383961626364656630313233343536373839414243444546\n"));
    EXPECT_TRUE(EdgeCertificate::of_challenge(*made, "shop.test"));
}

TEST(ChallengeCertificateOfAName, NeedsADigest) { EXPECT_FALSE(make_challenge_certificate("shop.test", "short")); }

TEST(RequestForServers, HasTheirNames) {
    const TemporaryDirectory directory;
    const auto made = make_signing_request({"shop.test", "www.shop.test"});
    ASSERT_TRUE(made);
    const auto seen = told(directory, "req -noout -text -verify", made->request);
    EXPECT_THAT(seen, HasSubstr("DNS:shop.test, DNS:www.shop.test\n"));
    EXPECT_THAT(seen, HasSubstr("prime256v1"));
    EXPECT_THAT(told(directory, "pkey -noout -text", made->key), HasSubstr("prime256v1"));
}

TEST(IssuedCertificate, IsTheKeysAndHasAllNames) {
    const TemporaryDirectory directory;
    TestAuthority authority(directory, "ours");
    const auto files = authority.issue({.names = "DNS:shop.test,DNS:www.shop.test"});
    const auto other = authority.issue({.names = "DNS:shop.test"});
    const auto pem = text(files.certificate), key = text(files.key);
    const auto good = check_issued(pem, key, {"www.shop.test", "shop.test"}, "it");
    ASSERT_TRUE(good) << good.error().message();
    EXPECT_LT(good->begins, good->ends);
    EXPECT_THAT(check_issued(pem, key, {"shop.test", "blog.test"}, "it").error().message(), HasSubstr("it is not for blog.test"));
    EXPECT_FALSE(check_issued(pem, text(other.key), {"shop.test"}, "it"));
    EXPECT_FALSE(check_issued("nothing", key, {"shop.test"}, "it"));
}

}  // namespace
}  // namespace meshd::tls
