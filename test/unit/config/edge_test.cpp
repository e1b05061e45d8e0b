// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "config/settings_file.hpp"
#include "model/edge_json.hpp"
#include "model/server_names.hpp"
#include "refusals.hpp"

namespace meshd::config {
namespace {

using model::ProxyProtocol;
using model::TlsProfile;

const std::string certificates = "certificates: [{certificate: /e/a.pem, key: /e/a.key}]";
std::string edge(const std::string& listener) { return "edge:\n  listeners:\n    - {" + listener + "}\n"; }
std::string with_route(const std::string& route) {
    return edge("name: a, listen: \"[::]:443\", " + certificates + ", routes: [{" + route + "}]");
}

model::EdgeListeners read(const std::string& text) {
    const auto settings = parse_settings(text, "meshd.yaml");
    EXPECT_TRUE(settings) << settings.error().message();
    return settings ? settings->edge : model::EdgeListeners{};
}

TEST(Edge, IsNotThereUnlessItIsWritten) {
    EXPECT_TRUE(read("log: {level: info}\n").empty());
    EXPECT_TRUE(read("edge: {}\n").empty());
}

TEST(Edge, HasListenersWithRoutes) {
    const auto listeners = read(
        "edge:\n"
        "  listeners:\n"
        "    - name: public\n"
        "      listen: \"[::]:443\"\n"
        "      profile: modern\n"
        "      strict_names: true\n"
        "      certificates: [{certificate: /e/a.pem, key: /e/a.key, ocsp: /e/a.ocsp}]\n"
        "      routes:\n"
        "        - {names: [shop.test, \"*.shop.test\"], service: shop/web, port: http, alpn: [h2, http/1.1], proxy_protocol: "
        "v2}\n"
        "        - {names: [\"*\"], service: db, port: 5432, pass_through: true}\n"
        "    - {name: other, listen: 192.0.2.1:443, routes: [{names: [a.test], service: a, pass_through: true}]}\n");
    ASSERT_EQ(listeners.size(), 2U);
    const auto& one = listeners[0];
    EXPECT_EQ(one.listen, *base::SocketAddress::parse("[::]:443"));
    EXPECT_EQ(one.profile, TlsProfile::modern);
    EXPECT_TRUE(one.strict_names);
    EXPECT_EQ(one.certificates, (std::vector<model::EdgeCertificate>{{{"/e/a.pem", "/e/a.key"}, "/e/a.ocsp"}}));
    EXPECT_EQ(one.routes, (std::vector<model::EdgeRoute>{
                              {{"shop.test", "*.shop.test"}, "shop/web", "http", false, {"h2", "http/1.1"}, ProxyProtocol::v2},
                              {{"*"}, "db", "5432", true, {}, ProxyProtocol::none}}));
    EXPECT_EQ(listeners[1].profile, TlsProfile::intermediate);
    EXPECT_TRUE(listeners[1].certificates.empty());
    // As the worker is told.
    EXPECT_EQ(model::edge_from_json(model::to_json(listeners), "edge").value(), listeners);
}

TEST(Edge, IsNotBelievedByTheWorker) {
    const auto good = model::to_json(read(with_route("names: [a.test], service: a")));
    const auto refused = [&](const char* pointer, const boost::json::value& value) {
        boost::json::value changed(good);
        changed.at_pointer(pointer) = value;
        return !model::edge_from_json(changed, "edge");
    };
    EXPECT_TRUE(refused("/0/name", ""));
    EXPECT_TRUE(refused("/0/listen", "[::]:0"));
    EXPECT_TRUE(refused("/0/profile", "old"));
    EXPECT_TRUE(refused("/0/routes", boost::json::array{}));
    EXPECT_TRUE(refused("/0/routes/0/names", boost::json::array{"A"}));
    EXPECT_TRUE(refused("/0/routes/0/names", boost::json::array{}));
    EXPECT_TRUE(refused("/0/routes/0/alpn", boost::json::array{""}));
    EXPECT_TRUE(refused("/0/routes/0/service", "a b"));
    EXPECT_TRUE(refused("/0/certificates/0/key", "a.key"));
    EXPECT_FALSE(refused("/0/routes/0/port", "http"));
}

const Refusal of_edge[] = {
    {"NoName", edge("listen: \"[::]:443\""), "3:7: a listener needs the key \"name\""},
    {"NoListen", edge("name: a"), "3:7: a listener needs the key \"listen\"; write an address and a port, such as \"[::]:443\""},
    {"APortAlone", edge("name: a, listen: 443"),
     "3:25: \"listen\" must be text, found 443, which YAML reads as a number; write it in quotes"},
    {"PortZero", edge("name: a, listen: \"[::]:0\""),
     "3:25: \"listen\" must be an address and a port such as \"[::]:443\" or 192.0.2.1:443, found \"[::]:0\""},
    {"OtherProfile", edge("name: a, listen: \"[::]:443\", profile: old"),
     "3:46: \"profile\" must be intermediate or modern, found \"old\""},
    {"NoRoutes", edge("name: a, listen: \"[::]:443\""),
     "3:7: a listener needs the key \"routes\"; write which names go to which service"},
    {"EmptyRoutes", edge("name: a, listen: \"[::]:443\", routes: []"), "3:7: a listener needs at least one route"},
    {"NoCertificate", edge("name: a, listen: \"[::]:443\", routes: [{names: [a.test], service: a}]"),
     "3:7: listener \"a\" has routes that end TLS, and no certificate; write \"certificates\", or \"pass_through: true\" where "
     "the "
     "backend has its own"},
    {"NoKey", edge("name: a, listen: \"[::]:443\", certificates: [{certificate: /a.pem}]"),
     "3:52: a certificate needs the key \"key\""},
    {"UpperCase", with_route("names: [Shop.test], service: a"),
     "3:111: a name must be a name in lower case such as shop.example.org, one with a wildcard such as \"*.shop.example.org\", "
     "or "
     "\"*\", found \"Shop.test\""},
    {"WildcardInside", with_route("names: [\"a.*.test\"], service: a"),
     "3:111: a name must be a name in lower case such as shop.example.org, one with a wildcard such as \"*.shop.example.org\", "
     "or "
     "\"*\", found \"a.*.test\""},
    {"NameTwice", with_route("names: [a.test, a.test], service: a"),
     "3:119: name \"a.test\" is given twice, first in line 3; each name of a listener belongs to one route"},
    {"NoNames", with_route("names: [], service: a"), "3:110: \"names\" must have at least one name; write \"*\" for all"},
    {"NoService", with_route("names: [a.test]"), "3:102: a route needs the key \"service\""},
    {"ProtocolsOfWhatPasses", with_route("names: [a.test], service: a, pass_through: true, alpn: [h2]"),
     "3:158: \"alpn\" means nothing with \"pass_through: true\"; the backend offers what it speaks; remove \"alpn\""},
    {"ProxyProtocolThree", with_route("names: [a.test], service: a, proxy_protocol: v3"),
     "3:148: \"proxy_protocol\" must be none, v1 or v2, found \"v3\"; did you mean \"v1\"?"},
    {"OneNameTwice",
     edge("name: a, listen: \"[::]:443\", routes: [{names: [a.test], service: a, pass_through: true}]") +
         "    - {name: a, listen: \"[::]:444\", routes: [{names: [a.test], service: a, pass_through: true}]}\n",
     "4:7: listener \"a\" is given twice, first in line 3"},
    {"OneAddressTwice",
     edge("name: a, listen: \"[::]:443\", routes: [{names: [a.test], service: a, pass_through: true}]") +
         "    - {name: b, listen: \"[::]:443\", routes: [{names: [a.test], service: a, pass_through: true}]}\n",
     "4:25: two listeners have the address [::]:443, the first in line 3; give one of them another port, or put their routes "
     "together"},
};
INSTANTIATE_TEST_SUITE_P(Edge, SettingsRefusal, testing::ValuesIn(of_edge), name_of);

TEST(ServerNames, TheMostSpecificCounts) {
    model::ServerNames<int> names;
    EXPECT_TRUE(names.add("*", 1));
    EXPECT_TRUE(names.add("*.shop.test", 2));
    EXPECT_TRUE(names.add("a.shop.test", 3));
    EXPECT_FALSE(names.add("a.shop.test", 4));
    const auto found = [&](std::string_view name) { return *names.find(name); };
    EXPECT_EQ(found("a.shop.test"), 3);
    EXPECT_EQ(found("b.shop.test"), 2);
    EXPECT_EQ(found("a.b.shop.test"), 1);  // a wildcard is one label
    EXPECT_EQ(found("shop.test"), 1);
    EXPECT_EQ(found(".shop.test"), 1);
    EXPECT_EQ(found(""), 1);
}

TEST(ServerNames, NothingBelongsToOthers) {
    model::ServerNames<int> names;
    names.add("shop.test", 1);
    for (const auto* const name : {"", "a.shop.test", "shop.tes", "*", "test"}) EXPECT_EQ(names.find(name), nullptr) << name;
}

}  // namespace
}  // namespace meshd::config
