// SPDX-License-Identifier: Apache-2.0
#include "complete.hpp"

#include <gmock/gmock.h>

#include "fake_server.hpp"

namespace meshd::meshctl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Complete : public testing::Test {
protected:
    std::string after(std::vector<std::string> words) {
        words.insert(words.begin(), {"complete", "--", "--socket", server_.socket()});
        const auto outcome = run_meshctl(words);
        EXPECT_EQ(outcome.code, 0);
        EXPECT_EQ(outcome.err, "");
        return outcome.out;
    }

    FakeServer server_{Answers{{"GET /v1/services", {"services"}}}};
};

TEST_F(Complete, OffersNouns) {
    EXPECT_EQ(after({""}),
              "status\nservice\nbackend\ndevice\nfeature\ndoctor\nbugreport\nacceleration\nflow\nconnection\nevent\ntop\npolicy\n"
              "registry\nannouncement\n"
              "identity\nedge\ncertificate\ntls\nca\napply\nget\n"
              "delete\nconfig\ndrift\nmap\nexplain\nworker\nlog\nversion\n");
}
TEST_F(Complete, OffersWhatBeginsAsTyped) { EXPECT_EQ(after({"s"}), "status\nservice\n"); }
TEST_F(Complete, OffersVerbs) {
    EXPECT_EQ(after({"config", ""}), "check\ndiff\nschema\n");
    EXPECT_EQ(after({"acceleration", ""}), "status\nselftest\npause\nresume\ntop\n");
}
TEST_F(Complete, OffersOptionsOfTheVerbAndGlobalOnes) {
    EXPECT_THAT(after({"config", "diff", "--"}),
                AllOf(HasSubstr("--partial\n"), HasSubstr("--output\n"), Not(HasSubstr("--repair"))));
    EXPECT_EQ(after({"drift", "--re"}), "--repair\n");
}
TEST_F(Complete, OffersFormats) {
    EXPECT_EQ(after({"status", "-o", ""}), "table\nwide\njson\nyaml\n");
    EXPECT_EQ(after({"--output", "j"}), "json\n");
}
TEST_F(Complete, OffersNamesOfServices) {
    EXPECT_EQ(after({"service", "show", ""}), "dns\nidle\nshop/web\n");
    EXPECT_EQ(after({"service", "show", "sh"}), "shop/web\n");
    EXPECT_EQ(after({"backend", "list", "--service", "d"}), "dns\n");
    EXPECT_EQ(after({"-o", "json", "service", "show", "i"}), "idle\n");
    EXPECT_EQ(after({"acceleration", "pause", "--for", "60s", "--service", "sh"}), "shop/web\n");
    EXPECT_EQ(after({"acceleration", "top", "--service", ""}), "dns\nidle\nshop/web\n");
}
TEST(CompleteAnnouncements, OffersTheirNames) {
    FakeServer server(Answers{{"GET /v1/announcements", {"announcements"}}});
    const auto after = [&](const std::string& verb) {
        return run_meshctl({"complete", "--", "--socket", server.socket(), "announcement", verb, ""}).out;
    };
    EXPECT_EQ(after("drain"), "web\nmail\n");
    EXPECT_EQ(after("ready"), "web\nmail\n");
}
TEST_F(Complete, OffersWhatAnAuthorityNeeds) {
    EXPECT_EQ(after({"ca", ""}), "init\nissue\ntoken\nshow\nrevoke\nrotate\n");
    EXPECT_EQ(after({"ca", "issue", ""}), ":files\n");
    EXPECT_EQ(after({"ca", "issue", "--csr", ""}), ":files\n");
    EXPECT_EQ(after({"ca", "init", "ca", "--key-type", "ec"}), "ec-p256\nec-p384\n");
    EXPECT_EQ(after({"certificate", "show", ""}), ":files\n");
}
TEST_F(Complete, OffersWhatCanBeChecked) {
    EXPECT_EQ(after({"tls", "check", "sh"}), "shop/web\n");
    FakeServer server(Answers{{"GET /v1/identities", {"identities"}}});
    EXPECT_EQ(run_meshctl({"complete", "--", "--socket", server.socket(), "tls", "check", "web", "--identity", "sh"}).out,
              "shop\n");
}
TEST_F(Complete, OffersKindsOfObjectsAndNoneOfFiles) {
    EXPECT_EQ(after({"get", ""}), "service\npolicy\nsettings\nfile\n");
    EXPECT_EQ(after({"delete", "s"}), "service\nsettings\n");
    EXPECT_EQ(after({"apply", "-f", ""}), ":files\n");
}
TEST(CompleteObjects, OffersThoseThatTheAgentHasFromOtherRegistriesThanFiles) {
    FakeServer server(Answers{{"GET /v1/services", {"services_of_stores"}}});
    EXPECT_EQ(run_meshctl({"complete", "--", "--socket", server.socket(), "get", "service/"}).out,
              "service/db\nservice/shop/web\n");
}
TEST_F(Complete, OffersLevelsProtocolsAndKinds) {
    EXPECT_EQ(after({"log", "level", "d"}), "debug\n");
    EXPECT_EQ(after({"explain", "10.0.0.1:80", "--protocol", ""}), "tcp\nudp\n");
    EXPECT_EQ(after({"config", "schema", "r"}), "registry\n");
}
TEST_F(Complete, LeavesFilesToTheShell) {
    EXPECT_EQ(after({"config", "check", "/etc/me"}), ":files\n");
    EXPECT_EQ(after({"config", "check", "a.yaml", ""}), ":files\n");
    EXPECT_EQ(after({"--socket", "/ru"}), ":files\n");
}
TEST_F(Complete, OffersNothingWhereNothingFits) {
    EXPECT_EQ(after({"status", ""}), "");
    EXPECT_EQ(after({"frobnicate", "--unknown", "x", "zz"}), "");
}
TEST(CompleteWithoutAgent, OffersNoNamesAndNoError) {
    const auto outcome = run_meshctl({"complete", "--", "--socket=/nonexistent/s", "service", "show", ""});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out + outcome.err, "");
}
TEST(CompleteWithoutWords, OffersNouns) { EXPECT_THAT(run_meshctl({"complete"}).out, HasSubstr("status\n")); }

}  // namespace
}  // namespace meshd::meshctl
