// SPDX-License-Identifier: Apache-2.0
#include "channel/messages.hpp"

#include <gtest/gtest.h>

#include "frames.hpp"

namespace meshd::channel {
namespace {

template <typename T>
T decoded(const boost::json::object& json) {
    auto message = decode(json);
    EXPECT_TRUE(message) << message.error().message();
    if (!message || !std::holds_alternative<T>(*message)) {
        ADD_FAILURE() << "another message than was expected";
        return {};
    }
    return std::get<T>(std::move(*message));
}

constexpr const char* web = R"({"name":"web","addresses":["10.96.0.10"],"balancing":"random","when_no_backend":"refuse",
    "ports":[{"port":80,"protocol":"tcp","backends":[{"address":"10.0.0.1","port":8080,"weight":1,"state":"ready"}]}]})";

TEST(Messages, GoThereAndBack) {
    const auto hello = decoded<Hello>(encode(Hello{"0.1.0", 4711}));
    EXPECT_EQ(hello.version, "0.1.0");
    EXPECT_EQ(hello.pid, 4711);
    EXPECT_EQ(decoded<MetricsRequest>(encode(MetricsRequest{7})).id, 7U);
    const SettingsMessage settings{"/etc/meshd/services.d", false, *base::SocketAddress::parse("[::1]:9707"), "debug"};
    EXPECT_EQ(decoded<SettingsMessage>(encode(settings)), settings);
    decoded<Shutdown>(encode(Shutdown{}));
}

TEST(Messages, SettingsCarryExporters) {
    SettingsMessage settings{"/etc/meshd/services.d", false, *base::SocketAddress::parse("[::1]:9707"), "debug"};
    settings.flow_export.log.file = "/var/log/meshd/flows.jsonl";
    settings.flow_export.otlp.headers = {{"Authorization", "Bearer 1"}};
    EXPECT_EQ(decoded<SettingsMessage>(encode(settings)), settings);
}

TEST(Messages, SettingsCarryRegistries) {
    SettingsMessage settings{"/etc/meshd/services.d", false, *base::SocketAddress::parse("[::1]:9707"), "debug"};
    settings.registries.consul.emplace_back().url = "http://127.0.0.1:8500";
    settings.registries.resync = std::chrono::minutes(1);
    auto json = encode(settings);
    EXPECT_EQ(decoded<SettingsMessage>(json), settings);
    json["registries"].as_object()["resync_ms"] = 0;
    const auto refused = decode(json);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().object, "registries.resync_ms");
}

TEST(Messages, SettingsCarryTls) {
    SettingsMessage settings{"/etc/meshd/services.d", false, *base::SocketAddress::parse("[::1]:9707"), "debug"};
    auto& tls = settings.tls.emplace();
    tls.trust_domain = "example.org";
    tls.authorities = "/t/ca.pem";
    tls.node = {"/t/node.pem", "/t/node.key"};
    auto json = encode(settings);
    EXPECT_EQ(decoded<SettingsMessage>(json), settings);
    json["tls"].as_object()["authorities"] = "";
    const auto refused = decode(json);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().object, "settings.tls.authorities");
}

TEST(Messages, SettingsCarryTheEdge) {
    SettingsMessage settings{"/etc/meshd/services.d", false, *base::SocketAddress::parse("[::1]:9707"), "debug"};
    auto& listener = settings.edge.emplace_back();
    listener.name = "public";
    listener.listen = *base::SocketAddress::parse("[::]:443");
    listener.certificates = {{{"/e/a.pem", "/e/a.key"}, "/e/a.ocsp"}};
    listener.routes = {{{"*"}, "web", "http", false, {"h2"}, model::ProxyProtocol::v2}};
    auto json = encode(settings);
    EXPECT_EQ(decoded<SettingsMessage>(json), settings);
    json["edge"].as_array()[0].as_object()["listen"] = "443";
    const auto refused = decode(json);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().object, "settings.edge.listeners[0].listen");
}

TEST(Messages, SettingsCarryWhoIssuesCertificates) {
    SettingsMessage settings{"/etc/meshd/services.d", false, *base::SocketAddress::parse("[::1]:9707"), "debug"};
    settings.acme =
        model::AcmeSettings{"https://acme.test/directory",         "ops@example.org",     model::AcmeChallenge::http_01,
                            base::SocketAddress::parse("[::]:80"), "/var/lib/meshd/acme", std::chrono::hours(24)};
    auto json = encode(settings);
    EXPECT_EQ(decoded<SettingsMessage>(json), settings);
    json["acme"].as_object()["storage"] = "acme";
    const auto refused = decode(json);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().object, "settings.acme.storage");
}

TEST(Messages, SettingsCarryThePicture) {
    SettingsMessage settings{"/etc/meshd/services.d", false, *base::SocketAddress::parse("[::1]:9707"), "debug"};
    settings.picture = model::PictureSettings{*base::SocketAddress::parse("192.0.2.1:9708"), "/etc/meshd/token", {"node1"}};
    auto json = encode(settings);
    EXPECT_EQ(decoded<SettingsMessage>(json), settings);
    json["picture"].as_object()["token_file"] = "";
    const auto refused = decode(json);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().object, "settings.picture.token_file");
}

TEST(Messages, AQuestionOfThePictureKeepsItsForm) {
    const ViewRequest request{7, "/v1/flows", {{"service", "a/b"}, {"limit", "3"}}};
    EXPECT_EQ(decoded<ViewRequest>(encode(request)), request);
    EXPECT_FALSE(decode(object(R"({"type":"view_request","id":1,"path":"/v1/flows"})")));
    EXPECT_FALSE(decode(object(R"({"type":"view_request","id":1,"path":"/v1/flows","query":{"limit":3}})")));
    EXPECT_FALSE(decode(object(R"({"type":"view","id":1,"status":99,"text":"","last":true})")));
}

TEST(Messages, SettingsCarryAnnouncements) {
    SettingsMessage settings{"/etc/meshd/services.d", false, *base::SocketAddress::parse("[::1]:9707"), "debug"};
    auto& one = settings.announcements.emplace_back();
    one.name = "web";
    one.registry = "consul";
    one.endpoint = *base::SocketAddress::parse("10.0.0.5:80");
    settings.drained = {"web"};
    settings.announced = {one.id()};
    settings.locality = "eu/a";
    auto json = encode(settings);
    EXPECT_EQ(decoded<SettingsMessage>(json), settings);
    json["drained"] = boost::json::array{7};
    EXPECT_FALSE(decode(json));
    json["drained"] = boost::json::array{};
    json["announcements"].as_array()[0].as_object()["weight"] = 0;
    const auto refused = decode(json);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().object, "settings.announcements[0].weight");
}

TEST(Messages, PodsNameNoCgroupAndNoPath) {
    const auto of = [](const char* uid) {
        return boost::json::parse(std::string(R"({"type":"pods","last":true,"pods":[{"uid":")") + uid +
                                  R"(","namespace":"shop","name":"web-1","service_account":"web","labels":{}}]})")
            .as_object();
    };
    EXPECT_EQ(decoded<Pods>(of("00000000-0000-4000-8000-00000000000a")).pods.at(0).name, "web-1");
    for (const auto* const uid : {"", "..", "../../system.slice/sshd.service", "00000000-0000-4000-8000-00000000000/"}) {
        const auto refused = decode(of(uid));
        ASSERT_FALSE(refused) << uid;
        EXPECT_EQ(refused.error().object, "pods.pods[0]");
    }
}

TEST(Messages, CertificatesSayWhoseTheyAre) {
    const boost::json::array rows{boost::json::object{{"whose", "node"}, {"name", ""}, {"state", "ok"}}};
    EXPECT_EQ(decoded<CertificatesReport>(encode(CertificatesReport{rows})).certificates, rows);
    EXPECT_FALSE(decode(encode(CertificatesReport{{boost::json::object{{"whose", "node"}, {"name", ""}}}})));
    EXPECT_FALSE(decode(encode(CertificatesReport{{7}})));
}

TEST(Messages, ChecksNameTheirTargets) {
    const auto endpoint = *base::SocketAddress::parse("10.0.0.5:80");
    auto json = encode(TlsCheck{7, "web", {{*base::SocketAddress::parse("10.96.0.1:80"), endpoint}}});
    const auto read = decoded<TlsCheck>(json);
    EXPECT_EQ(read.id, 7U);
    EXPECT_EQ(read.identity, "web");
    EXPECT_EQ(read.targets, (std::vector<TlsCheck::Target>{{*base::SocketAddress::parse("10.96.0.1:80"), endpoint}}));
    json["targets"] = boost::json::array{boost::json::object{{"service", "10.96.0.1:80"}, {"backend", "10.0.0.5"}}};
    EXPECT_FALSE(decode(json));
    json["targets"] = boost::json::array{7};
    EXPECT_FALSE(decode(json));
    EXPECT_FALSE(decode(encode(TlsCheck{7, "", {}})));
    EXPECT_FALSE(decode(encode(TlsCheck{7, "", {most_tls_targets + 1, {endpoint, endpoint}}})));
}

TEST(Messages, FindingsTellWhatAHandshakeShowed) {
    TlsFinding finding;
    finding.id = 7;
    finding.backend = *base::SocketAddress::parse("10.0.0.5:80");
    finding.identity = "spiffe://example.org/web";
    finding.peer = "10.0.0.5:15008";
    finding.result = "ok";
    finding.is_accepted = finding.is_connected = true;
    finding.protocol = "TLSv1.3";
    finding.connect_us = 80;
    finding.chain.push_back({"spiffe://example.org/b", "CN=b", "CN=root", "EC P-256", "ecdsa", "2026-01-01T00:00:00Z", ""});
    auto json = encode(finding);
    EXPECT_EQ(decoded<TlsFinding>(json), finding);
    for (const auto* const key : {"backend", "result", "accepted", "chain", "handshake_us", "peer_identity"}) {
        auto wrong = json;
        wrong[key] = -1;
        const auto refused = decode(wrong);
        ASSERT_FALSE(refused) << key;
        EXPECT_EQ(refused.error().object, std::string("tls_finding.") + key);
    }
    finding.chain.resize(17);
    EXPECT_FALSE(decode(encode(finding)));
    json["chain"] = boost::json::array{boost::json::object{{"subject", 7}}};
    EXPECT_FALSE(decode(json));
    json["chain"] = boost::json::array{};
    json["detail"] = std::string(5000, 'x');
    EXPECT_FALSE(decode(json));
}

TEST(Messages, EdgeListenersHaveAName) {
    const boost::json::array rows{boost::json::object{{"name", "public"}, {"open", 3}}};
    EXPECT_EQ(decoded<EdgeReport>(encode(EdgeReport{rows})).listeners, rows);
    EXPECT_FALSE(decode(encode(EdgeReport{{boost::json::object{{"open", 3}}}})));
    EXPECT_FALSE(decode(encode(EdgeReport{{7}})));
}

TEST(Messages, AnnouncementsHaveAnIdAndAName) {
    const boost::json::array rows{{{"id", "consul/web/10.0.0.5:80"}, {"name", "web"}, {"state", "announced"}}};
    EXPECT_EQ(decoded<AnnouncementsReport>(encode(AnnouncementsReport{rows})).announcements, rows);
    EXPECT_FALSE(decode(encode(AnnouncementsReport{{boost::json::object{{"id", "x"}}}})));
    EXPECT_FALSE(decode(encode(AnnouncementsReport{{7}})));
}

TEST(Messages, ExportersTellOfTheirProblems) {
    const ExportStatus status{{{"flow log", "cannot open /x", "make it"}, {"flow export", "nobody answers", ""}}};
    EXPECT_EQ(decoded<ExportStatus>(encode(status)), status);
    EXPECT_EQ(decoded<ExportStatus>(encode(ExportStatus{})), ExportStatus{});
    // A degradation of the agent's own must not be the worker's to set or to clear.
    EXPECT_FALSE(decode(encode(ExportStatus{{{"programs", "detached", ""}}})));
    EXPECT_FALSE(decode(encode(ExportStatus{{{"flow log", "a", ""}, {"flow log", "b", ""}, {"flow log", "c", ""}}})));
}

TEST(Messages, EventsOfFlowsAreObjects) {
    const auto flows =
        decoded<FlowEvents>(object(R"({"type":"flows","lost":3,"left_out":[1,2,3],"events":[{"event":"ended"}]})"));
    EXPECT_EQ(flows.lost, 3U);
    EXPECT_EQ(flows.left_out, (model::ChangeCounts{1, 2, 3}));
    ASSERT_EQ(flows.events.size(), 1U);
    EXPECT_EQ(flows.events[0], object(R"({"event":"ended"})"));
    for (const auto* const bad : {R"({"type":"flows","lost":0,"left_out":[0,0,0],"events":[7]})",
                                  R"({"type":"flows","lost":0,"left_out":[0,0],"events":[]})",
                                  R"({"type":"flows","lost":0,"left_out":[0,0,"x"],"events":[]})",
                                  R"({"type":"flows","lost":-1,"left_out":[0,0,0],"events":[]})"})
        EXPECT_FALSE(decode(object(bad))) << bad;
    const Ejected ejected{{{"shop/web", 80, base::Protocol::tcp, *base::SocketAddress::parse("[fd00::1]:8080")}}};
    EXPECT_EQ(decoded<Ejected>(encode(ejected)).backends, ejected.backends);
    decoded<Reopen>(encode(Reopen{}));
}

TEST(Messages, RetirementHasAnEnd) {
    EXPECT_EQ(decoded<Retire>(encode(Retire{std::chrono::minutes(10)})).longest, std::chrono::seconds(600));
    for (const auto* const bad : {R"({"type":"retire"})", R"({"type":"retire","longest_s":-1})",
                                  R"({"type":"retire","longest_s":604801})", R"({"type":"retire","longest_s":"1"})"})
        EXPECT_FALSE(decode(object(bad))) << bad;
}

TEST(Messages, ADeltaCarriesServices) {
    const auto delta = decoded<Delta>(object(
        std::string(R"({"type":"delta","sequence":2,"last":true,"complete":true,"remove":["db"],"upsert":[)") + web + "]}"));
    EXPECT_EQ(delta.sequence, 2U);
    EXPECT_FALSE(delta.full);
    EXPECT_TRUE(delta.complete);
    ASSERT_EQ(delta.upsert.size(), 1U);
    EXPECT_EQ(delta.upsert[0]->name, "web");
    EXPECT_EQ(delta.remove, std::vector<std::string>{"db"});
}

TEST(Messages, ADeltaCarriesAcceleration) {
    auto json =
        object(std::string(R"({"type":"delta","sequence":2,"last":true,"complete":true,"remove":[],"upsert":[)") + web + "]}");
    EXPECT_EQ(decoded<Delta>(json).upsert.at(0)->acceleration, model::Acceleration::automatic);
    json["upsert"].as_array()[0].as_object()["acceleration"] = "off";
    EXPECT_EQ(decoded<Delta>(json).upsert.at(0)->acceleration, model::Acceleration::off);
}

TEST(Messages, HealthCarriesBackends) {
    const auto report = decoded<HealthReport>(object(
        R"({"type":"health","backends":[{"service":"web","port":80,"protocol":"tcp","backend":"[fd00::1]:8080","healthy":false,
            "result":"bad_status","detail":"answered 503","since_ms":1700000000123}]})"));
    ASSERT_EQ(report.backends.size(), 1U);
    const auto& one = report.backends[0];
    EXPECT_EQ(one.service, "web");
    EXPECT_EQ(one.port, 80);
    EXPECT_EQ(one.backend.text(), "[fd00::1]:8080");
    EXPECT_FALSE(one.healthy);
    EXPECT_EQ(one.reason(), "bad_status: answered 503");
    EXPECT_EQ(one.since.time_since_epoch(), std::chrono::milliseconds(1700000000123));
}

TEST(Messages, EachWrongFieldOfHealthIsNamed) {
    const auto with = [](const std::string& key, const boost::json::value& value) {
        boost::json::object one{{"service", "web"}, {"port", 80},          {"protocol", "tcp"}, {"backend", "10.0.0.1:80"},
                                {"healthy", true},  {"result", "success"}, {"since_ms", 1}};
        one[key] = value;
        return decode({{"type", "health"}, {"backends", boost::json::array{one}}});
    };
    ASSERT_TRUE(with("detail", "x"));
    const std::pair<const char*, boost::json::value> wrong[] = {
        {"service", "../x"}, {"port", 0},   {"protocol", "sctp"}, {"backend", "10.0.0.1"},     {"healthy", 1},
        {"result", "well"},  {"detail", 7}, {"since_ms", -1},     {"since_ms", 17000000002123}};
    for (const auto& [key, value] : wrong) {
        const auto message = with(key, value);
        ASSERT_FALSE(message) << key;
        EXPECT_EQ(message.error().object, std::string("health.backends[0].") + key);
    }
    EXPECT_FALSE(decode(object(R"({"type":"health","backends":[7]})")));
}

TEST(Messages, AMetricsPartKeepsItsForm) {
    const auto part = decoded<MetricsPart>(object(R"({"type":"metrics","id":3,"last":false,"part":{"families":[1]}})"));
    EXPECT_EQ(part.id, 3U);
    EXPECT_FALSE(part.last);
    EXPECT_EQ(part.part, object(R"({"families":[1]})"));
}

TEST(Messages, FieldsThatAreNotKnownAreIgnored) {
    EXPECT_EQ(decoded<MetricsRequest>(object(R"({"type":"metrics_request","id":3,"colour":"red"})")).id, 3U);
}

TEST(Messages, EachWrongFieldIsNamed) {
    const auto delta = [](const std::string& rest) {
        return R"({"type":"delta","sequence":1,"last":true,"complete":true,)" + rest + "}";
    };
    const auto settings = [](const std::string& rest) { return R"({"type":"settings","registry_directory":"/a",)" + rest + "}"; };
    const auto source = [](const std::string& rest) { return R"({"type":"registry","sources":[{"name":"a",)" + rest + "}]}"; };
    const struct {
        std::string json;
        std::string expected;
    } cases[] = {
        {"{}", "type: expected text"},
        {R"({"type":7})", "type: expected text"},
        {R"({"type":"format the disk"})", "type: expected a message of the channel, not 'format the disk'"},
        {R"({"type":"hello","pid":1})", "hello.version: expected text"},
        {R"({"type":"hello","version":"1","pid":0})", "hello.pid: expected a whole number from 1 up"},
        {R"({"type":"hello","version":"1","pid":-3})", "hello.pid: expected a whole number from 1 up"},
        {R"({"type":"hello","version":"1","pid":1.5})", "hello.pid: expected a whole number from 1 up"},
        {R"({"type":"hello","version":"1","pid":18446744073709551615})", "hello.pid: expected the id of a process"},
        {R"({"type":"delta"})", "delta.sequence: expected a whole number from 1 up"},
        {R"({"type":"delta","sequence":1,"complete":true})", "delta.last: expected true or false"},
        {R"({"type":"delta","sequence":1,"last":true})", "delta.complete: expected true or false"},
        {delta(R"("full":"yes")"), "delta.full: expected true or false"},
        {delta(R"("remove":[])"), "delta.upsert: expected an array"},
        {delta(R"("upsert":{})"), "delta.upsert: expected an array"},
        {delta(R"("upsert":[])"), "delta.remove: expected an array"},
        {delta(R"("upsert":[],"remove":["../x"])"), "delta.remove[0]: expected a service name"},
        {delta(R"("upsert":[],"remove":["x",3])"), "delta.remove[1]: expected a service name"},
        {delta(R"("upsert":[],"remove":["x","x"])"), "delta.remove[1]: expected a name that the message has only once"},
        {delta(std::string(R"("remove":["web"],"upsert":[)") + web + "]"),
         "delta.remove[0]: expected a name that the message has only once"},
        {delta(std::string(R"("remove":[],"upsert":[)") + web + "," + web + "]"),
         "delta.upsert: expected each service once, 'web' is there twice"},
        {R"({"type":"registry"})", "registry.sources: expected an array"},
        {R"({"type":"registry","sources":[],"directory_error":3})", "registry.directory_error: expected text"},
        {R"({"type":"registry","sources":[],"metrics_error":[]})", "registry.metrics_error: expected text"},
        {R"({"type":"registry","sources":[],"last":0})", "registry.last: expected true or false"},
        {R"({"type":"registry","sources":["a"]})", "registry.sources[0]: expected an object"},
        {R"({"type":"registry","sources":[{}]})", "registry.sources[0].name: expected text"},
        {source(R"("state":"good")"), "registry.sources[0].state: expected ok or refused"},
        {source(R"("state":"ok","services":-1)"), "registry.sources[0].services: expected a whole number from 0 up"},
        {source(R"("state":"ok","services":1,"error":null)"), "registry.sources[0].error: expected text"},
        {source(R"("state":"ok","services":1)"), "registry.sources[0].since: expected text"},
        {R"({"type":"health"})", "health.backends: expected an array"},
        {R"({"type":"metrics_request"})", "metrics_request.id: expected a whole number from 0 up"},
        {R"({"type":"settings","registry_directory":"a"})", "settings.registry_directory: expected an absolute path"},
        {settings(R"("x":1)"), "settings.metrics_enabled: expected true or false"},
        {settings(R"("metrics_enabled":true,"metrics_listen":"localhost")"), "settings.metrics_listen: expected ADDRESS:PORT"},
        {settings(R"("metrics_enabled":true,"metrics_listen":"127.0.0.1:0","log_level":"loud")"),
         "settings.log_level: expected trace, debug, info, warn or error"},
        {R"({"type":"metrics","last":true,"part":{}})", "metrics.id: expected a whole number from 0 up"},
        {R"({"type":"metrics","id":1,"part":{}})", "metrics.last: expected true or false"},
        {R"({"type":"metrics","id":1,"last":true,"part":[]})", "metrics.part: expected an object"},
    };
    for (const auto& item : cases) {
        const auto message = decode(object(item.json));
        ASSERT_FALSE(message) << item.json;
        EXPECT_EQ(message.error().message(), "cannot read message field " + item.expected);
    }
}

TEST(Messages, ABadServiceIsNamed) {
    auto json =
        object(std::string(R"({"type":"delta","sequence":1,"last":true,"complete":true,"remove":[],"upsert":[)") + web + "]}");
    json["upsert"].as_array()[0].as_object()["ports"].as_array()[0].as_object()["port"] = 0;
    const auto message = decode(json);
    ASSERT_FALSE(message);
    EXPECT_EQ(message.error().message(), "cannot read service from JSON at web.ports[0].port: expected a number from 1 to 65535");
}

}  // namespace
}  // namespace meshd::channel
