// SPDX-License-Identifier: Apache-2.0
#include "tls/authority.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "config/text_file.hpp"
#include "test_certificates.hpp"
#include "tls/certificate.hpp"
#include "tls/credentials.hpp"
#include "tls/revoked_identities.hpp"
#include "tls/signing_request.hpp"

namespace meshd::tls {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::chrono::hours a_day{24};

struct AuthorityOf : testing::Test {
    void SetUp() override { ASSERT_TRUE(Authority::create(place, "example.org", KeyKind::ec_p256)); }

    [[nodiscard]] Authority open() const { return std::move(*Authority::open(place)); }

    model::CertificateFiles issue(const std::string& identity, KeyKind kind = KeyKind::ec_p256) {
        const auto made = open().issue({identity, a_day, {}, kind});
        if (!made) throw std::runtime_error(made.error().message());
        const auto name = std::to_string(++issued);
        return {directory.write(name + ".pem", made->certificate), directory.write(name + ".key", made->key)};
    }
    [[nodiscard]] base::Result<std::shared_ptr<const Credentials>> load(const model::CertificateFiles& files) const {
        return Credentials::load(files, TrustFiles{"example.org", place + "/authorities.pem", place + "/revoked.pem"});
    }
    static std::string error(const base::Result<std::shared_ptr<const Credentials>>& loaded) {
        return loaded ? "loaded" : loaded.error().message();
    }

    TemporaryDirectory directory;
    std::string place = directory.path("ca");
    int issued = 0;
};

TEST_F(AuthorityOf, IssuesWhatWorkersBelieve) {
    for (const auto kind : {KeyKind::ec_p256, KeyKind::ec_p384, KeyKind::ed25519, KeyKind::rsa_2048}) {
        const auto loaded = load(issue("shop/web", kind));
        ASSERT_TRUE(loaded) << loaded.error().message();
        EXPECT_EQ((*loaded)->identity(), "spiffe://example.org/shop/web");
    }
    EXPECT_TRUE(load(issue("spiffe://example.org/shop/web")));
}

TEST_F(AuthorityOf, KeepsItsKeysToItself) {
    const auto mode = [](const std::string& path) {
        struct stat status {};
        ::stat(path.c_str(), &status);
        return status.st_mode & 07777U;
    };
    EXPECT_EQ(mode(place), 0700U);
    EXPECT_EQ(mode(place + "/1"), 0700U);
    EXPECT_EQ(mode(place + "/1/root.key"), 0600U);
    EXPECT_EQ(mode(place + "/1/intermediate.key"), 0600U);
    EXPECT_EQ(mode(place + "/ca.json"), 0600U);
    EXPECT_EQ(mode(place + "/authorities.pem"), 0644U);
}

TEST_F(AuthorityOf, ItsOwnCertificatesNameTheTrustDomainOnly) {
    for (const auto* const name : {"/1/root.pem", "/1/intermediate.pem"}) {
        const auto certificate = read_certificate_file(place + name).value().certificates.at(0);
        EXPECT_TRUE(certificate.is_authority);
        EXPECT_EQ(certificate.identity, "");  // no workload
    }
}

TEST_F(AuthorityOf, RefusesWhatItCannotIssue) {
    auto authority = open();
    const auto refusal = [&](const std::string& identity, std::chrono::seconds lifetime = a_day) {
        const auto made = authority.issue({identity, lifetime, {}});
        return made ? "issued" : made.error().message();
    };
    EXPECT_THAT(refusal("spiffe://example.com/web"), HasSubstr("this authority's trust domain is example.org"));
    EXPECT_THAT(refusal("spiffe://example.org"), HasSubstr("it has no path"));
    EXPECT_THAT(refusal("a b"), HasSubstr("it is no SPIFFE ID"));
    EXPECT_THAT(refusal("web,DNS:evil"), HasSubstr("it is no SPIFFE ID"));
    EXPECT_THAT(refusal("web", a_day * 365 * 11), HasSubstr("the authority itself ends"));
    EXPECT_TRUE(authority.record().issued.empty());
}

TEST_F(AuthorityOf, RefusesRequestsThatProveNothing) {
    const auto refusal = [&](const std::string& text) {
        const auto made = open().issue({"web", a_day, text, KeyKind::ec_p256, "the request"});
        return made ? "issued" : made.error().message();
    };
    EXPECT_THAT(refusal("hello"), HasSubstr("cannot use the request in the request: "));
    EXPECT_THAT(refusal("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"), HasSubstr("request"));
}

TEST_F(AuthorityOf, ATokenIsWorthOneCertificateForOneKey) {
    const auto token = open().make_token("node/host-1", a_day).value();
    EXPECT_EQ(token.identity, "spiffe://example.org/node/host-1");
    EXPECT_EQ(config::read_text_file(place + "/ca.json").value().text.find(token.secret), std::string::npos);
    const auto mine = make_signing_request().value().request, others = make_signing_request().value().request;
    const auto redeem = [&](const std::string& secret, const std::string& request) {
        const auto identity = open().redeem(secret, request);
        return identity ? *identity : identity.error().message();
    };
    EXPECT_THAT(redeem("x" + token.secret, mine), HasSubstr("it is not known, or too old"));
    EXPECT_EQ(redeem(token.secret, mine), token.identity);
    EXPECT_EQ(redeem(token.secret, mine), token.identity);  // its answer was lost
    EXPECT_THAT(redeem(token.secret, others), HasSubstr("it was used already"));
    const auto late = open().make_token("node/host-2", std::chrono::seconds(0)).value();
    EXPECT_THAT(redeem(late.secret, mine), HasSubstr("it is not known, or too old"));
}

TEST_F(AuthorityOf, CertificatesOfSecondsAreNotOfMinutesBefore) {
    const auto made = open().issue({"web", std::chrono::seconds(20)}).value();
    EXPECT_EQ(std::chrono::round<std::chrono::seconds>(made.issued.ends - made.issued.begins), std::chrono::seconds(22));
    const auto day = open().issue({"web", a_day}).value();
    EXPECT_EQ(std::chrono::round<std::chrono::minutes>(day.issued.ends - day.issued.begins), a_day + std::chrono::minutes(5));
}

TEST_F(AuthorityOf, TheSigningAgentsOwnIsOfTheOldestGeneration) {
    const auto issuer = [&] {
        const auto made = open().issue_to_signing_agent(a_day).value();
        return read_certificate_file(directory.write("agent.pem", made.certificate)).value().certificates.at(0).issuer;
    };
    const auto first = issuer();
    ASSERT_TRUE(open().prepare(KeyKind::ec_p256));
    ASSERT_TRUE(open().switch_over());
    EXPECT_EQ(issuer(), first);
    ASSERT_TRUE(open().finish(Authority::Unfinished::ignore));
    EXPECT_NE(issuer(), first);
    EXPECT_TRUE(open().record().issued.empty());
}

TEST_F(AuthorityOf, IsMadeOnce) {
    const auto again = Authority::create(place, "example.org", KeyKind::ec_p256);
    ASSERT_FALSE(again);
    EXPECT_THAT(again.error().message(), HasSubstr("it is not empty"));
    EXPECT_FALSE(Authority::create(directory.path("other"), "Example.org", KeyKind::ec_p256));
    EXPECT_FALSE(Authority::open(directory.path("none")));
}

TEST_F(AuthorityOf, RemembersWhatItIssued) {
    const auto files = issue("shop/web");
    const auto authority = open();
    const auto& one = authority.record().issued.at(0);
    EXPECT_EQ(one.serial, read_certificate_file(files.certificate).value().certificates.at(0).serial);
    EXPECT_EQ(one.identity, "spiffe://example.org/shop/web");
    EXPECT_FALSE(one.revoked);
}

TEST_F(AuthorityOf, RevokesByFileSerialAndIdentity) {
    const auto by_file = issue("a"), by_serial = issue("b"), by_identity = issue("c"), other = issue("d");
    EXPECT_EQ(open().revoke(by_file.certificate)->size(), 1U);
    EXPECT_EQ(open().revoke(read_certificate_file(by_serial.certificate)->certificates.at(0).serial)->size(), 1U);
    EXPECT_EQ(open().revoke("spiffe://example.org/c")->size(), 1U);
    for (const auto& files : {by_file, by_serial, by_identity}) EXPECT_THAT(error(load(files)), HasSubstr("(revoked)"));
    EXPECT_TRUE(load(other));
    const auto text = config::read_text_file(place + "/revoked.pem").value().text;
    const auto identities = revoked_identities(revocations_in(text, "revoked.pem").value());
    EXPECT_EQ(identities.size(), 1U);  // the others may have certificates that are good
    const auto is_listed = [&](const model::CertificateFiles& files) {
        const auto chain = config::read_text_file(files.certificate).value().text;
        return is_revoked(identities, certificates_in(chain, files.certificate).value().front().get());
    };
    EXPECT_TRUE(is_listed(by_identity));
    EXPECT_FALSE(is_listed(by_file));
    EXPECT_FALSE(is_listed(other));
    const auto again = open().revoke("c");
    ASSERT_FALSE(again);
    EXPECT_THAT(again.error().message(), HasSubstr("no valid certificate"));
}

TEST_F(AuthorityOf, RevokesAnIdentityWhoseCertificatesHaveEnded) {
    ASSERT_TRUE(open().issue({"e", std::chrono::seconds(-1), {}, KeyKind::ec_p256}));
    const auto revoked = open().revoke("e");
    ASSERT_TRUE(revoked) << revoked.error().message();
    EXPECT_EQ(revoked->size(), 1U);
    EXPECT_FALSE(open().revoke("e"));
}

TEST_F(AuthorityOf, RotatesWithoutAMomentInWhichNobodyBelieves) {
    const auto before = issue("web");
    ASSERT_TRUE(open().prepare(KeyKind::ec_p256));
    const auto prepared = issue("web");
    EXPECT_TRUE(load(before));
    EXPECT_TRUE(load(prepared));
    EXPECT_EQ(read_certificate_file(place + "/authorities.pem")->certificates.size(), 2U);
    EXPECT_EQ(open().record().issued.back().generation, 1U);

    ASSERT_TRUE(open().switch_over());
    const auto after = issue("web");
    EXPECT_EQ(open().record().issued.back().generation, 2U);
    for (const auto& files : {before, prepared, after}) EXPECT_TRUE(load(files));
    EXPECT_EQ(open().revoke(before.certificate)->size(), 1U);
    EXPECT_THAT(error(load(before)), HasSubstr("(revoked)"));

    const auto too_early = open().finish(Authority::Unfinished::refuse);
    ASSERT_FALSE(too_early);
    EXPECT_THAT(too_early.error().message(), HasSubstr("1 of the old generation are valid still"));
    ASSERT_TRUE(open().finish(Authority::Unfinished::ignore));
    EXPECT_TRUE(load(after));
    EXPECT_THAT(error(load(prepared)), HasSubstr("(unknown_ca)"));
    EXPECT_FALSE(fs::exists(place + "/1"));
    EXPECT_EQ(read_certificate_file(place + "/authorities.pem")->certificates.size(), 1U);
}

TEST_F(AuthorityOf, RotatesInItsOrderOnly) {
    EXPECT_FALSE(open().switch_over());
    EXPECT_FALSE(open().finish(Authority::Unfinished::refuse));
    ASSERT_TRUE(open().prepare(KeyKind::ec_p256));
    EXPECT_FALSE(open().prepare(KeyKind::ec_p256));
    EXPECT_FALSE(open().finish(Authority::Unfinished::refuse));
    ASSERT_TRUE(open().switch_over());
    EXPECT_FALSE(open().switch_over());
    EXPECT_FALSE(open().prepare(KeyKind::ec_p256));
    EXPECT_TRUE(open().finish(Authority::Unfinished::refuse));
}

TEST_F(AuthorityOf, NamesAFileThatIsBroken) {
    directory.write("ca/ca.json", "{}");
    const auto opened = Authority::open(place);
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message(), HasSubstr("ca.json"));
}

TEST(AuthorityRecord, ReadsWhatItWrites) {
    AuthorityRecord record{"example.org", 2, 3, {}, 7, {}};
    const auto when = std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000));
    record.issued = {{"0A", "spiffe://example.org/a", when, when + a_day, {}, 2},
                     {"0B", "spiffe://example.org/b", when, when + a_day, when, 1, true}};
    const auto read = parse_authority_record(to_text(record), "ca.json");
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(to_text(*read), to_text(record));
    EXPECT_EQ(read->next, 3U);
    EXPECT_FALSE(read->old);
    EXPECT_EQ(read->issued.at(1).revoked, when);
    EXPECT_TRUE(read->issued.at(1).is_identity_revoked);
    EXPECT_THAT(read->believed(), testing::ElementsAre(2U, 3U));
}

TEST(AuthorityRecord, RefusesWhatIsMissing) {
    const std::string good = to_text({"example.org", 1, {}, {}, 0, {{"0A", "spiffe://example.org/a", {}, {}, {}, 1}}});
    ASSERT_TRUE(parse_authority_record(good, "ca.json"));
    for (const std::string part :
         {"trust_domain", "signing", "lists", "issued", "serial", "identity", "not_before", "not_after", "generation"}) {
        auto broken = good;
        broken.replace(broken.find('"' + part + '"'), part.size() + 2, "\"other\"");
        EXPECT_FALSE(parse_authority_record(broken, "ca.json")) << part;
    }
}

}  // namespace
}  // namespace meshd::tls
