// SPDX-License-Identifier: Apache-2.0
// With the worker's program as helper and hook, and a script in uacme's place that fails as it is told.
#include "acme/issuer.hpp"

#include <filesystem>
#include <functional>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "config/text_file.hpp"
#include "test_certificates.hpp"

namespace meshd::acme {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;
using testing::ElementsAre;
using testing::HasSubstr;

// uacme -a URL -c ACCOUNT [-t EC -y new [EMAIL] | -h HOOK issue REQUEST]; it says what it did in the file "calls".
constexpr const char* script = R"(#!/bin/sh
here=$(dirname "$0")
account=$4
shift 4
case "$*" in
*new*)
    echo "new" >> "$here/calls"
    mkdir -p "$account/private" && touch "$account/private/key.pem"
    exit 0 ;;
esac
echo "issue" >> "$here/calls"
[ -e "$here/fails" ] && { cat "$here/fails"; exit 2; }
[ -e "$here/sleeps" ] && exec sleep 1000
"$2" begin dns-01 shop.test token 47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU && exit 3
"$2" begin tls-alpn-01 shop.test token 47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU || exit 4
"$2" done tls-alpn-01 shop.test token 47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU || exit 5
openssl x509 -req -in "$4" -CA "$here/ca.pem" -CAkey "$here/ca.key" -copy_extensions copy -days 9 -out "${4%.csr}-cert.pem" 2>/dev/null
)";

struct IssuerTest : testing::Test {
    IssuerTest() {
        ::chmod(directory.write("client", script).c_str(), 0755);
        settings.directory = "https://acme.test/directory";
        settings.storage = directory.path("storage");
        std::filesystem::create_directory(settings.storage);
        auto& one = listeners.emplace_back();
        one.name = "public";
        one.certificates.emplace_back().acme = {"shop.test"};
        place_acme(listeners, settings, {});
        // The authority.
        const auto made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=ca -keyout " +
                          directory.path("ca.key") + " -out " + directory.path("ca.pem") + " 2>/dev/null";
        EXPECT_EQ(std::system(made.c_str()), 0);
    }
    std::unique_ptr<Issuer> make(std::string program = {}) {
        if (program.empty()) program = directory.path("client");
        auto made = std::make_unique<Issuer>(
            io,
            [this](const Challenges::Certificates& all) -> base::Result<void> {
                shown.push_back(all.size());
                return {};
            },
            ClientOptions{program, MESHD_USERSPACE, patience});
        made->follow(settings, listeners);
        return made;
    }
    void run_until(const std::function<bool()>& condition) {
        const auto end = std::chrono::steady_clock::now() + 60s;
        while (!condition() && std::chrono::steady_clock::now() < end) io.run_one_for(100ms);
        EXPECT_TRUE(condition());
    }
    void run_until_ended(Issuer& issuer, std::uint64_t orders = 1) {
        run_until([&] { return issuer.counts().issued + issuer.counts().failed == orders; });
    }
    [[nodiscard]] const std::string& file() const { return listeners[0].certificates[0].files.certificate; }
    [[nodiscard]] std::string text(const std::string& path) const {
        const auto file = config::read_text_file(path);
        return file ? file->text : "";
    }
    [[nodiscard]] std::string calls() const { return text(directory.path("calls")); }

    const tls::TemporaryDirectory directory;
    boost::asio::io_context io;
    model::AcmeSettings settings;
    model::EdgeListeners listeners;
    std::vector<std::size_t> shown;
    std::chrono::seconds patience{60};
};

TEST_F(IssuerTest, OrdersWhatIsNotThereAndRenewsItLater) {
    const auto issuer = make();
    EXPECT_TRUE(issuer->states()[0].is_ordered);
    run_until_ended(*issuer);
    EXPECT_EQ(issuer->counts().issued, 1U);
    EXPECT_EQ(calls(), "new\nissue\n");
    EXPECT_THAT(shown, ElementsAre(1, 0));
    const auto state = issuer->states()[0];
    EXPECT_TRUE(state.is_there);
    EXPECT_EQ(state.problem, "");
    EXPECT_GT(state.next, system_clock::now() + 24h * 5);
    EXPECT_LT(state.next, system_clock::now() + 24h * 7);
    EXPECT_THAT(text(file()), testing::AllOf(HasSubstr("BEGIN CERTIFICATE"), HasSubstr("BEGIN PRIVATE KEY")));
    EXPECT_EQ(std::filesystem::status(file()).permissions(), std::filesystem::perms{0600});
    EXPECT_FALSE(std::filesystem::exists(settings.storage + "/order"));
}

TEST_F(IssuerTest, UsesOnWhatIsThere) {
    {
        const auto first = make();
        run_until_ended(*first);
    }
    io.restart();
    const auto next = make();
    EXPECT_FALSE(next->states()[0].is_ordered);
    EXPECT_TRUE(next->states()[0].is_there);
    EXPECT_EQ(calls(), "new\nissue\n");
}

TEST_F(IssuerTest, WaitsAfterAFailureAlsoInTheNextWorker) {
    directory.write("fails", "uacme: the sky falls\n");
    Time next;
    {
        const auto issuer = make();
        run_until_ended(*issuer);
        EXPECT_EQ(issuer->counts().failed, 1U);
        const auto state = issuer->states()[0];
        EXPECT_EQ(state.problem, "the sky falls");
        EXPECT_FALSE(state.is_ordered);
        EXPECT_GT(state.next, system_clock::now() + 20s);
        next = state.next;
    }
    const auto later = make();
    EXPECT_FALSE(later->states()[0].is_ordered);
    EXPECT_EQ(later->states()[0].problem, "the sky falls");
    EXPECT_LE(later->states()[0].next, next);
    EXPECT_GT(later->states()[0].next, next - 2s);
    EXPECT_EQ(calls(), "new\nissue\n");
}

TEST_F(IssuerTest, TriesAtOnceWithOtherSettings) {
    directory.write("fails", "uacme: the sky falls\n");
    const auto issuer = make();
    run_until_ended(*issuer);
    std::filesystem::remove(directory.path("fails"));
    settings.email = "ops@example.org";
    issuer->follow(settings, listeners);
    run_until_ended(*issuer, 2);
    EXPECT_EQ(issuer->counts().issued, 1U);
    EXPECT_EQ(issuer->states()[0].problem, "");
}

TEST_F(IssuerTest, AFailureLeavesWhatWasThere) {
    const auto issuer = make();
    run_until_ended(*issuer);
    const auto before = text(file());
    directory.write("fails", "uacme: the sky falls\n");
    settings.renew_before = 1h;
    directory.write("storage/failures.json", "{}");
    // One that is due, which this one is not yet.
    tls::TestAuthority authority(directory, "old");
    const auto old = authority.issue({.names = "DNS:shop.test", .begins = -24h, .ends = 30min});
    const auto both = text(old.certificate) + text(old.key);
    directory.write("storage/" + std::filesystem::path(file()).filename().string(), both);
    issuer->follow(settings, listeners);
    run_until_ended(*issuer, 2);
    EXPECT_EQ(issuer->counts().failed, 1U);
    EXPECT_EQ(text(file()), both);
    EXPECT_TRUE(issuer->states()[0].is_there);
}

TEST_F(IssuerTest, MakesAnAccountWhereTheOldOneIsNotKnown) {
    {
        const auto first = make();
        run_until_ended(*first);
    }
    std::filesystem::remove(file());
    directory.write("fails", "uacme: no account associated with key.pem found at https://acme.test/new. Consider trying 'new'\n");
    const auto issuer = make();
    run_until([&] { return calls() == "new\nissue\nissue\nnew\nissue\n"; });
    run_until_ended(*issuer);
    EXPECT_EQ(issuer->counts().failed, 1U);  // only once
}

TEST_F(IssuerTest, EndsWhatIsTooSlow) {
    directory.write("sleeps", "");
    patience = 1s;
    const auto issuer = make();
    run_until_ended(*issuer);
    EXPECT_EQ(issuer->states()[0].problem, "uacme was not ready within 1 s, and was ended");
}

TEST_F(IssuerTest, TellsWhichPackageIsMissing) {
    const auto issuer = make("no-such-uacme");
    run_until_ended(*issuer);
    EXPECT_EQ(issuer->states()[0].problem, "cannot run no-such-uacme: No such file or directory; install the package uacme");
}

TEST_F(IssuerTest, WaitsForAnotherWorkerToEnd) {
    directory.write("sleeps", "");
    auto first = make();
    const auto next = make();
    EXPECT_TRUE(first->states()[0].is_ordered);
    EXPECT_FALSE(next->states()[0].is_ordered);
    std::filesystem::remove(directory.path("sleeps"));
    first.reset();
    run_until_ended(*next);
    EXPECT_EQ(next->counts().issued, 1U);
}

TEST_F(IssuerTest, TellsThatItsStorageIsOfNoUse) {
    std::filesystem::remove(settings.storage);
    const auto issuer = make();
    EXPECT_THAT(issuer->states()[0].problem, HasSubstr("cannot use the storage of certificates " + settings.storage));
    std::filesystem::create_directory(settings.storage);
    run_until_ended(*issuer);
    EXPECT_EQ(issuer->states()[0].problem, "");
}

TEST_F(IssuerTest, EndsWhatIsNoLongerWanted) {
    directory.write("sleeps", "");
    const auto issuer = make();
    run_until([&] { return calls() == "new\nissue\n"; });
    issuer->follow(settings, {});
    EXPECT_TRUE(issuer->states().empty());
    issuer->follow({}, {});
    EXPECT_FALSE(issuer->is_there());
    io.run();  // nothing is waited for
    EXPECT_EQ(issuer->counts().failed, 0U);
}

TEST_F(IssuerTest, OrdersTheSameNamesOnce) {
    listeners.push_back(listeners[0]);
    listeners[1].certificates[0].acme = {"shop.test"};
    place_acme(listeners, settings, {});
    const auto issuer = make();
    EXPECT_EQ(issuer->states().size(), 1U);
}

}  // namespace
}  // namespace meshd::acme
