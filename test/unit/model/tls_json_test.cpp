// SPDX-License-Identifier: Apache-2.0
#include "model/tls_json.hpp"

#include <functional>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "model/service_json.hpp"

namespace meshd::model {
namespace {

namespace json = boost::json;

NodeTls sample() {
    NodeTls tls;
    tls.trust_domain = "example.org";
    tls.authorities = "/t/ca.pem";
    tls.node = {"/t/node.pem", "/t/node.key"};
    tls.identities = {{"web", "/shop.slice", "", "", {"/t/w.pem", "/t/w.key"}},
                      {"db", "", "db.service", "", {"/t/d.pem", "/t/d.key"}}};
    tls.threads = 2;
    return tls;
}

TEST(NodeTlsJson, ReadsBackWhatItWrote) {
    auto other = sample();
    other.revoked = "/t/crl.pem";
    other.identities.clear();
    other.node.is_issued = true;
    other.kernel = KernelTls::automatic;
    other.signing =
        Signing{"/ca", *base::SocketAddress::parse("[::1]:15010"), std::chrono::hours(2), {{"spiffe://a/n", {"spiffe://a/*"}}}};
    other.issuer = Issuer{"ca:15009", "/token", std::chrono::seconds(5), "/state/tls"};
    for (const auto& one : {sample(), other}) {
        const auto again = node_tls_from_json(json::parse(json::serialize(to_json(one))), "it");
        ASSERT_TRUE(again) << again.error().message();
        EXPECT_EQ(*again, one);
    }
}

TEST(NodeTlsJson, BelievesNothing) {
    const auto refused = [](const std::function<void(json::object&)>& change) {
        auto object = to_json(sample());
        change(object);
        const auto read = node_tls_from_json(object, "it");
        return read ? "accepted" : read.error().object;
    };
    EXPECT_EQ(refused([](auto& o) { o["trust_domain"] = "Ex/ample"; }), "it.trust_domain");
    EXPECT_EQ(refused([](auto& o) { o["authorities"] = "ca.pem"; }), "it.authorities");
    EXPECT_EQ(refused([](auto& o) { o["key"] = 7; }), "it.key");
    EXPECT_EQ(refused([](auto& o) { o["inbound_port"] = 0; }), "it.inbound_port");
    EXPECT_EQ(refused([](auto& o) { o["threads"] = -1; }), "it.threads");
    EXPECT_EQ(refused([](auto& o) { o["kernel"] = "yes"; }), "it.kernel");
    EXPECT_EQ(refused([](auto& o) { o["identities"].as_array()[1].as_object()["user"] = "a"; }), "it.identities[1].workload");
    EXPECT_EQ(refused([](auto& o) { o["identities"].as_array()[0].as_object()["name"] = ""; }), "it.identities[0].name");
}

Service encrypted() {
    Service service;
    service.name = "web";
    service.addresses = {*base::IpAddress::parse("10.96.0.10")};
    service.ports.emplace_back().number = 80;
    auto& backend = service.ports[0].backends.emplace_back();
    backend.endpoint = *base::SocketAddress::parse("10.244.0.7:8080");
    backend.host = base::IpAddress::parse("10.0.0.3");
    service.tls = {TlsMode::mutual, ClearText::permissive, SameNode::encrypt};
    return service;
}

TEST(ServiceTlsJson, IsPartOfAService) {
    const auto again = service_from_json(json::parse(json::serialize(to_json(encrypted()))));
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(*again, encrypted());
}

TEST(ServiceTlsJson, IsNotForUdp) {
    auto service = encrypted();
    service.ports[0].protocol = base::Protocol::udp;
    const auto read = service_from_json(to_json(service));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().object, "web.tls");
}

TEST(NodeTlsJson, BelievesNothingOfWhoSigns) {
    auto object = to_json(sample());
    object["issuer"] = {{"address", "ca:1"}, {"token_file", ""}, {"refresh_ms", 0}, {"directory", "/tls"}};
    EXPECT_EQ(node_tls_from_json(object, "it").error().object, "it.issuer.refresh_ms");
    object["issuer"] = nullptr;
    object["signing"] = {{"authority", "/ca"}, {"listen", "1"}, {"lifetime_ms", 1}, {"allow", json::array()}};
    EXPECT_EQ(node_tls_from_json(object, "it").error().object, "it.signing.listen");
}

TEST(IssuedFiles, StandBelowOneDirectory) {
    NodeTls tls = sample();
    place_issued(tls, "/s");
    EXPECT_EQ(tls, sample());  // nobody issues
    tls.issuer.emplace();
    tls.node = {{}, {}, true};
    tls.identities[0].name = "shop/web";
    tls.identities[0].files = {{}, {}, true};
    tls.trust_domain = "example.org";
    place_issued(tls, "/s");
    EXPECT_EQ(tls.node.certificate, "/s/node.pem");
    EXPECT_EQ(tls.identities[0].files.key, "/s/identity-shop+web.pem");
    EXPECT_EQ(tls.identities[1].files, sample().identities[1].files);
    EXPECT_EQ(issued_identity(tls, tls.identities[0]), "spiffe://example.org/shop/web");
}

TEST(Identities, HaveANumberOfTheirOwn) {
    EXPECT_EQ(identity_number(""), 2166136261U);   // the basis of FNV-1a
    EXPECT_EQ(identity_number("a"), 0xe40c292cU);  // of its authors' test vectors
    EXPECT_EQ(identity_number("foobar"), 0xbf9cf968U);
}

}  // namespace
}  // namespace meshd::model
