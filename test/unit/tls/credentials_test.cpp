// SPDX-License-Identifier: Apache-2.0
#include "tls/credentials.hpp"

#include <filesystem>

#include <gmock/gmock.h>

#include "test_certificates.hpp"

namespace meshd::tls {
namespace {

using testing::AllOf;
using testing::HasSubstr;

struct Loading : testing::Test {
    // The message of the error that loading such a certificate ends with.
    std::string refusal(const Wish& wish) {
        const auto files = authority.issue(wish);
        const auto loaded = Credentials::load(files, authority.trust());
        if (loaded) return "loaded";
        EXPECT_THAT(loaded.error().message(), HasSubstr(files.certificate));
        return loaded.error().message();
    }

    TemporaryDirectory directory;
    TestAuthority authority{directory, "ours"};
};

TEST_F(Loading, TellsWhoAndUntilWhen) {
    const auto loaded = Credentials::load(authority.issue(), authority.trust());
    ASSERT_TRUE(loaded) << loaded.error().message();
    EXPECT_EQ((*loaded)->identity(), "spiffe://example.org/shop/web");
    EXPECT_EQ((*loaded)->trust_domain(), "example.org");
    const auto left = (*loaded)->not_after() - std::chrono::system_clock::now();
    EXPECT_GT(left, std::chrono::minutes(50));
    EXPECT_LE(left, std::chrono::minutes(60));
    EXPECT_LT((*loaded)->not_before(), std::chrono::system_clock::now());
}

TEST_F(Loading, GivesEachItsNumber) {
    const auto files = authority.issue();
    const auto one = Credentials::load(files, authority.trust()), other = Credentials::load(files, authority.trust());
    EXPECT_NE((*one)->number(), (*other)->number());
}

TEST_F(Loading, TakesKeysOfOtherKinds) {
    for (const auto& wish : {Wish{.curve = "P-384"}, Wish{.rsa_bits = 2048}, Wish{.purposes = {}}})
        EXPECT_TRUE(Credentials::load(authority.issue(wish), authority.trust()));
}

TEST_F(Loading, RefusesWhatPeersWouldRefuse) {
    using std::chrono::hours;
    EXPECT_THAT(refusal({.begins = -hours(2), .ends = -hours(1)}), HasSubstr("(expired)"));
    EXPECT_THAT(refusal({.begins = hours(1), .ends = hours(2)}), AllOf(HasSubstr("(not_yet_valid)"), HasSubstr("clock")));
    EXPECT_THAT(refusal({.names = "URI:spiffe://example.com/web"}), HasSubstr("(wrong_trust_domain)"));
    EXPECT_THAT(refusal({.names = "DNS:web.example.org"}), HasSubstr("(no_identity)"));
    EXPECT_THAT(refusal({.names = "URI:spiffe://example.org/a,URI:spiffe://example.org/b"}), HasSubstr("it has 2 URIs"));
    EXPECT_THAT(refusal({.names = "URI:https://example.org/a"}), HasSubstr("does not begin with spiffe://"));
    EXPECT_THAT(refusal({.names = "URI:spiffe://example.org"}), HasSubstr("no path"));
    EXPECT_THAT(refusal({.usage = {}}), HasSubstr("no key usage (wrong_usage)"));
    EXPECT_THAT(refusal({.usage = "critical,keyEncipherment"}), HasSubstr("(wrong_usage)"));
    EXPECT_THAT(refusal({.purposes = "clientAuth"}), HasSubstr("(wrong_usage)"));
    EXPECT_THAT(refusal({.purposes = "serverAuth"}), HasSubstr("(wrong_usage)"));
    EXPECT_THAT(refusal({.rsa_bits = 1024}), HasSubstr("(weak_key)"));
    EXPECT_THAT(refusal({.curve = "P-224"}), HasSubstr("(weak_key)"));
    EXPECT_THAT(refusal({.digest = ::EVP_sha1()}), HasSubstr("(weak_key)"));
}

TEST_F(Loading, RefusesAWorkloadThatIsAnAuthority) {
    TestAuthority root(directory, "deep", [] {
        auto wish = TestAuthority::of_intermediate();
        wish.constraints = "critical,CA:TRUE";
        return wish;
    }());
    const auto files = root.issue({.usage = "critical,digitalSignature,keyCertSign", .constraints = "critical,CA:TRUE"});
    const auto loaded = Credentials::load(files, root.trust());
    ASSERT_FALSE(loaded);
    EXPECT_THAT(loaded.error().message(), HasSubstr("it is an authority's, no workload's (wrong_usage)"));
}

TEST_F(Loading, RefusesAnIssuerThatIsNoAuthority) {
    TestAuthority fake(directory, "fake", {});
    const auto loaded = Credentials::load(fake.issue(), fake.trust());
    ASSERT_FALSE(loaded);
    EXPECT_THAT(loaded.error().message(), HasSubstr("(wrong_usage)"));
}

TEST_F(Loading, RefusesAnUnknownAuthority) {
    TestAuthority other(directory, "other");
    const auto loaded = Credentials::load(other.issue(), authority.trust());
    ASSERT_FALSE(loaded);
    EXPECT_THAT(loaded.error().message(), AllOf(HasSubstr("(unknown_ca)"), HasSubstr("CN=other")));
}

TEST_F(Loading, RefusesWhatWasRevoked) {
    const auto revoked = authority.issue(), kept = authority.issue();
    authority.revoke(revoked);
    EXPECT_TRUE(Credentials::load(kept, authority.trust()));
    const auto loaded = Credentials::load(revoked, authority.trust());
    ASSERT_FALSE(loaded);
    EXPECT_THAT(loaded.error().message(), HasSubstr("(revoked)"));
}

TEST_F(Loading, BelievesNoListThatHasExpired) {
    const auto files = authority.issue();
    authority.write_revocations(std::chrono::seconds(-60));
    const auto loaded = Credentials::load(files, authority.trust());
    ASSERT_FALSE(loaded);
    EXPECT_THAT(loaded.error().message(), AllOf(HasSubstr("CRL has expired"), HasSubstr("(revoked)")));
}

TEST_F(Loading, NamesTheFileThatIsMissingOrBroken) {
    auto files = authority.issue();
    const auto of = [&](const model::CertificateFiles& changed, TrustFiles trust) {
        const auto loaded = Credentials::load(changed, trust);
        return loaded ? "loaded" : loaded.error().message();
    };
    const auto trust = authority.trust();
    EXPECT_THAT(of({directory.path("none"), files.key}, trust), HasSubstr("cannot read " + directory.path("none")));
    EXPECT_THAT(of({directory.write("empty", ""), files.key}, trust), HasSubstr("there is none"));
    EXPECT_THAT(of({files.certificate, files.certificate}, trust), HasSubstr("cannot read a key in " + files.certificate));
    EXPECT_THAT(of({files.certificate, authority.issue().key}, trust), HasSubstr("is not its key"));
    const auto broken = directory.write("broken", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    EXPECT_THAT(of({broken, files.key}, trust), HasSubstr("cannot read certificates in " + broken));
    EXPECT_THAT(of(files, {"example.org", broken, {}}), HasSubstr(broken));
    EXPECT_THAT(of(files, {"example.org", files.certificate, {}}), HasSubstr("is no certificate of an authority"));
    EXPECT_THAT(of(files, {"example.org", trust.authorities, broken}), HasSubstr("cannot read revocation lists in " + broken));
}

}  // namespace
}  // namespace meshd::tls
