// SPDX-License-Identifier: Apache-2.0
#include "cli.hpp"

#include <cerrno>

#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "config/schema.hpp"
#include "fake_server.hpp"

namespace meshd::meshctl {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

struct WrongUsage {
    std::vector<std::string> arguments;
    std::string message;
    std::string see;
};
std::ostream& operator<<(std::ostream& out, const WrongUsage& row) {
    for (const auto& argument : row.arguments) out << argument << " ";
    return out;
}

class Usage : public testing::TestWithParam<WrongUsage> {};
TEST_P(Usage, IsToldWithoutAskingTheAgent) {
    FakeServer server(Answers{});
    const auto outcome = run_meshctl(server.socket(), GetParam().arguments);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(outcome.err, HasSubstr(GetParam().message));
    EXPECT_THAT(outcome.err, HasSubstr("see `meshctl" + GetParam().see + " --help`"));
    EXPECT_THAT(server.requests(), IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(
    Table, Usage,
    testing::Values(
        WrongUsage{{}, "known are status, service,", ""}, WrongUsage{{"frobnicate"}, "no command 'frobnicate'", ""},
        WrongUsage{{"stat"}, "no command 'stat'", ""}, WrongUsage{{"status", "now"}, "now", " status"},
        WrongUsage{{"status", "--colour"}, "--colour", " status"},
        WrongUsage{{"status", "-o", "xml"}, "xml not in {table,wide,json,yaml}", " status"},
        WrongUsage{{"status", "-o"}, "--output: 1 required", " status"},
        WrongUsage{{"service"}, "known are list, show", " service"},
        WrongUsage{{"service", "shw"}, "`meshctl service` has no command 'shw'", " service"},
        WrongUsage{{"service", "show"}, "NAME is required", " service show"},
        WrongUsage{{"backend", "list", "--service"}, "--service", " backend list"},
        WrongUsage{{"acceleration"}, "known are status, selftest, pause, resume, top", " acceleration"},
        WrongUsage{{"acceleration", "pause", "web"}, "web", " acceleration pause"},
        WrongUsage{{"acceleration", "pause", "--for", "60"}, "'60' is no time from 1s to 24h", " acceleration pause"},
        WrongUsage{{"acceleration", "pause", "--for", "0s"}, "'0s' is no time from 1s to 24h", " acceleration pause"},
        WrongUsage{{"acceleration", "pause", "--for", "25h"}, "'25h' is no time from 1s to 24h", " acceleration pause"},
        WrongUsage{{"acceleration", "pause", "--for", "1.5h"}, "'1.5h' is no time from 1s to 24h", " acceleration pause"},
        WrongUsage{{"acceleration", "pause", "--for", "2d"}, "'2d' is no time from 1s to 24h", " acceleration pause"},
        WrongUsage{{"acceleration", "pause", "--for", "-1s"}, "'-1s' is no time from 1s to 24h", " acceleration pause"},
        WrongUsage{{"acceleration", "pause", "--for", "m"}, "'m' is no time", " acceleration pause"},
        WrongUsage{{"acceleration", "pause", "--for", "2147483647h"}, "is no time", " acceleration pause"},
        WrongUsage{{"acceleration", "pause", "--for", "2147483648h"}, "is no time", " acceleration pause"},
        WrongUsage{{"acceleration", "pause", "--service", ""}, "'' is no name of a service", " acceleration pause"},
        WrongUsage{{"acceleration", "resume", "--service="}, "--service", " acceleration resume"},
        WrongUsage{{"acceleration", "resume", "--service", "a b"}, "'a b' is no name", " acceleration resume"},
        WrongUsage{{"acceleration", "resume", "--for", "1s"}, "--for", " acceleration resume"},
        WrongUsage{{"acceleration", "top", "--service"}, "--service", " acceleration top"},
        WrongUsage{{"config", "check"}, "FILE is required", " config check"},
        WrongUsage{{"config", "schema", "all"}, "all not in {settings,registry}", " config schema"},
        WrongUsage{{"explain"}, "DESTINATION is required", " explain"},
        WrongUsage{{"explain", "10.0.0.1"}, "'10.0.0.1' is no address and port", " explain"},
        WrongUsage{{"explain", "10.0.0.1:0"}, "'10.0.0.1:0' is no address and port", " explain"},
        WrongUsage{{"explain", "web:80"}, "'web:80' is no address and port", " explain"},
        WrongUsage{{"explain", "10.0.0.1:1", "--from", "x"}, "'x' is no IP address", " explain"},
        WrongUsage{{"explain", "10.0.0.1:1", "--protocol", "sctp"}, "sctp not in {tcp,udp}", " explain"},
        WrongUsage{{"log", "level", "--for", "10m"}, "--for requires LEVEL", " log level"},
        WrongUsage{{"log", "level", "loud"}, "'loud' is no log level", " log level"}));

TEST(Cli, PrintsAnErrorOfUsageAsJsonToo) {
    const auto outcome = run_meshctl({"status", "--colour", "-o", "json"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, IsEmpty());
    EXPECT_TRUE(json::parse(outcome.out).at("error").as_object().contains("remedy"));
}

TEST(Cli, TellsItsVersion) {
    const auto outcome = run_meshctl({"--version"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, StartsWith("meshctl "));
}

TEST(Cli, TakesGlobalOptionsBeforeAndBehindTheVerb) {
    FakeServer server(Answers{{"GET /v1/version", {"version"}}});
    EXPECT_EQ(run_meshctl({"-o", "json", "--socket", server.socket(), "version"}).code, 0);
    EXPECT_EQ(run_meshctl({"version", "--socket=" + server.socket(), "-ojson"}).code, 0);
}

TEST(Cli, TakesTheSocketFromTheEnvironment) {
    FakeServer server(Answers{{"GET /v1/maps", {"maps"}}});
    ::setenv("MESHD_SOCKET", server.socket().c_str(), 1);
    EXPECT_EQ(run_meshctl({"map", "list"}).code, 0);
    ::unsetenv("MESHD_SOCKET");
}

TEST(Cli, SaysWhatToDoWithoutAnAgent) {
    const auto missing = run_meshctl("/nonexistent/s", {"map", "list"});
    EXPECT_EQ(missing.code, 3);
    EXPECT_THAT(missing.err, HasSubstr("systemctl start meshd"));

    const http::TemporaryDirectory directory;
    std::ofstream(directory.file("plain")) << "no socket";
    EXPECT_EQ(run_meshctl(directory.file("plain"), {"map", "list"}).code, 3);
    EXPECT_EQ(run_meshctl("/" + std::string(200, 'x'), {"map", "list"}).code, 3);
}

TEST(Cli, PrintsItsOwnVersionWithoutAnAgent) {
    const auto outcome = run_meshctl("/nonexistent/s", {"version", "-o", "json"});
    EXPECT_EQ(outcome.code, 3);
    const auto value = json::parse(outcome.out);
    EXPECT_TRUE(value.at("meshd").is_null());
    EXPECT_TRUE(value.at("meshctl").as_object().contains("version"));
}

// A server that answers anything with the same bytes.
struct Stubborn {
    explicit Stubborn(std::string body, unsigned status = 200)
        : server(http::UnixSocket{directory.file("s"), 0660, {}, {}}, http::answer_at_once([=](const http::Request&) {
                     return http::Response{status, body, "text/plain", {}};
                 })) {}
    http::TemporaryDirectory directory;
    http::ServerThread server;
};

TEST(Cli, FailsOnAnAnswerThatIsNoObject) {
    for (const auto* body : {"", "hello", "[]", "{"}) {
        const Stubborn agent(body);
        const auto outcome = run_meshctl(agent.directory.file("s"), {"status"});
        EXPECT_EQ(outcome.code, 1);
        EXPECT_THAT(outcome.err, HasSubstr("same version"));
    }
}

TEST(Cli, ShowsTheReasonOfAnHttpServerThatRefuses) {
    const Stubborn agent("the body is longer than 10 bytes\n", 413);
    EXPECT_THAT(run_meshctl(agent.directory.file("s"), {"status"}).err,
                HasSubstr("status 413: the body is longer than 10 bytes\n"));
}

// An agent of another version may leave out or change anything.
class OddAnswers : public testing::TestWithParam<const char*> {};
TEST_P(OddAnswers, AreShownAsFarAsTheyGo) {
    const Stubborn agent(GetParam());
    for (const std::vector<std::string>& command : {std::vector<std::string>{"status"},
                                                    {"service", "list"},
                                                    {"service", "show", "a"},
                                                    {"backend", "list"},
                                                    {"acceleration", "status"},
                                                    {"acceleration", "selftest"},
                                                    {"acceleration", "pause"},
                                                    {"acceleration", "resume"},
                                                    {"acceleration", "top"},
                                                    {"drift"},
                                                    {"drift", "--repair"},
                                                    {"map", "list"},
                                                    {"explain", "10.0.0.1:1"},
                                                    {"log", "level", "info"},
                                                    {"version"},
                                                    {"config", "diff", golden_path("config/good/services.d")}}) {
        for (const auto* format : {"wide", "json"}) {
            auto arguments = command;
            arguments.insert(arguments.end(), {"-o", format});
            EXPECT_NE(run_meshctl(agent.directory.file("s"), arguments).out, "") << command.front();
        }
    }
}
INSTANTIATE_TEST_SUITE_P(
    Table, OddAnswers,
    testing::Values(
        "{}",
        R"({"services":1,"backends":"x","maps":{},"operations":true,"errors":2,"last":[],"service":[],"candidates":0,"state":{},)"
        R"("selftest":1,"exclude":{},"pairs":"x","acceleration":[],"paused_until":5,"mode":{},"worker":3,"registry":[],"programs":{},"degraded":"x","events":[],"chosen":7,"error":{}})",
        R"({"services":[1,{"ports":[2,{"backends":[3,{"weight":"x"}]}]}],"backends":[[],{}],"maps":[null,{"max_entries":-1}],)"
        R"("operations":[0,{}],"errors":[0,{}],"service":{"ports":[2,{"backends":[3,{}]}]},"candidates":[4,{}],)"
        R"("selftest":{"checks":[1,{}]},"exclude":[3,{}],"pairs":[4,{}],"acceleration":{"mode":7},)"
        R"("registry":{"sources":[5,{}]},"programs":[6],"degraded":[7,{}],"last":{"operations":[8]},"chosen":{},)"
        R"("uptime_s":1e300})"));

TEST(Cli, LetsNoControlCharacterThrough) {
    const Stubborn agent(R"({"maps":[{"name":"a\u001b[2Jb"}]})");
    const auto outcome = run_meshctl(agent.directory.file("s"), {"map", "list"});
    EXPECT_THAT(outcome.out, HasSubstr("a?[2Jb"));
}

TEST(ConfigDiff, SendsTheServicesOfTheAgentsOwnDirectory) {
    FakeServer server(Answers{{"POST /v1/plan", {"plan_nothing"}}});
    EXPECT_EQ(run_meshctl(server.socket(), {"config", "diff", golden_path("config/good/services.d"), "--partial"}).code, 0);
    const auto requests = server.requests();
    ASSERT_EQ(requests.size(), 1U);
    const auto body = json::parse(requests.front().body).as_object();
    EXPECT_FALSE(body.at("complete").as_bool());
    const auto& services = body.at("services").as_array();
    ASSERT_EQ(services.size(), 3U);
    EXPECT_EQ(services[0].at("name"), "dns");
    EXPECT_EQ(services[0].at("source"), json::string("file:" + golden_path("config/good/services.d/dns.yaml")));
}

TEST(ConfigDiff, TellsWhichServicesAskForTheirBackends) {
    const http::TemporaryDirectory directory;
    const auto file = directory.file("web.yaml");
    std::ofstream(file) << "services: [{name: web, address: 10.96.0.10, port: 80, backends_from: {dns: web.example}}]";
    FakeServer server(Answers{{"POST /v1/plan", {"plan_nothing"}}});
    EXPECT_EQ(run_meshctl(server.socket(), {"config", "diff", file}).code, 0);
    const auto body = json::parse(server.requests().front().body).as_object();
    EXPECT_TRUE(body.at("of_files").as_bool());
    EXPECT_EQ(body.at("services").at(0).at("backends_from"), "dns web.example");
}

TEST(ConfigDiff, AsksTheAgentForItsDirectory) {
    const http::TemporaryDirectory directory;
    std::ofstream(directory.file("web.yaml")) << read_file(golden_path("config/good/services.d/web.yaml"));
    std::string planned;
    const http::ServerThread server(http::UnixSocket{directory.file("s"), 0660, {}, {}},
                                    http::answer_at_once([&](const http::Request& request) -> http::Response {
                                        if (request.path != "/v1/status") planned = request.body;
                                        const json::object registry{{"directory", directory.file("")}};
                                        const json::object status{{"registry", registry}, {"operations", json::array{}}};
                                        return {200, json::serialize(status), "application/json", {}};
                                    }));
    EXPECT_EQ(run_meshctl(directory.file("s"), {"config", "diff"}).code, 0);
    EXPECT_TRUE(json::parse(planned).at("complete").as_bool());
    EXPECT_EQ(json::parse(planned).at("services").as_array().size(), 2U);
}

TEST(ConfigDiff, DoesNotTakeTheAgentsOwnConfiguration) {
    FakeServer server(Answers{{"POST /v1/plan", {"plan"}}});
    const auto outcome = run_meshctl(server.socket(), {"config", "diff", golden_path("config/good/meshd.yaml")});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("has no services"));
}

TEST(ConfigSchema, IsTheLibrarysOwn) {
    EXPECT_EQ(run_meshctl({"config", "schema"}).out, config::settings_schema());
    EXPECT_EQ(run_meshctl({"config", "schema", "registry"}).out, config::registry_schema());
    const auto as_json = json::parse(run_meshctl({"config", "schema", "registry", "-o", "json"}).out);
    EXPECT_EQ(as_json, json::parse(std::string(config::registry_schema())));
}

TEST(Explain, AsksWhatWasAsked) {
    FakeServer server(Answers{{"GET /v1/explain", {"explain"}}});
    run_meshctl(server.socket(), {"explain", "[fd00::10]:53", "--protocol", "udp", "--from", "fd00::7"});
    const auto query = server.requests().front().query;
    EXPECT_EQ(query.at("destination"), "[fd00::10]:53");
    EXPECT_EQ(query.at("protocol"), "udp");
    EXPECT_EQ(query.at("from"), "fd00::7");
}

// The body of the one request that this command makes.
json::value body_of(const std::vector<std::string>& command) {
    FakeServer server(Answers{{"POST /v1/acceleration/pause", {"acceleration_pause_node"}},
                              {"POST /v1/acceleration/resume", {"acceleration_resume"}},
                              {"POST /v1/acceleration/selftest", {"acceleration_selftest"}}});
    EXPECT_EQ(run_meshctl(server.socket(), command).code, 0);
    return json::parse(server.requests().front().body);
}

TEST(Acceleration, SendsOnlyWhatWasSaid) {
    EXPECT_EQ(body_of({"acceleration", "pause"}), json::parse("{}"));
    EXPECT_EQ(body_of({"acceleration", "pause", "--service", "shop/web"}), json::parse(R"({"service":"shop/web"})"));
    EXPECT_EQ(body_of({"acceleration", "pause", "--for", "60s"}), json::parse(R"({"for_s":60})"));
    EXPECT_EQ(body_of({"acceleration", "pause", "--for=5m"}), json::parse(R"({"for_s":300})"));
    EXPECT_EQ(body_of({"acceleration", "pause", "--for", "24h"}), json::parse(R"({"for_s":86400})"));
    EXPECT_EQ(body_of({"acceleration", "resume"}), json::parse("{}"));
    EXPECT_EQ(body_of({"acceleration", "resume", "--service", "web"}), json::parse(R"({"service":"web"})"));
    EXPECT_EQ(body_of({"acceleration", "selftest"}), json::parse("{}"));
}

TEST(AccelerationTop, ShowsWhatTookTheShortWayMostFirst) {
    FakeServer server(Answers{{"GET /v1/acceleration/top", {"acceleration_top"}}});
    const auto value = json::parse(run_meshctl(server.socket(), {"acceleration", "top", "-o", "json"}).out);
    const auto column = [&](const char* table, const char* member) {
        std::vector<json::value> cells;
        for (const auto& row : value.at(table).as_array()) cells.push_back(row.at(member));
        return cells;
    };
    EXPECT_THAT(column("services", "service"), testing::ElementsAre("shop/web", "dns", ""));
    EXPECT_THAT(column("pairs", "bytes_short"), testing::ElementsAre(2097152, 1048576, 0));
}

TEST(AccelerationTop, TellsAnUnknownServiceFromOneThatNobodyUsed) {
    FakeServer server(Answers{{"GET /v1/acceleration/top", {"acceleration_top"}}, {"GET /v1/services/idle", {"service_idle"}}});
    const auto unused = run_meshctl(server.socket(), {"acceleration", "top", "--service", "idle"});
    EXPECT_EQ(unused.code, 0);
    EXPECT_EQ(unused.out, "nothing has been counted yet\n");
    EXPECT_EQ(run_meshctl(server.socket(), {"acceleration", "top", "--service", "nowhere"}).code, 1);
}

TEST(AccelerationSelftest, HasNotPassedWhenNothingWasChecked) {
    const Stubborn agent(R"({"mode":"off","selftest":{"checks":[]}})");
    EXPECT_EQ(run_meshctl(agent.directory.file("s"), {"acceleration", "selftest"}).code, 4);
}

TEST(AccelerationStatus, TellsAPauseWithoutAnEnd) {
    const Stubborn agent(R"({"mode":"on","paused":true,"paused_until":""})");
    EXPECT_THAT(run_meshctl(agent.directory.file("s"), {"acceleration", "status"}).out,
                HasSubstr("paused until it is resumed: every byte goes by TCP\n"));
}

TEST(BackendList, TellsAnUnknownServiceFromOneWithoutBackends) {
    FakeServer server(Answers{{"GET /v1/backends", {"backends"}}, {"GET /v1/services/idle", {"service_idle"}}});
    const auto none = run_meshctl(server.socket(), {"backend", "list", "--service", "idle"});
    EXPECT_EQ(none.code, 0);
    EXPECT_EQ(none.out, "no backends\n");
    EXPECT_EQ(run_meshctl(server.socket(), {"backend", "list", "--service", "nowhere"}).code, 1);
}

}  // namespace
}  // namespace meshd::meshctl
