// SPDX-License-Identifier: Apache-2.0
#include "app/examination.hpp"

#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "base/time_text.hpp"

namespace meshd::app {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using testing::HasSubstr;

const ClockLook noon{std::chrono::system_clock::from_time_t(1772366400), true};  // 2026-03-01T12:00:00Z

template <typename Examine>
Findings found(Examine examine) {
    Findings findings;
    examine(findings);
    return findings;
}

Findings directory(const DirectoryLook& look) {
    return found([&](Findings& all) { examine_directory("state_directory", look, 0, 1024, all); });
}

TEST(Examination, LikesADirectoryThatIsOurs) {
    const auto findings = directory({"/state", "", 0, 0755, 4096, true});
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].health, Health::ok);
}
TEST(Examination, SaysHowToMendADirectory) {
    EXPECT_THAT(directory({"/state", "", 1000, 0755, 4096, true}).at(0).remedy, "chown 0 /state");
    EXPECT_THAT(directory({"/state", "", 0, 0777, 4096, true}).at(0).remedy, "chmod go-w /state");
    EXPECT_THAT(directory({"/state", "", 0, 0755, 512, true}).at(0).remedy, HasSubstr("make room"));
    EXPECT_EQ(directory({"/state", "", 0, 0755, 4096, false}).at(0).health, Health::problem);
    EXPECT_THAT(directory({"/state", "No such file", 0, 0, 0, true}).at(0).remedy, HasSubstr("mkdir"));
    EXPECT_EQ(directory({"/state", "", 1000, 0777, 1, true}).size(), 3U);
}

TEST(Examination, CountsOpenFiles) {
    const auto health = [](const std::optional<OpenFiles>& files) {
        return found([&](Findings& all) { examine_open_files("agent", files, all); }).at(0).health;
    };
    EXPECT_EQ(health(OpenFiles{79, 100}), Health::ok);
    EXPECT_EQ(health(OpenFiles{80, 100}), Health::problem);
    EXPECT_EQ(health(std::nullopt), Health::unknown);
}

TEST(Examination, JudgesCertificatesAndTheClockByEachOther) {
    const auto one = [](const char* text) {
        return found([&](Findings& all) { examine_certificates(json::parse(text).as_array(), noon, all); }).at(0);
    };
    EXPECT_EQ(
        one(R"([{"whose": "node", "state": "ok", "not_before": "2026-02-01T00:00:00Z", "not_after": "2026-04-01T00:00:00Z"}])")
            .health,
        Health::ok);
    const auto early =
        one(R"([{"whose": "node", "state": "ok", "not_before": "2026-03-01T12:00:01Z", "not_after": "2026-04-01T00:00:00Z"}])");
    EXPECT_EQ(early.health, Health::problem);
    EXPECT_THAT(early.remedy, HasSubstr("clock"));
    const auto missing = one(
        R"([{"whose": "workload", "name": "web", "state": "missing", "not_before": "", "not_after": "", "problem": "no file"}])");
    EXPECT_EQ(missing.check, "certificate workload web");
    EXPECT_EQ(missing.what, "missing: no file");
    for (const auto* const state : {"expiring", "expired", "failing"})
        EXPECT_EQ(one((R"([{"whose": "node", "state": ")" + std::string(state) + R"(", "not_before": "2026-02-01T00:00:00Z"}])")
                          .c_str())
                      .health,
                  Health::problem);
}

TEST(Examination, LooksAtTheClock) {
    const auto health = [](ClockLook clock, bool needs) {
        return found([&](Findings& all) { examine_clock(clock, needs, all); }).at(0).health;
    };
    EXPECT_EQ(health({std::chrono::system_clock::from_time_t(3600), true}, false), Health::problem);
    EXPECT_EQ(health({noon.now, false}, true), Health::note);
    EXPECT_EQ(health({noon.now, false}, false), Health::ok);
    EXPECT_EQ(health(noon, true), Health::ok);
}

TEST(Examination, TellsHowRegistriesStandAndHowOldTheyAre) {
    const auto one = [](const char* text) {
        return found([&](Findings& all) { examine_registries(json::parse(text).as_array(), noon, all); });
    };
    const auto failing = one(
        R"([{"name": "dc1", "state": "failing", "error": "denied", "since": "2026-03-01T11:00:00Z", "last_answer_unix": 1772366340}])");
    EXPECT_EQ(failing.at(0).check, "registry dc1");
    EXPECT_EQ(failing.at(0).health, Health::problem);
    EXPECT_EQ(failing.at(0).what, "failing, since 2026-03-01T11:00:00Z: denied; its last answer is 60 s old");
    EXPECT_EQ(one(R"([{"name": "dc1", "state": "connecting"}])").at(0).health, Health::note);
    EXPECT_EQ(one(R"([{"name": "dc1", "state": "ok"}, 7])").size(), 1U);
    EXPECT_EQ(one(R"([{"name": "dc1", "state": "ok", "held_count": 2}])").at(1).health, Health::note);
}

TEST(Examination, NamesWhoElseIsAtTheHooks) {
    const std::vector<kernel::HookProgram> others{{77, "cil_sock4_connec", "cgroup/connect4", "/sys/fs/cgroup", "beside others"}};
    const auto findings = found([&](Findings& all) { examine_hooks(others, all); });
    EXPECT_EQ(findings.at(0).health, Health::note);
    EXPECT_EQ(findings.at(0).what, "program 'cil_sock4_connec' (id 77) is at cgroup/connect4 of /sys/fs/cgroup, beside others");
    EXPECT_EQ(found([](Findings& all) { examine_hooks(std::vector<kernel::HookProgram>{}, all); }).at(0).health, Health::ok);
    const std::vector<kernel::HookProgram> at_device{{78, "cil_from_netdev", "tcx/ingress", "eth0", "before ours"}};
    const auto of_device = found([&](Findings& all) { examine_device_programs(at_device, all); });
    EXPECT_EQ(of_device.at(0).what, "program 'cil_from_netdev' (id 78) is at tcx/ingress of eth0, before ours");
    EXPECT_EQ(found([](Findings& all) { examine_device_programs(std::vector<kernel::HookProgram>{}, all); }).at(0).health,
              Health::ok);
    EXPECT_EQ(found([](Findings& all) {
                  examine_hooks(base::fail({"open cgroup", "/x", 2, "", ""}), all);
              })
                  .at(0)
                  .health,
              Health::unknown);
}

TEST(Examination, WarnsOfFullMapsButNotOfThoseThatAlwaysAre) {
    const auto fill = [](const char* name, std::int64_t entries, std::uint32_t most) {
        MapFill one;
        one.info.name = name;
        one.info.max_entries = most;
        one.entries = entries;
        return one;
    };
    const auto health = [](std::vector<MapFill> fills) {
        return found([&](Findings& all) { examine_maps(fills, all); }).at(0).health;
    };
    EXPECT_EQ(health({fill("md_services", 89, 100), fill("md_reasons", 40, 40), fill("md_meta", 1, 1), fill("md_flows", -1, 10)}),
              Health::ok);
    EXPECT_EQ(health({fill("md_services", 90, 100)}), Health::problem);
}

TEST(Examination, CountsDriftOfTheLastDay) {
    const auto health = [](std::optional<std::chrono::system_clock::time_point> last) {
        return found([&](Findings& all) { examine_drift(last, 2, noon, all); }).at(0).health;
    };
    EXPECT_EQ(health(std::nullopt), Health::ok);
    EXPECT_EQ(health(noon.now - 23h), Health::note);
    EXPECT_EQ(health(noon.now - 25h), Health::ok);
}

TEST(Examination, HasWhatIsDegradedAndCountsIt) {
    Degradations degradations;
    degradations.set("worker", "not running", "see the log");
    auto findings = found([&](Findings& all) { examine_degradations(degradations, all); });
    examine_bpffs("/bpf", false, std::vector{7}, findings);
    examine_configuration(base::fail({"accept", "meshd.yaml:1:1", 0, "no", ""}), findings);
    examine_group("meshd", false, findings);
    const auto answer = to_json(findings);
    EXPECT_EQ(answer.at("problems").as_int64(), 5);
    EXPECT_EQ(answer.at("notes").as_int64(), 0);
    for (const auto& row : answer.at("checks").as_array())
        if (row.at("state").as_string() == "problem") {
            EXPECT_NE(row.at("remedy").as_string(), "");
        }
}

TEST(Examination, NotesWhatIsKeptOfAnOlderVersion) {
    EXPECT_TRUE(found([](Findings& all) { examine_previous(std::nullopt, all); }).empty());
    const auto kept = found([](Findings& all) { examine_previous(1, all); });
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept[0].health, Health::note);
    EXPECT_NE(kept[0].remedy.find("--forget-previous"), std::string::npos);
}

}  // namespace
}  // namespace meshd::app
