// SPDX-License-Identifier: Apache-2.0
#include "tls/edge_store.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "config/text_file.hpp"
#include "test_certificates.hpp"

namespace meshd::tls {
namespace {

using namespace std::chrono_literals;

struct EdgeStoreTest : testing::Test {
    EdgeStoreTest() { copy(authority.issue({.names = "DNS:a.test"})); }

    // Into the place that the settings name.
    void copy(const model::CertificateFiles& from) {
        std::filesystem::rename(from.certificate, files.files.certificate);
        std::filesystem::rename(from.key, files.files.key);
    }
    model::EdgeListeners listeners() const {
        model::EdgeListener one;
        one.name = "public";
        one.certificates = {files};
        return {one};
    }
    bool run_until(const std::function<bool()>& condition) {
        const auto deadline = std::chrono::steady_clock::now() + 30s;
        while (!condition() && std::chrono::steady_clock::now() < deadline) io.run_one_for(1s);
        return condition();
    }
    std::string first_name() const {
        const auto context = store.contexts().at("public");
        return context == nullptr ? "" : context->find("")->names().front();
    }

    TemporaryDirectory directory;
    TestAuthority authority{directory, "ours"};
    model::EdgeCertificate files{{directory.path("edge.pem"), directory.path("edge.key")}, ""};
    boost::asio::io_context io;
    int changes = 0;
    std::vector<std::string> problems;
    EdgeStore store{io,
                    {.interval = 20ms,
                     .on_change = [this] { ++changes; },
                     .on_problem = [this](const std::string&, const std::string& problem) { problems.push_back(problem); }}};
};

TEST_F(EdgeStoreTest, ReadsAtOnce) {
    store.follow(listeners());
    EXPECT_EQ(first_name(), "a.test");
    EXPECT_EQ(changes, 0);
    EXPECT_EQ(store.states().at(0).problem, "");
    EXPECT_NE(store.states().at(0).since, std::chrono::system_clock::time_point{});
}

TEST_F(EdgeStoreTest, WaitsForWhatIsIssued) {
    auto both = listeners();
    model::EdgeCertificate issued{{directory.path("issued.pem"), directory.path("issued.pem")}, ""};
    issued.acme = {"new.test"};
    both[0].certificates.push_back(issued);
    store.follow(both);
    EXPECT_TRUE(problems.empty());
    EXPECT_EQ(store.states().at(1).problem, "");
    EXPECT_NE(store.states().at(1).since, std::chrono::system_clock::time_point{});
    const auto find = [&](const char* name) { return store.contexts().at("public")->find(name); };
    EXPECT_EQ(find("new.test"), nullptr);  // nor is the first one shown
    EXPECT_NE(find("other.test"), nullptr);
    const auto made = authority.issue({.names = "DNS:new.test"});
    const auto text = [](const std::string& path) { return config::read_text_file(path).value().text; };
    directory.write("issued.pem", text(made.certificate) + text(made.key));
    EXPECT_TRUE(run_until([&] { return find("new.test") != nullptr; }));
    EXPECT_EQ(find("new.test")->names().front(), "new.test");
}

TEST_F(EdgeStoreTest, ShowsWhatFitsWhileAnotherIsIssued) {
    copy(authority.issue({.names = "DNS:*.test"}));
    auto both = listeners();
    model::EdgeCertificate issued{{directory.path("issued.pem"), directory.path("issued.pem")}, ""};
    issued.acme = {"new.test"};
    both[0].certificates.push_back(issued);
    store.follow(both);
    ASSERT_NE(store.contexts().at("public")->find("new.test"), nullptr);
    EXPECT_EQ(store.contexts().at("public")->find("new.test")->names().front(), "*.test");
}

TEST_F(EdgeStoreTest, FollowsFilesAndKeepsWhatWasGood) {
    store.follow(listeners());
    copy(authority.issue({.names = "DNS:b.test"}));
    EXPECT_TRUE(run_until([&] { return first_name() == "b.test"; }));
    EXPECT_EQ(changes, 1);
    directory.write("edge.pem", "nothing");
    EXPECT_TRUE(run_until([&] { return !problems.empty(); }));
    EXPECT_EQ(first_name(), "b.test");
    EXPECT_NE(store.states().at(0).problem, "");
    copy(authority.issue({.names = "DNS:c.test"}));
    EXPECT_TRUE(run_until([&] { return first_name() == "c.test"; }));
    EXPECT_EQ(store.states().at(0).problem, "");
    EXPECT_EQ(problems.size(), 1U);
}

TEST_F(EdgeStoreTest, DoesNotTakeAnExpiredOneForAValidOne) {
    store.follow(listeners());
    copy(authority.issue({.names = "DNS:b.test", .begins = -2h, .ends = -1h}));
    EXPECT_TRUE(run_until([&] { return !problems.empty(); }));
    EXPECT_EQ(first_name(), "a.test");
    EXPECT_NE(problems.at(0).find("it expired"), std::string::npos);
}

TEST_F(EdgeStoreTest, UsesAnExpiredOneWhereThereIsNoOther) {
    copy(authority.issue({.names = "DNS:b.test", .begins = -2h, .ends = -1h}));
    store.follow(listeners());
    EXPECT_EQ(first_name(), "b.test");
    EXPECT_EQ(problems.size(), 1U);
}

TEST_F(EdgeStoreTest, HasNothingToShowUntilFilesAreThere) {
    const auto there = files.files;
    std::filesystem::remove(there.key);
    store.follow(listeners());
    EXPECT_EQ(store.contexts().at("public"), nullptr);
    EXPECT_EQ(problems.size(), 1U);
    copy(authority.issue({.names = "DNS:b.test"}));
    EXPECT_TRUE(run_until([&] { return first_name() == "b.test"; }));
}

TEST_F(EdgeStoreTest, KeepsCertificatesWhenOtherSettingsChange) {
    store.follow(listeners());
    const auto before = store.states().at(0).certificate;
    auto changed = listeners();
    changed.front().strict_names = true;
    store.follow(changed);
    EXPECT_EQ(store.states().at(0).certificate, before);
    EXPECT_EQ(store.contexts().at("public")->find("other.test"), nullptr);
    changed.front().profile = model::TlsProfile::modern;
    store.follow(changed);
    EXPECT_NE(store.states().at(0).certificate, before);
    store.follow({});
    EXPECT_TRUE(store.contexts().empty());
}

}  // namespace
}  // namespace meshd::tls
