// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "config/settings_file.hpp"
#include "model/acme_json.hpp"
#include "model/edge_json.hpp"
#include "refusals.hpp"

namespace meshd::config {
namespace {

using namespace std::chrono_literals;

std::string edge(const std::string& acme, const std::string& certificate = "acme: [shop.test]",
                 const std::string& route = "names: [\"*\"], service: web") {
    return "edge:\n  acme: {" + acme + "}\n  listeners: [{name: a, listen: \"[::]:443\", certificates: [{" + certificate +
           "}], routes: [{" + route + "}]}]\n";
}

Settings read(const std::string& text) {
    const auto settings = parse_settings(text, "meshd.yaml");
    EXPECT_TRUE(settings) << settings.error().message();
    return settings.value_or(Settings{});
}

TEST(Acme, IsNotThereUnlessItIsWritten) { EXPECT_FALSE(read("edge: {}\n").acme); }

TEST(Acme, AsksLetsEncryptByHandshakesByItself) {
    const auto settings = read(edge("accept_terms: true"));
    ASSERT_TRUE(settings.acme);
    EXPECT_EQ(settings.acme->directory, "https://acme-v02.api.letsencrypt.org/directory");
    EXPECT_EQ(settings.acme->challenge, model::AcmeChallenge::tls_alpn_01);
    EXPECT_EQ(settings.acme->http, std::nullopt);
    EXPECT_EQ(settings.acme->renew_before, 0ms);
    EXPECT_EQ(settings.edge[0].certificates[0].acme, (std::vector<std::string>{"shop.test"}));
}

TEST(Acme, HasAllOfItsKeys) {
    auto settings = read(
        edge("directory: \"https://ca.test:14000/dir\", email: ops@example.org, challenge: http-01, http: \"[::]:80\", storage: "
             "/s/acme, accept_terms: true, renew_before: 720h",
             "acme: [shop.test, www.shop.test]"));
    auto& acme = *settings.acme;
    EXPECT_EQ(acme, (model::AcmeSettings{"https://ca.test:14000/dir", "ops@example.org", model::AcmeChallenge::http_01,
                                         base::SocketAddress::parse("[::]:80"), "/s/acme", 720h}));
    // As the worker is told.
    EXPECT_EQ(model::acme_from_json(model::to_json(acme), "acme").value(), acme);
    model::place_acme(settings.edge, acme, "/other");
    EXPECT_EQ(acme.storage, "/s/acme");
    EXPECT_EQ(model::edge_from_json(model::to_json(settings.edge), "edge").value(), settings.edge);
}

TEST(Acme, GivesNamesAFileOfTheirOwnForEachAuthority) {
    const auto file = [](const std::string& names, const std::string& directory) {
        auto settings = read(edge("accept_terms: true, directory: \"" + directory + "\"", "acme: " + names));
        model::place_acme(settings.edge, *settings.acme, "/var/lib/meshd/acme");
        EXPECT_EQ(settings.acme->storage, "/var/lib/meshd/acme");
        const auto& files = settings.edge[0].certificates[0].files;
        EXPECT_EQ(files.certificate, files.key);
        return files.certificate;
    };
    const auto first = file("[shop.test, www.shop.test]", "https://ca.test");
    EXPECT_EQ(first.substr(0, first.size() - 13), "/var/lib/meshd/acme/shop.test");
    EXPECT_EQ(file("[www.shop.test, shop.test]", "https://ca.test"), first);
    EXPECT_NE(file("[shop.test]", "https://ca.test"), first);
    EXPECT_NE(file("[shop.test, www.shop.test]", "https://other.test"), first);
}

TEST(Acme, IsNotBelievedByTheWorker) {
    auto settings = read(edge("accept_terms: true, challenge: http-01, http: \"[::]:80\", storage: /s"));
    const auto good = model::to_json(*settings.acme);
    const auto refused = [&](const char* key, const boost::json::value& value) {
        auto changed = good;
        changed[key] = value;
        return !model::acme_from_json(changed, "acme");
    };
    EXPECT_TRUE(refused("directory", "http://ca.test"));
    EXPECT_TRUE(refused("email", "-y@x"));
    EXPECT_TRUE(refused("challenge", "dns-01"));
    EXPECT_TRUE(refused("http", "[::]:0"));
    EXPECT_TRUE(refused("storage", "s"));
    EXPECT_TRUE(refused("renew_before_ms", -1));
    EXPECT_FALSE(refused("email", ""));
    model::place_acme(settings.edge, *settings.acme, {});
    boost::json::value listeners(model::to_json(settings.edge));
    EXPECT_TRUE(model::edge_from_json(listeners, "edge"));
    listeners.at_pointer("/0/certificates/0/acme") = boost::json::array{"*.shop.test"};
    EXPECT_FALSE(model::edge_from_json(listeners, "edge"));
}

const std::string good = "accept_terms: true";
const Refusal of_acme[] = {
    {"TermsNotAccepted", edge("email: a@b.test"),
     "2:9: the authority issues nothing to whom does not accept its terms; read them, its directory names them, and write "
     "\"accept_terms: true\""},
    {"TermsDenied", edge("accept_terms: false"),
     "2:24: the authority issues nothing to whom does not accept its terms; read them, its directory names them, and write "
     "\"accept_terms: true\""},
    {"NoTls", edge(good + ", directory: \"http://ca.test\""),
     "2:41: \"directory\" must be a URL that begins with https://, found \"http://ca.test\""},
    {"NoEmail", edge(good + ", email: \"-ops\""), "2:37: \"email\" must be an address such as ops@example.org, found \"-ops\""},
    {"OtherChallenge", edge(good + ", challenge: dns-01"),
     "2:41: \"challenge\" must be tls-alpn-01 or http-01, found \"dns-01\""},
    {"HttpWithoutAddress", edge(good + ", challenge: http-01"),
     "2:9: \"acme\" needs the key \"http\"; write where the authority reaches this host for http-01, such as \"[::]:80\""},
    {"HttpWithPortZero", edge(good + ", challenge: http-01, http: \"[::]:0\""),
     "2:56: \"http\" must be an address and a port such as \"[::]:80\", found \"[::]:0\""},
    {"HttpForHandshakes", edge(good + ", http: \"[::]:80\""),
     "2:36: \"http\" means nothing with the challenge tls-alpn-01; write \"challenge: http-01\", or remove \"http\""},
    {"HttpOfAListener", edge(good + ", challenge: http-01, http: \"[::]:443\""),
     "3:33: \"http\" of \"acme\" has the address [::]:443, too; give one of them another port"},
    {"Nobody", "edge:\n  listeners: [{name: a, listen: \"[::]:443\", certificates: [{acme: [shop.test]}]}]\n",
     "2:67: nobody is there to issue it; write \"acme\" beside \"listeners\" in \"edge\""},
    {"Wildcard", edge(good, "acme: [\"*.shop.test\"]"),
     "3:68: a name must be a name in lower case such as shop.example.org, found \"*.shop.test\"; wildcards need the challenge "
     "dns-01, which is not answered here: list the names, or give files"},
    {"AnAddress", edge(good, "acme: [192.0.2.1]"),
     "3:68: a name must be a name in lower case such as shop.example.org, found \"192.0.2.1\""},
    {"NoDot", edge(good, "acme: [localhost]"),
     "3:68: a name must be a name in lower case such as shop.example.org, found \"localhost\""},
    {"AcmeNameTwice", edge(good, "acme: [shop.test, shop.test]"), "3:79: name \"shop.test\" is given twice"},
    {"NoName", edge(good, "acme: []"), "3:67: \"acme\" must have 1 to 100 names, found 0"},
    {"FilesBesideIt", edge(good, "acme: [shop.test], key: /a.key"),
     "3:85: \"key\" means nothing beside \"acme\"; remove one of them: a certificate comes from files, or is issued"},
    {"OfWhatPasses", edge(good, "acme: [shop.test]", "names: [\"*.test\", \"shop.test\"], service: web, pass_through: true"),
     "3:59: TLS for \"shop.test\" passes through to its backend: no certificate is of use here; remove the name from \"acme\", "
     "or "
     "\"pass_through\" from its route"},
};
INSTANTIATE_TEST_SUITE_P(Acme, SettingsRefusal, testing::ValuesIn(of_acme), name_of);

}  // namespace
}  // namespace meshd::config
