// SPDX-License-Identifier: Apache-2.0
#include "signing/signer.hpp"

#include <filesystem>

#include <gmock/gmock.h>

#include "test_certificates.hpp"
#include "tls/signing_request.hpp"

namespace meshd::signing {
namespace {

using testing::HasSubstr;

const std::string host = "spiffe://example.org/node/host-1";

struct SignerOf : testing::Test {
    void SetUp() override { ASSERT_TRUE(tls::Authority::create(place, "example.org", tls::KeyKind::ec_p256)); }

    http::Response ask(const SignRequest& asked, const std::string& peer = {}) {
        http::Request request;
        request.method = "POST";
        request.path = sign_path;
        request.body = to_text(asked);
        return signer.answer(request, peer);
    }
    http::Response trust(const std::string& tag = {}) {
        http::Request request;
        request.path = trust_path;
        if (!tag.empty()) request.headers["if-none-match"] = tag;
        return signer.answer(request, {});
    }
    // Of the certificate in an answer; or the error.
    static std::string given(const http::Response& response) {
        if (response.status != 200) return std::to_string(response.status) + " " + error_in(response.body);
        return tls::validity_of(sign_answer_in(response.body).value().certificate, "it").value().identity;
    }
    std::string token(const std::string& identity) {
        return tls::Authority::open(place)->make_token(identity, std::chrono::hours(1)).value().secret;
    }

    tls::TemporaryDirectory directory;
    std::string place = directory.path("ca");
    std::string csr = tls::make_signing_request().value().request;
    SignCounts counts;
    Signer signer{{place, {}, std::chrono::hours(1), {{"spiffe://example.org/node/*", {"spiffe://example.org/shop/*"}}}}, counts};
};

TEST_F(SignerOf, RenewsWhatIsShownAndWhatRulesAllow) {
    EXPECT_EQ(given(ask({csr, {}, {}}, host)), host);
    EXPECT_EQ(given(ask({csr, host, {}}, host)), host);
    EXPECT_EQ(given(ask({csr, "shop/web", {}}, host)), "spiffe://example.org/shop/web");
    EXPECT_THAT(given(ask({csr, "node/host-2", {}}, host)),
                HasSubstr("403 cannot issue a certificate for spiffe://example.org/node/host-2"));
    EXPECT_EQ(ask({csr, "shop/web\nno", {}}, host).status, 400U);
    EXPECT_THAT(given(ask({csr, "spiffe://other.org/shop/web", {}}, host)), HasSubstr("403 "));
    EXPECT_EQ(counts.issued, 3U);
    EXPECT_EQ(counts.refused, 3U);
}

TEST_F(SignerOf, TokensAreForThoseWhoShowNothing) {
    EXPECT_THAT(given(ask({csr, {}, {}})), HasSubstr("403 cannot issue a certificate: neither a certificate"));
    EXPECT_THAT(given(ask({csr, host, {}})), HasSubstr("403 cannot issue a certificate: neither a certificate"));
    const auto secret = token("node/host-1");
    EXPECT_THAT(given(ask({"nothing", {}, secret})), HasSubstr("cannot use the request"));
    EXPECT_EQ(given(ask({csr, {}, secret})), host);
    EXPECT_THAT(given(ask({tls::make_signing_request().value().request, {}, secret})), HasSubstr("it was used already"));
    EXPECT_THAT(given(ask({csr, "shop/web", token("node/host-1")})), HasSubstr("403 "));
    // One that is shown counts alone.
    EXPECT_THAT(given(ask({csr, "node/host-2", token("node/host-2")}, host)), HasSubstr("403 "));
}

TEST_F(SignerOf, TellsWhomToBelieveOnlyWhenItIsNew) {
    const auto first = trust();
    EXPECT_EQ(first.status, 200U);
    const auto tag = first.headers.at("ETag");
    EXPECT_EQ(trust(tag).status, 304U);
    ASSERT_TRUE(ask({csr, {}, {}}, host).status == 200U);
    EXPECT_EQ(trust(tag).status, 304U);  // nobody was revoked
    ASSERT_TRUE(tls::Authority::open(place)->revoke(host));
    EXPECT_EQ(trust(tag).status, 200U);
    EXPECT_NE(trust_in(trust(tag).body).value().revoked, trust_in(first.body).value().revoked);
}

TEST_F(SignerOf, RefusesOtherQuestions) {
    http::Request request;
    request.path = sign_path;
    EXPECT_EQ(signer.answer(request, host).headers.at("Allow"), "POST");
    request.path = "/";
    EXPECT_EQ(signer.answer(request, host).status, 404U);
    request.path = sign_path;
    request.method = "POST";
    EXPECT_EQ(signer.answer(request, host).status, 400U);
}

TEST_F(SignerOf, WithoutItsAuthorityFails) {
    std::filesystem::remove_all(place);
    EXPECT_EQ(ask({csr, {}, {}}, host).status, 500U);
    EXPECT_EQ(trust().status, 500U);
    EXPECT_EQ(counts.failed, 1U);
}

}  // namespace
}  // namespace meshd::signing
