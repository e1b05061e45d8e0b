// SPDX-License-Identifier: Apache-2.0
#include "tls/credential_store.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "test_certificates.hpp"

namespace meshd::tls {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Store : testing::Test {
    // Until something has happened; the test fails when it never does.
    template <typename Happened>
    void run_until(Happened happened) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (!happened() && std::chrono::steady_clock::now() < deadline) context.run_one_for(std::chrono::seconds(1));
        ASSERT_TRUE(happened());
    }
    void look_some_times() {
        for (int i = 0; i < 5; ++i) context.run_one_for(std::chrono::seconds(1));
    }

    static void move(const model::CertificateFiles& from, const model::CertificateFiles& to) {
        fs::rename(from.key, to.key);
        fs::rename(from.certificate, to.certificate);
    }

    model::NodeTls settings() {
        model::NodeTls tls;
        const auto trust = authority.trust();
        tls.trust_domain = trust.trust_domain;
        tls.authorities = trust.authorities;
        tls.revoked = trust.revoked;
        tls.node = node_files;
        tls.identities = {{"web", {}, "web.service", {}, web_files}};
        return tls;
    }
    [[nodiscard]] std::shared_ptr<const Credentials> web() const {
        const auto all = store.identities();
        const auto found = all.find(model::identity_number("web"));
        return found != all.end() ? found->second : nullptr;
    }

    TemporaryDirectory directory;
    TestAuthority authority{directory, "ours"};
    model::CertificateFiles node_files = authority.issue_for("spiffe://example.org/node");
    model::CertificateFiles web_files = authority.issue_for("spiffe://example.org/web");

    boost::asio::io_context context;
    int changes = 0;
    std::vector<std::string> problems;
    CredentialStore store{
        context,
        {.interval = std::chrono::milliseconds(1),
         .on_change = [this] { ++changes; },
         .on_problem = [this](const std::string& name,
                              const base::Error& error) { problems.push_back(name + ": " + error.message()); }}};
};

TEST_F(Store, HasTheNodesAndThoseOfWorkloads) {
    store.follow(settings());
    ASSERT_TRUE(store.node());
    EXPECT_EQ(store.node()->identity(), "spiffe://example.org/node");
    ASSERT_TRUE(web());
    EXPECT_EQ(web()->identity(), "spiffe://example.org/web");
    ASSERT_EQ(store.states().size(), 2U);
    EXPECT_EQ(store.states()[0].name, "");
    EXPECT_EQ(store.states()[1].name, "web");
    EXPECT_THAT(problems, IsEmpty());
    EXPECT_EQ(changes, 0);
}

TEST_F(Store, TakesANewCertificate) {
    store.follow(settings());
    const auto before = web();
    const auto node = store.node();
    move(authority.issue_for("spiffe://example.org/web2"), web_files);
    run_until([&] { return changes > 0; });
    EXPECT_EQ(web()->identity(), "spiffe://example.org/web2");
    EXPECT_NE(web()->number(), before->number());
    EXPECT_EQ(store.node(), node);
    EXPECT_THAT(problems, IsEmpty());
}

TEST_F(Store, FollowsSymbolicLinksThatAreSwapped) {
    const auto place = [&](const std::string& name, const model::CertificateFiles& files) {
        fs::create_directory(directory.path(name));
        move(files, {directory.path(name + "/tls.crt"), directory.path(name + "/tls.key")});
    };
    place("..1", web_files);
    place("..2", authority.issue_for("spiffe://example.org/web2"));
    fs::create_directory_symlink("..1", directory.path("..data"));
    fs::create_symlink("..data/tls.crt", directory.path("tls.crt"));
    fs::create_symlink("..data/tls.key", directory.path("tls.key"));
    web_files = {directory.path("tls.crt"), directory.path("tls.key")};
    store.follow(settings());
    ASSERT_EQ(web()->identity(), "spiffe://example.org/web");

    fs::create_directory_symlink("..2", directory.path("..new"));
    fs::rename(directory.path("..new"), directory.path("..data"));
    run_until([&] { return changes > 0; });
    EXPECT_EQ(web()->identity(), "spiffe://example.org/web2");
}

TEST_F(Store, KeepsTheLastGoodOne) {
    store.follow(settings());
    std::ofstream(web_files.certificate) << "nothing";
    run_until([&] { return !problems.empty(); });
    EXPECT_EQ(web()->identity(), "spiffe://example.org/web");
    EXPECT_THAT(problems, ElementsAre(AllOf(HasSubstr("web: cannot read"), HasSubstr(web_files.certificate))));
    EXPECT_THAT(store.states()[1].problem, HasSubstr("there is none"));
    look_some_times();
    EXPECT_EQ(problems.size(), 1U);

    move(authority.issue_for("spiffe://example.org/web2"), web_files);
    run_until([&] { return changes > 0; });
    EXPECT_EQ(store.states()[1].problem, "");
}

TEST_F(Store, WaitsForBothFilesOfAPair) {
    store.follow(settings());
    const auto other = authority.issue_for("spiffe://example.org/web2");
    fs::remove(web_files.key);
    run_until([&] { return !problems.empty(); });
    fs::rename(other.certificate, web_files.certificate);
    fs::rename(other.key, web_files.key);
    run_until([&] { return changes > 0; });
    EXPECT_EQ(web()->identity(), "spiffe://example.org/web2");
}

TEST_F(Store, StartsWithoutOneThatIsBad) {
    web_files.key = directory.path("none");
    store.follow(settings());
    EXPECT_TRUE(store.node());
    EXPECT_FALSE(web());
    EXPECT_EQ(problems.size(), 1U);
    EXPECT_FALSE(store.states()[1].credentials);
}

TEST_F(Store, GoesByNewListsOfWhatWasRevoked) {
    authority.write_revocations();
    store.follow(settings());
    const auto before = store.node();
    authority.revoke(web_files);
    run_until([&] { return changes > 0; });
    EXPECT_NE(store.node(), before);
    // Its peers decide about it; whom it believes is new.
    EXPECT_EQ(web()->identity(), "spiffe://example.org/web");
    EXPECT_THAT(store.states()[1].problem, HasSubstr("(revoked)"));
}

TEST_F(Store, GoesByThemForEach) {
    authority.write_revocations();
    auto many = settings();
    for (int i = 0; i < 20; ++i) many.identities.push_back({"web" + std::to_string(i), {}, "web.service", {}, web_files});
    store.follow(many);
    const auto before = store.identities();
    authority.write_revocations();
    run_until([&] { return changes > 0; });
    EXPECT_EQ(changes, 1);
    ASSERT_EQ(before.size(), 21U);
    for (const auto& [number, credentials] : store.identities()) EXPECT_NE(credentials, before.at(number));
}

TEST_F(Store, KeepsAuthoritiesThatWereGood) {
    store.follow(settings());
    const auto before = store.node();
    std::ofstream(settings().authorities) << "nothing";
    run_until([&] { return !problems.empty(); });
    EXPECT_THAT(problems, ElementsAre(HasSubstr(settings().authorities)));
    EXPECT_EQ(store.node(), before);
    EXPECT_THAT(store.states()[0].problem, HasSubstr("there is none"));
}

TEST_F(Store, GoesOnWhenOtherSettingsNameWhatIsBad) {
    store.follow(settings());
    const auto node = store.node(), before = web();
    auto other = settings();
    other.authorities = directory.path("none");
    other.identities[0].files.key = directory.path("none");
    store.follow(other);
    EXPECT_EQ(store.node(), node);
    EXPECT_EQ(web(), before);
    EXPECT_THAT(store.states()[0].problem, HasSubstr("none"));
    EXPECT_THAT(store.states()[1].problem, HasSubstr("none"));
    EXPECT_EQ(problems.size(), 2U);
    store.follow(settings());
    EXPECT_THAT(store.states()[0].problem, "");
    EXPECT_THAT(store.states()[1].problem, "");
}

TEST_F(Store, KeepsWhatOtherSettingsDoNotChange) {
    store.follow(settings());
    const auto node = store.node(), before = web();
    auto other = settings();
    other.identities.push_back({"store", {}, {}, "store", authority.issue_for("spiffe://example.org/store")});
    store.follow(other);
    EXPECT_EQ(store.node(), node);
    EXPECT_EQ(web(), before);
    EXPECT_EQ(store.identities().size(), 2U);
    store.follow(std::nullopt);
    EXPECT_FALSE(store.node());
    EXPECT_THAT(store.identities(), IsEmpty());
}

}  // namespace
}  // namespace meshd::tls
