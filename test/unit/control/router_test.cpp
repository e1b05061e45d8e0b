// SPDX-License-Identifier: Apache-2.0
#include "control/router.hpp"

#include <cerrno>

#include <gmock/gmock.h>

#include "fake_agent.hpp"
#include "model/service_json.hpp"

namespace meshd::control {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const http::Peer root{1, 0, 0, {}};
const http::Peer member{1, 1000, 1000, {901}};
const http::Peer stranger{1, 1001, 1001, {}};

class RouterTest : public testing::Test {
protected:
    http::Response ask(const std::string& method, const std::string& target, const std::string& body = {},
                       const std::optional<http::Peer>& peer = root) {
        auto parsed = http::parse_target(target);
        EXPECT_TRUE(parsed) << target;
        std::optional<http::Response> answer;
        router_.handle({method, parsed->path, parsed->query, {}, body, peer}, [&](http::Response response) {
            EXPECT_FALSE(answer);
            answer = std::move(response);
        });
        EXPECT_TRUE(answer);
        return answer.value_or(http::Response{});
    }
    http::Response get(const std::string& target) { return ask("GET", target); }

    static json::object object(const http::Response& response) { return json::parse(response.body).as_object(); }
    static std::string message(const http::Response& response) {
        return std::string(object(response).at("error").at("message").as_string());
    }
    static std::string remedy(const http::Response& response) {
        return std::string(object(response).at("error").at("remedy").as_string());
    }

    FakeAgent agent_;
    Router router_{agent_, Access{900, 901}};
};

struct Verb {
    const char* method;
    const char* target;
    const char* body;
    const char* call;
    bool changes;
};
std::ostream& operator<<(std::ostream& out, const Verb& row) { return out << row.method << " " << row.target; }

class Verbs : public RouterTest, public testing::WithParamInterface<Verb> {
protected:
    http::Response ask_as(const std::optional<http::Peer>& peer) {
        return ask(GetParam().method, GetParam().target, GetParam().body, peer);
    }
};

TEST_P(Verbs, AnswerRoot) {
    const auto response = ask_as(root);
    EXPECT_EQ(response.status, 200U) << response.body;
    EXPECT_EQ(response.content_type, "application/json");
    EXPECT_FALSE(object(response).contains("error"));
    EXPECT_THAT(agent_.calls, ElementsAre(GetParam().call));
}

TEST_P(Verbs, AnswerAMemberOfTheGroupUnlessTheyChangeSomething) {
    const auto response = ask_as(member);
    EXPECT_EQ(response.status, GetParam().changes ? 403U : 200U);
    EXPECT_EQ(agent_.calls.empty(), GetParam().changes);
}

TEST_P(Verbs, RefuseAStranger) {
    const auto response = ask_as(stranger);
    EXPECT_EQ(response.status, 403U);
    EXPECT_THAT(remedy(response), HasSubstr("group"));
    EXPECT_THAT(agent_.calls, IsEmpty());
}

TEST_P(Verbs, RefuseAPeerThatIsNotKnown) {
    EXPECT_EQ(ask_as(std::nullopt).status, 403U);
    EXPECT_THAT(agent_.calls, IsEmpty());
}

TEST_P(Verbs, SayWhichMethodTheyWant) {
    const auto response = ask("PATCH", GetParam().target);
    EXPECT_EQ(response.status, 405U);
    EXPECT_THAT(response.headers.at("Allow"), HasSubstr(GetParam().method));
    EXPECT_THAT(remedy(response), HasSubstr(GetParam().method));
    EXPECT_THAT(agent_.calls, IsEmpty());
}

TEST_P(Verbs, RefuseAQueryTheyDoNotKnow) {
    const std::string target = GetParam().target;
    const auto response =
        ask(GetParam().method, target + (target.find('?') == std::string::npos ? "?" : "&") + "colour=red", GetParam().body);
    EXPECT_EQ(response.status, 400U);
    EXPECT_THAT(message(response), HasSubstr("'colour'"));
    EXPECT_THAT(agent_.calls, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Table, Verbs,
    testing::Values(Verb{"GET", "/v1/version", "", "version", false},  //
                    Verb{"GET", "/v1/status", "", "status", false}, Verb{"GET", "/v1/services", "", "services", false},
                    Verb{"GET", "/v1/services/web", "", "service web", false},
                    Verb{"GET", "/v1/services/shop/web", "", "service shop/web", false},
                    Verb{"GET", "/v1/services/shop%2Fweb", "", "service shop/web", false},
                    Verb{"GET", "/v1/backends", "", "backends", false}, Verb{"GET", "/v1/drift", "", "drift", false},  //
                    Verb{"GET", "/v1/maps", "", "maps", false}, Verb{"GET", "/v1/devices", "", "devices", false},
                    Verb{"GET", "/v1/registries", "", "registries", false},
                    Verb{"POST", "/v1/registries/sync", R"({"registry":"dc1"})", "sync_registry", true},
                    Verb{"GET", "/v1/announcements", "", "announcements", false},
                    Verb{"GET", "/v1/certificates", "", "certificates", false}, Verb{"GET", "/v1/edge", "", "edge", false},
                    Verb{"GET", "/v1/identities", "", "identities", false},
                    Verb{"GET", "/v1/identities?pid=7", "", "identities", false},
                    Verb{"POST", "/v1/announcements/drain", R"({"name":"web"})", "drain_announcement", true},
                    Verb{"POST", "/v1/announcements/ready", R"({"name":"web"})", "ready_announcement", true},
                    Verb{"GET", "/v1/explain?destination=10.96.0.10:80", "", "explain", false},
                    Verb{"GET", "/v1/policy", "", "policy", false},
                    Verb{"GET", "/v1/policy/check?from=any&to=web", "", "policy_check", false},
                    Verb{"POST", "/v1/tls/check", R"({"service":"web"})", "check_tls", false},
                    Verb{"POST", "/v1/worker/replace", "", "replace_worker", true},
                    Verb{"POST", "/v1/plan", R"({"services":[],"complete":false})", "plan", false},
                    Verb{"POST", "/v1/reconcile", "", "reconcile", true},
                    Verb{"GET", "/v1/acceleration", "", "acceleration", false},
                    Verb{"GET", "/v1/acceleration/top", "", "acceleration_top", false},
                    Verb{"POST", "/v1/acceleration/pause", "{}", "pause_acceleration", true},
                    Verb{"POST", "/v1/acceleration/resume", "{}", "resume_acceleration", true},
                    Verb{"POST", "/v1/acceleration/selftest", "{}", "selftest_acceleration", true},
                    Verb{"GET", "/v1/flows", "", "flows", false}, Verb{"GET", "/v1/flows/watch", "", "watch_flows", false},
                    Verb{"GET", "/v1/traffic", "", "traffic", false},
                    Verb{"DELETE", "/v1/connections?service=web", "", "flush_connections", true},
                    Verb{"GET", "/v1/events?service=web&limit=5", "", "events", false},
                    Verb{"GET", "/v1/events/watch?cursor=7", "", "watch_events", false},
                    Verb{"PUT", "/v1/backend-state", R"({"service":"web","backend":"10.0.0.1:80","state":"drain"})",
                         "set_backend_state", true},
                    Verb{"DELETE", "/v1/backend-state?service=web&backend=10.0.0.1:80", "", "reset_backend_state", true},
                    Verb{"PUT", "/v1/log-level", R"({"level":"debug"})", "set_log_level", true},
                    Verb{"GET", "/v1/log", "", "log_tail", true}, Verb{"GET", "/v1/features", "", "features", false},
                    Verb{"GET", "/v1/doctor", "", "examine", false}, Verb{"GET", "/v1/metrics", "", "metrics", false}));

TEST_F(RouterTest, ReadsWhichHandshakesAreWanted) {
    ask("POST", "/v1/tls/check", R"({"service":"shop/web","backend":"[fd00::1]:80","identity":"web","all":true})");
    EXPECT_EQ(agent_.checked_tls.service, "shop/web");
    EXPECT_EQ(agent_.checked_tls.backend, base::SocketAddress::parse("[fd00::1]:80"));
    EXPECT_EQ(agent_.checked_tls.identity, "web");
    EXPECT_TRUE(agent_.checked_tls.is_all);
    for (const auto* const body :
         {"{}", R"({"service":"a b"})", R"({"service":"web","backend":"10.0.0.1"})", R"({"service":"web","backend":7})",
          R"({"service":"web","identity":""})", R"({"service":"web","all":1})", R"({"service":"web","more":1})"})
        EXPECT_EQ(ask("POST", "/v1/tls/check", body).status, 400U) << body;
}

TEST_F(RouterTest, ShowsThePictureWhatOnlyReads) {
    const auto show = [&](const std::string& target) {
        const auto parsed = http::parse_target(target);
        std::optional<http::Response> answer;
        router_.show({"GET", parsed->path, parsed->query, {}, {}, std::nullopt},
                     [&](http::Response response) { answer = std::move(response); });
        EXPECT_TRUE(answer) << target;
        return answer.value_or(http::Response{});
    };
    for (const auto* const path : {"/v1/version", "/v1/status", "/v1/services", "/v1/backends", "/v1/events?limit=3",
                                   "/v1/traffic", "/v1/flows?service=web", "/v1/certificates", "/v1/registries"}) {
        const auto answer = show(path);
        EXPECT_EQ(answer.status, 200U) << path;
        EXPECT_EQ(answer.body, get(path).body);
    }
    agent_.calls.clear();
    EXPECT_EQ(show("/v1/flows?colour=red").status, 400U);
    EXPECT_EQ(show("/v1/status?colour=red").status, 400U);
    for (const auto* const path : {"/v1/maps", "/v1/identities", "/v1/reconcile", "/v1/backend-state", "/v1/log-level",
                                   "/v1/services/web", "/v1/events/watch", "/v1/connections", "/v1/nothing", ""}) {
        const http::Request request{"DELETE", path, {}, {}, {}, std::nullopt};
        std::optional<http::Response> answer;
        router_.show(request, [&](http::Response response) { answer = std::move(response); });
        EXPECT_EQ(answer->status, 404U) << path;
    }
    EXPECT_THAT(agent_.calls, IsEmpty());
}

TEST_F(RouterTest, SaysWhatThereIsWhenAPathIsUnknown) {
    for (const auto* path : {"/", "/v1", "/v1/", "/v2/status", "/v1/status/", "/v1/services/", "/v1/acceleration/"}) {
        const auto response = get(path);
        EXPECT_EQ(response.status, 404U) << path;
        EXPECT_THAT(remedy(response), HasSubstr("GET /v1/status"));
    }
}

TEST_F(RouterTest, SaysThatAServiceIsMissing) {
    const auto response = get("/v1/services/missing");
    EXPECT_EQ(response.status, 404U);
    EXPECT_EQ(message(response), "there is no service 'missing'");
}

TEST_F(RouterTest, SaysThatABackendIsMissing) {
    const auto response =
        ask("PUT", "/v1/backend-state", R"({"service":"missing","backend":"10.0.0.1:80","state":"maint","for_s":60})");
    EXPECT_EQ(response.status, 404U);
    EXPECT_EQ(message(response), "service 'missing' has no backend '10.0.0.1:80'");
    EXPECT_EQ(agent_.named.state, model::BackendState::maint);
    EXPECT_EQ(agent_.named.duration, std::chrono::seconds(60));
    EXPECT_EQ(ask("DELETE", "/v1/backend-state?service=missing&backend=[fd00::1]:80").status, 404U);
}

TEST_F(RouterTest, NamesEveryMethodOfAPath) { EXPECT_EQ(get("/v1/backend-state").headers.at("Allow"), "PUT, DELETE"); }

TEST_F(RouterTest, DoesNotAskForAServiceWhoseNameCannotBe) {
    EXPECT_EQ(get("/v1/services/-web").status, 404U);
    EXPECT_EQ(get("/v1/services/a%20b").status, 404U);
    EXPECT_THAT(agent_.calls, IsEmpty());
}

TEST_F(RouterTest, AnswersOnlyWithTextThatIsPrintable) {
    const auto response = get("/%ff%1b[31m");
    EXPECT_EQ(message(response), "there is nothing at '/??[31m'");
    EXPECT_LT(get("/" + std::string(10000, 'x')).body.size(), 1200U);
}

TEST_F(RouterTest, TurnsAnErrorOfTheAgentInto500WithItsRemedy) {
    agent_.error = base::Error{"read map", "md_backends", EPERM, {}, "run as root"};
    const auto response = get("/v1/backends");
    EXPECT_EQ(response.status, 500U);
    EXPECT_EQ(message(response), "cannot read map md_backends: Operation not permitted");
    EXPECT_EQ(remedy(response), "run as root");
    EXPECT_EQ(get("/v1/services/web").status, 500U);
}

TEST_F(RouterTest, TurnsBusyInto409) {
    agent_.error = base::Error{"reconcile", "", EBUSY, "a reconciliation is running", "try again"};
    EXPECT_EQ(ask("POST", "/v1/reconcile").status, 409U);
}

TEST_F(RouterTest, HandsOnWhatExplainAsks) {
    get("/v1/explain?destination=%5Bfd00::10%5D:53&protocol=udp&from=10.0.0.1");
    EXPECT_EQ(agent_.explained.destination.text(), "[fd00::10]:53");
    EXPECT_EQ(agent_.explained.protocol, base::Protocol::udp);
    EXPECT_EQ(agent_.explained.from->text(), "10.0.0.1");
    get("/v1/explain?destination=10.96.0.10:80");
    EXPECT_EQ(agent_.explained.protocol, base::Protocol::tcp);
    EXPECT_FALSE(agent_.explained.from);
}

TEST_F(RouterTest, HandsOnWhatPolicyCheckAsks) {
    get("/v1/policy/check?from=/shop.slice&to=shop/db&port=5432&protocol=udp");
    EXPECT_EQ(agent_.checked.from_workload, "/shop.slice");
    EXPECT_EQ(agent_.checked.to_service, "shop/db");
    EXPECT_EQ(agent_.checked.port, 5432);
    EXPECT_EQ(agent_.checked.protocol, base::Protocol::udp);
    get("/v1/policy/check?from=10.1.2.3&to=%5Bfd00::1%5D:53");
    EXPECT_EQ(agent_.checked.from_address->text(), "10.1.2.3");
    EXPECT_EQ(agent_.checked.to_address->text(), "fd00::1");
    EXPECT_EQ(agent_.checked.port, 53);
    for (const std::string query :
         {"", "?to=10.0.0.1", "?to=a%20b", "?to=web&from=shop", "?to=web&port=65536", "?to=web&protocol=icmp", "?to=web&x=1"})
        EXPECT_EQ(get("/v1/policy/check" + query).status, 400U) << query;
}

TEST_F(RouterTest, HandsOnWhatFlowsAsks) {
    get("/v1/flows?service=shop/"
        "web&backend=10.0.0.1:80&address=fd00::1&state=closing&source=server&min_age=60&sort=bytes&limit=7");
    EXPECT_EQ(agent_.asked.service, "shop/web");
    EXPECT_EQ(agent_.asked.backend->text(), "10.0.0.1:80");
    EXPECT_EQ(agent_.asked.address->text(), "[fd00::1]:0");
    EXPECT_EQ(agent_.asked.state, FlowState::closing);
    EXPECT_EQ(agent_.asked.source, FlowSource::server);
    EXPECT_EQ(agent_.asked.min_age, std::chrono::seconds(60));
    EXPECT_EQ(agent_.asked.sort, FlowSort::bytes);
    EXPECT_EQ(agent_.asked.limit, 7U);
    get("/v1/flows");
    EXPECT_FALSE(agent_.asked.service || agent_.asked.backend || agent_.asked.address || agent_.asked.state ||
                 agent_.asked.source);
    EXPECT_EQ(agent_.asked.limit, 100U);
}

TEST_F(RouterTest, RefusesWhatFlowsCannotBeAskedFor) {
    for (const auto* query : {"service=-x", "backend=web", "address=10.0.0.1:x", "state=open", "source=moon", "min_age=-1",
                              "sort=up", "limit=10001", "limit=1x"})
        EXPECT_EQ(get("/v1/flows?" + std::string(query)).status, 400U) << query;
    EXPECT_THAT(agent_.calls, IsEmpty());
}

TEST_F(RouterTest, HandsOnTheCursorOfAWatcher) {
    get("/v1/flows/watch?cursor=42");
    EXPECT_EQ(agent_.watched.cursor, 42U);
    get("/v1/flows/watch");
    EXPECT_FALSE(agent_.watched.cursor);
}

TEST_F(RouterTest, FlushesOnlyWhatIsNamed) {
    EXPECT_EQ(ask("DELETE", "/v1/connections").status, 400U);
    EXPECT_THAT(agent_.calls, IsEmpty());
    EXPECT_EQ(ask("DELETE", "/v1/connections?backend=10.0.0.1").status, 200U);
    EXPECT_EQ(agent_.asked.backend->text(), "10.0.0.1:0");
}

TEST_F(RouterTest, TurnsALateErrorOfTheAgentIntoAStatus) {
    agent_.error = base::Error{"read map", "md_flows", EPERM, {}, "run as root"};
    EXPECT_EQ(get("/v1/flows").status, 500U);
    agent_.error->code = EBUSY;
    EXPECT_EQ(get("/v1/traffic").status, 409U);
}

TEST_F(RouterTest, HandsOnWhatPlanAsks) {
    model::Service web;
    web.name = "web";
    web.addresses = {*base::IpAddress::parse("10.96.0.10")};
    web.ports.push_back({"", 80, base::Protocol::tcp, {{*base::SocketAddress::parse("10.0.0.1:8080"), 1, {}, {}}}});
    const json::object body{{"services", json::array{model::to_json(web)}}, {"complete", true}};
    EXPECT_EQ(ask("POST", "/v1/plan", json::serialize(body)).status, 200U);
    EXPECT_THAT(agent_.planned, ElementsAre(web));
    EXPECT_TRUE(agent_.is_complete);
    EXPECT_FALSE(agent_.is_of_files);
    EXPECT_THAT(agent_.asked_for, IsEmpty());
}

TEST_F(RouterTest, HandsOnWhatPlanAsksOfFiles) {
    const auto body =
        json::parse(R"({"of_files": true, "complete": false, "services": [{"name": "web", "addresses": ["10.96.0.10"],
        "when_no_backend": "refuse", "balancing": "random", "backends_from": "consul web",
        "ports": [{"port": 80, "protocol": "tcp", "backends": []}]}]})");
    EXPECT_EQ(ask("POST", "/v1/plan", json::serialize(body)).status, 200U);
    EXPECT_TRUE(agent_.is_of_files);
    EXPECT_THAT(agent_.asked_for, ElementsAre("web"));
}

TEST_F(RouterTest, AsksARegistryOrAllOfThem) {
    EXPECT_EQ(ask("POST", "/v1/registries/sync", R"({"registry":"dc1"})").status, 200U);
    EXPECT_EQ(agent_.synced, "dc1");
    EXPECT_EQ(ask("POST", "/v1/registries/sync", "{}").status, 200U);
    EXPECT_FALSE(agent_.synced);
    EXPECT_EQ(ask("POST", "/v1/registries/sync", R"({"registry":"missing"})").status, 404U);
    EXPECT_EQ(ask("POST", "/v1/registries/sync", R"({"registry":7})").status, 400U);
}

TEST_F(RouterTest, TellsWhoseIdentityAProcessHas) {
    EXPECT_EQ(object(ask("GET", "/v1/identities?pid=4711")).at("pid"), 4711);
    EXPECT_FALSE(object(ask("GET", "/v1/identities")).contains("pid"));
    for (const auto* const wrong : {"-1", "x", "", "4294967296"})
        EXPECT_EQ(ask("GET", std::string("/v1/identities?pid=") + wrong).status, 400U) << wrong;
}

TEST_F(RouterTest, DrainsAnnouncements) {
    EXPECT_EQ(object(ask("POST", "/v1/announcements/drain", R"({"name":"web"})")).at("verb"), "drain_announcement");
    EXPECT_EQ(object(ask("POST", "/v1/announcements/ready", R"({"name":"web"})")).at("verb"), "ready_announcement");
    EXPECT_EQ(ask("POST", "/v1/announcements/drain", R"({"name":"missing"})").status, 404U);
    EXPECT_EQ(ask("POST", "/v1/announcements/drain", R"({"name":7})").status, 400U);
    EXPECT_EQ(ask("POST", "/v1/announcements/drain", "{}").status, 400U);
}

TEST_F(RouterTest, SetsTheLogLevelForAWhileOrForGood) {
    const auto response = ask("PUT", "/v1/log-level", R"( {"level":"trace"} )");
    EXPECT_EQ(object(response).at("verb"), "set_log_level");
    EXPECT_EQ(agent_.level->level, config::LogLevel::trace);
    EXPECT_FALSE(agent_.level->duration);
    ask("PUT", "/v1/log-level", R"({"level":"debug","for_s":600})");
    EXPECT_EQ(agent_.level->duration, std::chrono::seconds(600));
}

TEST_F(RouterTest, HandsOnWhatPauseAsks) {
    EXPECT_EQ(ask("POST", "/v1/acceleration/pause", R"({"service":"shop/web","for_s":60})").status, 200U);
    EXPECT_EQ(agent_.paused->service, "shop/web");
    EXPECT_EQ(agent_.paused->duration, std::chrono::seconds(60));
    EXPECT_EQ(ask("POST", "/v1/acceleration/pause", "{}").status, 200U);
    EXPECT_FALSE(agent_.paused->service);
    EXPECT_FALSE(agent_.paused->duration);
}

TEST_F(RouterTest, TakesAPauseFromOneSecondToADay) {
    for (const auto seconds : {1, 86400}) {
        EXPECT_EQ(ask("POST", "/v1/acceleration/pause", R"({"for_s":)" + std::to_string(seconds) + "}").status, 200U);
        EXPECT_EQ(agent_.paused->duration, std::chrono::seconds(seconds));
    }
}

TEST_F(RouterTest, HandsOnWhatResumeAsks) {
    EXPECT_EQ(ask("POST", "/v1/acceleration/resume", R"({"service":"web"})").status, 200U);
    EXPECT_EQ(agent_.resumed, "web");
    EXPECT_EQ(ask("POST", "/v1/acceleration/resume", "{}").status, 200U);
    EXPECT_FALSE(agent_.resumed);
}

TEST_F(RouterTest, SaysThatAServiceToPauseOrResumeIsMissing) {
    for (const auto* path : {"/v1/acceleration/pause", "/v1/acceleration/resume"}) {
        const auto response = ask("POST", path, R"({"service":"missing"})");
        EXPECT_EQ(response.status, 404U) << path;
        EXPECT_EQ(message(response), "there is no service 'missing'");
        EXPECT_THAT(remedy(response), HasSubstr("GET /v1/services"));
    }
}

TEST_F(RouterTest, TurnsWhatAccelerationCannotDoNowInto409) {
    agent_.error = base::Error{"pause", "acceleration", EBUSY, "it is off", ""};
    for (const auto* path : {"/v1/acceleration/pause", "/v1/acceleration/resume", "/v1/acceleration/selftest"})
        EXPECT_EQ(ask("POST", path, "{}").status, 409U) << path;
    agent_.error->code = EPERM;
    EXPECT_EQ(get("/v1/acceleration/top").status, 500U);
}

TEST_F(RouterTest, TestsAccelerationWithoutABodyToo) {
    EXPECT_EQ(ask("POST", "/v1/acceleration/selftest").status, 200U);
    EXPECT_THAT(agent_.calls, ElementsAre("selftest_acceleration"));
}

struct BadQuestion {
    const char* method;
    const char* target;
    std::string body;
    const char* message;
};
std::ostream& operator<<(std::ostream& out, const BadQuestion& row) { return out << row.message; }

constexpr const char* service =
    R"({"name":"NAME","addresses":["10.96.0.10"],"balancing":"random","when_no_backend":"refuse","source":"",)"
    R"("ports":[{"name":"","port":80,"protocol":"tcp","backends":[]}]})";

std::string plan_of(const std::vector<std::string>& names) {
    std::string body = R"({"complete":true,"services":[)";
    for (const auto& name : names) {
        std::string text = service;
        text.replace(text.find("NAME"), 4, name);
        body += (name == names.front() && body.back() == '[' ? "" : ",") + text;
    }
    return body + "]}";
}

class BadQuestions : public RouterTest, public testing::WithParamInterface<BadQuestion> {};
TEST_P(BadQuestions, AreRefusedWithAReason) {
    const auto& row = GetParam();
    const auto response = ask(row.method, row.target, row.body);
    EXPECT_EQ(response.status, 400U);
    EXPECT_THAT(message(response), HasSubstr(row.message));
    EXPECT_THAT(agent_.calls, IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(
    Table, BadQuestions,
    testing::Values(
        BadQuestion{"GET", "/v1/explain", "", "destination is missing"},
        BadQuestion{"GET", "/v1/explain?destination=web:80", "", "the destination 'web:80'"},
        BadQuestion{"GET", "/v1/explain?destination=10.0.0.1", "", "no address and port"},
        BadQuestion{"GET", "/v1/explain?destination=10.0.0.1:0", "", "no address and port"},
        BadQuestion{"GET", "/v1/explain?destination=10.0.0.1:65536", "", "no address and port"},
        BadQuestion{"GET", "/v1/explain?destination=10.0.0.1:80&protocol=sctp", "", "neither tcp nor udp"},
        BadQuestion{"GET", "/v1/explain?destination=10.0.0.1:80&protocol=TCP", "", "neither tcp nor udp"},
        BadQuestion{"GET", "/v1/explain?destination=10.0.0.1:80&from=here", "", "the address 'here' of from"},
        BadQuestion{"POST", "/v1/plan", "", "it is not JSON"},  //
        BadQuestion{"POST", "/v1/plan", "{", "it is not JSON"}, BadQuestion{"POST", "/v1/plan", "[]", "not a JSON object"},
        BadQuestion{"POST", "/v1/plan", "{} {}", "it is not JSON"},
        BadQuestion{"POST", "/v1/plan", std::string(100000, '['), "it is not JSON"},
        BadQuestion{"POST", "/v1/plan", R"({"complete":true})", "services is no array"},
        BadQuestion{"POST", "/v1/plan", R"({"services":{},"complete":true})", "services is no array"},
        BadQuestion{"POST", "/v1/plan", R"({"services":[]})", "complete is neither true nor false"},
        BadQuestion{"POST", "/v1/plan", R"({"services":[],"complete":1})", "complete is neither true nor false"},
        BadQuestion{"POST", "/v1/plan", R"({"services":[],"complete":true,"dry":true})", "the member 'dry'"},
        BadQuestion{"POST", "/v1/plan", R"({"services":[],"complete":true,"of_files":1})", "of_files is neither true nor false"},
        BadQuestion{"POST", "/v1/plan", R"({"services":[7],"complete":true})", "services[0]"},
        BadQuestion{"POST", "/v1/plan", plan_of({"web", "-web"}), "services[1], 'name': expected a service name"},
        BadQuestion{"POST", "/v1/plan", plan_of({"web", "web"}), "service 'web': it is there twice"},
        BadQuestion{"POST", "/v1/plan", plan_of({"web", "shop"}), "service 'web' has the address 10.96.0.10:80/tcp too"},
        BadQuestion{"POST", "/v1/acceleration/pause", "", "it is not JSON"},
        BadQuestion{"POST", "/v1/acceleration/pause", "[]", "not a JSON object"},
        BadQuestion{"POST", "/v1/acceleration/pause", R"({"for":60})", "the member 'for'"},
        BadQuestion{"POST", "/v1/acceleration/pause", R"({"service":null})", "service is no text"},
        BadQuestion{"POST", "/v1/acceleration/pause", R"({"service":""})", "the service ''"},
        BadQuestion{"POST", "/v1/acceleration/pause", R"({"service":"-web"})", "the service '-web': it is no name"},
        BadQuestion{"POST", "/v1/acceleration/pause", R"({"for_s":0})", "for_s is no whole number from 1 to 86400"},
        BadQuestion{"POST", "/v1/acceleration/pause", R"({"for_s":-1})", "for_s is no whole number"},
        BadQuestion{"POST", "/v1/acceleration/pause", R"({"for_s":86401})", "for_s is no whole number"},
        BadQuestion{"POST", "/v1/acceleration/pause", R"({"for_s":18446744073709551615})", "for_s is no whole number"},
        BadQuestion{"POST", "/v1/acceleration/pause", R"({"for_s":1.5})", "for_s is no whole number"},
        BadQuestion{"POST", "/v1/acceleration/pause", R"({"for_s":"60s"})", "for_s is no whole number"},
        BadQuestion{"POST", "/v1/acceleration/pause", R"({"for_s":null})", "for_s is no whole number"},
        BadQuestion{"POST", "/v1/acceleration/resume", "", "it is not JSON"},
        BadQuestion{"POST", "/v1/acceleration/resume", R"({"for_s":60})", "the member 'for_s'"},
        BadQuestion{"POST", "/v1/acceleration/resume", R"({"service":7})", "service is no text"},
        BadQuestion{"POST", "/v1/acceleration/resume", R"({"service":"a b"})", "the service 'a b'"},
        BadQuestion{"POST", "/v1/acceleration/selftest", "x", "it is not JSON"},
        BadQuestion{"POST", "/v1/acceleration/selftest", R"({"checks":[]})", "the member 'checks'"},
        BadQuestion{"GET", "/v1/events?limit=5000", "", "the limit '5000'"},
        BadQuestion{"GET", "/v1/events/watch?cursor=-1", "", "the cursor '-1'"},
        BadQuestion{"PUT", "/v1/backend-state", "{}", "the service ''"},
        BadQuestion{"PUT", "/v1/backend-state", R"({"service":"web","backend":"10.0.0.1","state":"drain"})",
                    "the backend '10.0.0.1': it is no address and port"},
        BadQuestion{"PUT", "/v1/backend-state", R"({"service":"web","backend":"10.0.0.1:80","state":"unhealthy"})",
                    "the state 'unhealthy'"},
        BadQuestion{"PUT", "/v1/backend-state", R"({"service":"web","backend":"10.0.0.1:80","state":"drain","for_s":0})",
                    "for_s is no whole number from 1 to 2592000"},
        BadQuestion{"DELETE", "/v1/backend-state?service=web", "", "service or backend is missing"},
        BadQuestion{"PUT", "/v1/log-level", "", "it is not JSON"}, BadQuestion{"PUT", "/v1/log-level", "{}", "level is no text"},
        BadQuestion{"PUT", "/v1/log-level", R"({"level":3})", "level is no text"},
        BadQuestion{"PUT", "/v1/log-level", R"({"level":"info","for_s":0})", "from 1 to 86400"},
        BadQuestion{"PUT", "/v1/log-level", R"({"level":"loud"})", "the log level 'loud'"}));

}  // namespace
}  // namespace meshd::control
