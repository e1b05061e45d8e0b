// SPDX-License-Identifier: Apache-2.0
#include "tls/certificate.hpp"

#include <filesystem>

#include <gmock/gmock.h>

#include "config/text_file.hpp"
#include "test_certificates.hpp"
#include "tls/x509.hpp"

namespace meshd::tls {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Describing : testing::Test {
    [[nodiscard]] Certificate first(const Wish& wish) {
        return read_certificate_file(authority.issue(wish).certificate).value().certificates.at(0);
    }

    TemporaryDirectory directory;
    TestAuthority authority{directory, "ours"};
};

TEST_F(Describing, TellsWhoAndByWhom) {
    const auto file = read_certificate_file(authority.issue().certificate).value();
    ASSERT_EQ(file.certificates.size(), 2U);
    const auto& leaf = file.certificates[0];
    EXPECT_EQ(leaf.identity, "spiffe://example.org/shop/web");
    EXPECT_EQ(leaf.subject, "CN=workload");
    EXPECT_EQ(leaf.issuer, "CN=ours intermediate");
    EXPECT_EQ(leaf.key, "EC P-256");
    EXPECT_EQ(leaf.signature, "ecdsa-with-SHA256");
    EXPECT_EQ(leaf.serial.size(), 32U);
    EXPECT_EQ(leaf.fingerprint.size(), 64U);
    EXPECT_FALSE(leaf.is_authority);
    EXPECT_THAT(leaf.problems, IsEmpty());
    EXPECT_EQ(file.certificates[1].subject, "CN=ours intermediate");
    EXPECT_TRUE(file.certificates[1].is_authority);
    EXPECT_THAT(file.certificates[1].problems, IsEmpty());
    EXPECT_THAT(file.problems, IsEmpty());
}

TEST_F(Describing, TellsKindsOfKeys) {
    EXPECT_EQ(first({.curve = "P-384"}).key, "EC P-384");
    EXPECT_EQ(first({.rsa_bits = 2048}).key, "RSA 2048");
}

TEST_F(Describing, TellsWhatIsWrong) {
    using std::chrono::hours;
    EXPECT_THAT(first({.begins = -hours(2), .ends = -hours(1)}).problems, ElementsAre("it has expired"));
    EXPECT_THAT(first({.begins = hours(1), .ends = hours(2)}).problems, ElementsAre("it is not valid yet"));
    EXPECT_THAT(first({.rsa_bits = 1024}).problems, ElementsAre("its key is too weak: RSA with 1024 bits"));
    EXPECT_THAT(first({.digest = ::EVP_sha1()}).problems, ElementsAre(HasSubstr("too weak: SHA1")));
    EXPECT_THAT(first({.names = "DNS:web"}).problems, ElementsAre(HasSubstr("no URI")));
    EXPECT_THAT(first({.purposes = "clientAuth"}).problems, ElementsAre(HasSubstr("no serverAuth")));
    EXPECT_EQ(first({.names = "DNS:web"}).identity, "");
}

TEST(TimeOfCertificate, IsOneThatTheClockHas) {
    const auto time = [](const char* text) {
        const std::unique_ptr<ASN1_TIME, FreeBy<::ASN1_TIME_free>> made(::ASN1_TIME_new());
        ::ASN1_TIME_set_string_X509(made.get(), text);
        return std::chrono::system_clock::to_time_t(time_of(made.get()));
    };
    EXPECT_EQ(time("20261122150000Z"), 1'795'359'600);
    EXPECT_EQ(time("12240101000001Z"), 0);
    EXPECT_EQ(time("99991231235959Z"), 9'000'000'000);
}

TEST_F(Describing, TellsOfKeysThatOthersCanRead) {
    const auto files = authority.issue();
    std::filesystem::permissions(files.key, std::filesystem::perms(0600));
    auto file = read_certificate_file(files.key).value();
    EXPECT_THAT(file.keys, ElementsAre("EC P-256"));
    EXPECT_THAT(file.problems, IsEmpty());
    std::filesystem::permissions(files.key, std::filesystem::perms(0644));
    EXPECT_THAT(read_certificate_file(files.key).value().problems, ElementsAre(HasSubstr("0644")));
}

TEST_F(Describing, TellsWhatDoesNotFollow) {
    const auto leaf = config::read_text_file(authority.issue().certificate).value().text;
    const auto root = config::read_text_file(authority.trust().authorities).value().text;
    const auto only_leaf = leaf.substr(0, leaf.find("-----BEGIN", 1));
    const auto file = read_certificate_file(directory.write("chain.pem", only_leaf + root)).value();
    EXPECT_THAT(file.problems, ElementsAre(HasSubstr("was not issued by CN=ours root")));
}

TEST_F(Describing, TellsWhatWasRevoked) {
    const auto files = authority.issue();
    authority.revoke(files);
    const auto lists = read_certificate_file(authority.trust().revoked).value().revocations;
    ASSERT_EQ(lists.size(), 2U);
    EXPECT_EQ(lists[0].issuer, "CN=ours intermediate");
    EXPECT_THAT(lists[0].serials, ElementsAre(read_certificate_file(files.certificate).value().certificates[0].serial));
    EXPECT_THAT(lists[1].serials, IsEmpty());
    EXPECT_THAT(lists[0].problems, IsEmpty());
    authority.write_revocations(std::chrono::seconds(-60));
    EXPECT_THAT(read_certificate_file(authority.trust().revoked).value().revocations[0].problems,
                ElementsAre(HasSubstr("has expired")));
}

TEST_F(Describing, RefusesWhatIsNoneOfThese) {
    const auto empty = read_certificate_file(directory.write("empty", "hello\n"));
    ASSERT_FALSE(empty);
    EXPECT_THAT(empty.error().message(), HasSubstr("holds no certificate"));
    EXPECT_FALSE(read_certificate_file(directory.path("none")));
    EXPECT_FALSE(
        read_certificate_file(directory.write("broken", "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n")));
}

}  // namespace
}  // namespace meshd::tls
