// SPDX-License-Identifier: Apache-2.0
#include "worker/tls_report.hpp"

#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "base/time_text.hpp"
#include "test_certificates.hpp"

namespace meshd::worker {
namespace {

using std::chrono::hours;

struct TlsReport : testing::Test {
    // Of a certificate that is valid for ten hours, as it stands `when`.
    std::string state(hours when, const std::string& problem = {}) {
        one.problem = problem;
        return std::string(row(when).at("state").as_string());
    }
    boost::json::object row(hours when) { return certificates_json({one}, {}, now + when).at(0).as_object(); }

    tls::TemporaryDirectory directory;
    tls::TestAuthority authority{directory, "ours"};
    std::chrono::system_clock::time_point now = std::chrono::system_clock::now();
    tls::CredentialStore::State one{"web",
                                    {"/web.pem", "/web.key"},
                                    tls::Credentials::load(authority.issue({.ends = hours(10)}), authority.trust()).value(),
                                    {},
                                    now};
};

TEST_F(TlsReport, TellsWhatIsToBeDone) {
    EXPECT_EQ(state(hours(0)), "ok");
    EXPECT_EQ(state(hours(7)), "ok");
    EXPECT_EQ(state(hours(9)), "expiring");
    EXPECT_EQ(state(hours(11)), "expired");
    EXPECT_EQ(state(hours(0), "broken"), "failing");
    EXPECT_EQ(state(hours(11), "broken"), "expired");
    one.credentials.reset();
    EXPECT_EQ(state(hours(0), "broken"), "missing");
}

TEST_F(TlsReport, TellsWhereItIsFrom) {
    EXPECT_EQ(row(hours(0)).at("source"), "file");
    EXPECT_EQ(row(hours(0)).at("issuer"), "");
    tls::EdgeStore::State edge;
    edge.listener = "web";  // as the workload is called
    edge.files = {{"/acme/a.pem", "/acme/a.pem"}, "", {"a.test"}};
    Issuance issuance;
    issuance.issued = {{"web", "ca.test:15009", {}, now}};
    issuance.acme = {{"/acme/a.pem", {"a.test"}, "https://acme.test/directory", {}, now + hours(1)}};
    const auto rows = certificates_json({one}, {edge}, now, issuance);
    EXPECT_EQ(rows.at(0).at("source"), "issuer");
    EXPECT_EQ(rows.at(0).at("issuer"), "ca.test:15009");
    EXPECT_EQ(rows.at(1).at("source"), "acme");
    EXPECT_EQ(rows.at(1).at("issuer"), "https://acme.test/directory");
    EXPECT_EQ(std::string(rows.at(1).at("renewal").as_string()), base::time_text(now + hours(1)));
    EXPECT_EQ(certificates_json({}, {edge}, now).at(0).at("source"), "file");
}

TEST_F(TlsReport, TellsWhoseItIs) {
    EXPECT_EQ(row(hours(0)).at("whose"), "workload");
    EXPECT_EQ(row(hours(0)).at("identity"), "spiffe://example.org/shop/web");
    EXPECT_EQ(row(hours(0)).at("certificate"), "/web.pem");
    one.name.clear();
    EXPECT_EQ(row(hours(0)).at("whose"), "node");
}

TEST_F(TlsReport, TellsOfCredentialsForOutsideBackends) {
    tls::OutsideStore::State outside{{"bank", authority.trust().authorities, {}}, {}, "broken", now};
    const auto row_of = [&](hours when) { return certificates_json({}, {}, now + when, {}, {outside}).at(0).as_object(); };
    EXPECT_EQ(row_of(hours(0)).at("state"), "missing");
    EXPECT_EQ(row_of(hours(0)).at("whose"), "outside");
    outside.problem.clear();
    outside.trust = tls::OutsideTrust::load(outside.wanted).value();
    EXPECT_EQ(row_of(hours(9)).at("state"), "ok");
    EXPECT_EQ(row_of(hours(9)).at("not_after"), "");
    outside.wanted.files = authority.issue({.names = "DNS:client.example.com", .ends = hours(10)});
    outside.trust = tls::OutsideTrust::load(outside.wanted).value();
    EXPECT_EQ(row_of(hours(9)).at("state"), "expiring");
    EXPECT_EQ(row_of(hours(11)).at("state"), "expired");
    EXPECT_NE(row_of(hours(0)).at("identity"), "");
    EXPECT_EQ(certificate_families({}, {}, now, {outside}).size(), 2U);
}

TEST_F(TlsReport, FitsAFrame) {
    one.problem = std::string(5000, 'x');
    const auto rows = certificates_json(CertificateStates(2000, one), {}, now);
    EXPECT_LT(boost::json::serialize(rows).size(), 1U << 20U);
    EXPECT_GT(rows.size(), 500U);
}

TEST_F(TlsReport, CountsDownToTheEnd) {
    auto families = certificate_families({one}, {}, now);
    ASSERT_EQ(families.size(), 2U);
    EXPECT_EQ(families[0].name, "meshd_tls_certificate_expiry_seconds");
    EXPECT_NEAR(families[0].metric.at(0).gauge.value, 36000, 60);
    EXPECT_EQ(families[0].metric.at(0).label.at(0).value, "spiffe://example.org/shop/web");
    EXPECT_EQ(families[1].metric.at(0).gauge.value, 0);
    EXPECT_LT(certificate_families({one}, {}, now + hours(11))[0].metric.at(0).gauge.value, 0);

    one.credentials.reset();
    one.problem = "broken";
    families = certificate_families({one}, {}, now);
    ASSERT_EQ(families.size(), 1U);
    EXPECT_EQ(families[0].name, "meshd_tls_certificate_problem");
    EXPECT_EQ(families[0].metric.at(0).gauge.value, 1);
    EXPECT_TRUE(certificate_families({}, {}, now).empty());
}

}  // namespace
}  // namespace meshd::worker
