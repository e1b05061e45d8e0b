// SPDX-License-Identifier: Apache-2.0
// Every command in every format, as it was once looked at and found good. MESHD_UPDATE_GOLDEN=1 writes the files anew: look at
// the difference before it is committed.
#include <filesystem>

#include <boost/json.hpp>

#include "base/version.hpp"
#include "fake_server.hpp"

namespace meshd::meshctl {
namespace {

struct Case {
    std::string name;  // of the file
    std::vector<std::string> arguments;
    Answers answers;
    int code = 0;
};
std::ostream& operator<<(std::ostream& out, const Case& row) { return out << row.name; }

std::vector<Case> commands() {
    const Answers status{{"GET /v1/status", {"status"}}};
    const auto explain = [](const char* file) { return Answers{{"GET /v1/explain", {file}}}; };
    const auto plan = [](const char* file) { return Answers{{"POST /v1/plan", {file}}}; };
    const auto repair = [](const char* file) {
        return Answers{{"POST /v1/reconcile", {file}}, {"POST /v1/registries/sync", {"registry_sync"}}};
    };
    const auto accelerate = [](const std::string& verb, const char* file) {
        return Answers{{"POST /v1/acceleration/" + verb, {file}}};
    };
    const Answers top{{"GET /v1/acceleration/top", {"acceleration_top"}}};
    return {
        {"status", {"status"}, status},
        {"status_degraded", {"status"}, {{"GET /v1/status", {"status_degraded"}}}, 4},
        {"status_starting", {"status"}, {{"GET /v1/status", {"status_starting"}}}, 4},
        {"service_list", {"service", "list"}, {{"GET /v1/services", {"services"}}}},
        {"service_list_none", {"service", "list"}, {{"GET /v1/services", {"services_none"}}}},
        {"service_show", {"service", "show", "shop/web"}, {{"GET /v1/services/shop/web", {"service_web"}}}},
        {"service_show_pending", {"service", "show", "idle"}, {{"GET /v1/services/idle", {"service_idle"}}}},
        {"service_show_unknown", {"service", "show", "nowhere"}, {{"GET /v1/services/nowhere", {"not_found", 404}}}, 1},
        {"feature_list", {"feature", "list"}, {{"GET /v1/features", {"features"}}}},
        {"feature_list_all", {"feature", "list"}, {{"GET /v1/features", {"features_all"}}}},
        {"doctor", {"doctor"}, {{"GET /v1/doctor", {"doctor"}}}, 4},
        {"doctor_well", {"doctor"}, {{"GET /v1/doctor", {"doctor_well"}}}},
        {"bugreport_file_is_there", {"bugreport", "--out", "answers/status.json"}, {}, 1},
        {"device_list", {"device", "list"}, {{"GET /v1/devices", {"devices"}}}, 4},
        {"device_list_none", {"device", "list"}, {{"GET /v1/devices", {"devices_none"}}}},
        {"backend_list", {"backend", "list"}, {{"GET /v1/backends", {"backends"}}}},
        {"backend_list_service", {"backend", "list", "--service", "dns"}, {{"GET /v1/backends", {"backends"}}}},
        {"backend_drain",
         {"backend", "drain", "shop/web/192.0.2.13:8080", "--for", "10m"},
         {{"PUT /v1/backend-state", {"backend_state"}}}},
        {"backend_drain_missing",
         {"backend", "maint", "shop/web/192.0.2.99:80"},
         {{"PUT /v1/backend-state", {"backend_missing", 404}}},
         1},
        {"event_list", {"event", "list"}, {{"GET /v1/events", {"event_list"}}}},
        {"acceleration_status", {"acceleration", "status"}, {{"GET /v1/acceleration", {"acceleration"}}}},
        {"acceleration_status_named", {"acceleration", "status"}, {{"GET /v1/acceleration", {"acceleration_named"}}}},
        {"acceleration_status_paused", {"acceleration", "status"}, {{"GET /v1/acceleration", {"acceleration_paused"}}}},
        {"acceleration_selftest", {"acceleration", "selftest"}, accelerate("selftest", "acceleration_selftest")},
        {"acceleration_selftest_failed", {"acceleration", "selftest"}, accelerate("selftest", "acceleration_selftest_failed"), 4},
        {"acceleration_pause", {"acceleration", "pause"}, accelerate("pause", "acceleration_pause_node")},
        {"acceleration_pause_service",
         {"acceleration", "pause", "--service", "shop/web", "--for", "60s"},
         accelerate("pause", "acceleration_pause_service")},
        {"acceleration_pause_busy", {"acceleration", "pause"}, {{"POST /v1/acceleration/pause", {"acceleration_busy", 409}}}, 1},
        {"acceleration_resume", {"acceleration", "resume"}, accelerate("resume", "acceleration_resume")},
        {"acceleration_resume_service",
         {"acceleration", "resume", "--service", "shop/web"},
         accelerate("resume", "acceleration_resume_service")},
        {"acceleration_top", {"acceleration", "top"}, top},
        {"acceleration_top_service", {"acceleration", "top", "--service", "dns"}, top},
        {"acceleration_top_none", {"acceleration", "top"}, {{"GET /v1/acceleration/top", {"acceleration_top_none"}}}},
        {"flow_list", {"flow", "list"}, {{"GET /v1/flows", {"flows"}}}},
        {"flow_list_none",
         {"flow", "list", "--state", "failed", "--min-age", "1h", "--sort", "bytes", "--top", "5"},
         {{"GET /v1/flows", {"flows_none"}}}},
        {"flow_list_unknown",
         {"flow", "list", "--service", "nowhere"},
         {{"GET /v1/flows", {"flows_none"}}, {"GET /v1/services/nowhere", {"not_found", 404}}},
         1},
        {"connection_list", {"connection", "list"}, {{"GET /v1/flows", {"flows"}}}},
        {"connection_flush", {"connection", "flush", "--service", "dns"}, {{"DELETE /v1/connections", {"flushed"}}}},
        {"top_once", {"top", "--once"}, {{"GET /v1/traffic", {"traffic"}}}},
        {"apply_bad_files", {"apply", "-f", "config/bad/services.d"}, {}, 1},
        {"apply_without_files", {"apply"}, {}, 2},
        {"apply_without_store", {"apply", "-f", "config/good/services.d", "--config", "config/good/meshd.yaml"}, {}, 2},
        {"apply_wait_too_short", {"apply", "-f", "config/good/services.d", "--wait=1"}, {}, 2},
        {"get_unknown_kind", {"get", "pod/web"}, {}, 2},
        {"get_without_configuration", {"get", "--config", "config/none.yaml"}, {}, 1},
        {"delete_nothing", {"delete"}, {}, 2},
        {"delete_without_kind", {"delete", "web"}, {}, 2},
        {"config_check_good", {"config", "check", "config/good", "config/good/services.d"}, {}},
        {"config_check_bad", {"config", "check", "config/bad", "config/bad/services.d", "config/none"}, {}, 4},
        {"config_diff", {"config", "diff", "config/good/services.d"}, plan("plan")},
        {"config_diff_exit_code", {"config", "diff", "config/good/services.d", "--exit-code"}, plan("plan"), 4},
        {"config_diff_nothing", {"config", "diff", "config/good/services.d", "--exit-code"}, plan("plan_nothing")},
        {"config_diff_bad_files", {"config", "diff", "config/bad/services.d"}, plan("plan"), 1},
        {"drift", {"drift"}, {{"GET /v1/drift", {"drift"}}}},
        {"drift_none", {"drift"}, {{"GET /v1/drift", {"drift_none"}}}},
        {"drift_repair", {"drift", "--repair"}, repair("reconcile"), 4},
        {"drift_repair_nothing", {"drift", "--repair"}, repair("reconcile_nothing")},
        {"drift_repair_failed", {"drift", "--repair"}, repair("reconcile_failed"), 1},
        {"map_list", {"map", "list"}, {{"GET /v1/maps", {"maps"}}}},
        {"explain", {"explain", "10.96.0.10:80"}, explain("explain")},
        {"explain_udp", {"explain", "10.96.0.53:53", "--protocol", "udp"}, explain("explain_udp")},
        {"explain_no_backend", {"explain", "10.96.0.99:9000"}, explain("explain_no_backend"), 4},
        {"explain_not_a_service", {"explain", "198.51.100.1:80", "--from", "192.0.2.7"}, explain("explain_not_a_service")},
        {"policy_list", {"policy", "list"}, {{"GET /v1/policy", {"policy"}}}},
        {"policy_list_refused", {"policy", "list"}, {{"GET /v1/policy", {"policy_refused"}}}, 4},
        {"policy_check", {"policy", "check", "/shop.slice/web.service", "shop/db"}, {{"GET /v1/policy/check", {"policy_check"}}}},
        {"policy_check_default",
         {"policy", "check", "10.1.2.3", "192.0.2.9", "--port", "53", "--protocol", "udp"},
         {{"GET /v1/policy/check", {"policy_check_default"}}},
         4},
        {"announcement_list", {"announcement", "list"}, {{"GET /v1/announcements", {"announcements"}}}, 4},
        {"announcement_list_none", {"announcement", "list"}, {{"GET /v1/announcements", {"announcements_none"}}}},
        {"announcement_drain", {"announcement", "drain", "web"}, {{"POST /v1/announcements/drain", {"announcement_drained"}}}},
        {"identity_show", {"identity", "show"}, {{"GET /v1/identities", {"identities"}}}},
        {"identity_show_off", {"identity", "show"}, {{"GET /v1/identities", {"identities_off"}}}},
        {"identity_show_process", {"identity", "show", "4711"}, {{"GET /v1/identities", {"identities_process"}}}},
        {"explain_encrypted", {"explain", "10.96.0.10:80"}, explain("explain_encrypted")},
        {"edge_list", {"edge", "list"}, {{"GET /v1/edge", {"edge"}}}, 4},
        {"edge_list_none", {"edge", "list"}, {{"GET /v1/edge", {"edge_none"}}}},
        {"certificate_list", {"certificate", "list"}, {{"GET /v1/certificates", {"certificates"}}}, 4},
        {"certificate_list_none", {"certificate", "list"}, {{"GET /v1/certificates", {"certificates_none"}}}},
        {"tls_check", {"tls", "check", "shop/web", "192.0.2.12:8080"}, {{"POST /v1/tls/check", {"tls_check"}}}},
        {"tls_check_problems",
         {"tls", "check", "shop/web", "--identity", "web"},
         {{"POST /v1/tls/check", {"tls_check_problems"}}},
         4},
        {"tls_check_outside", {"tls", "check", "bank"}, {{"POST /v1/tls/check", {"tls_check_outside"}}}, 4},
        {"tls_check_off", {"tls", "check", "shop/web"}, {{"POST /v1/tls/check", {"tls_check_off"}}}, 4},
        {"tls_check_no_backend", {"tls", "check", "shop/web", "192.0.2.12"}, {}, 2},
        {"certificate_show",
         {"certificate", "show", "certificates/web.pem", "--authorities", "certificates/authorities.pem"},
         {}},
        {"certificate_show_problems",
         {"certificate", "show", "certificates/weak.pem", "certificates/expired.pem", "certificates/authorities.pem"},
         {},
         4},
        {"certificate_show_refused",
         {"certificate", "show", "certificates/web.pem", "--authorities", "certificates/authorities.pem", "--trust-domain",
          "example.com"},
         {},
         4},
        {"certificate_show_no_file", {"certificate", "show", "certificates/none.pem"}, {}, 1},
        {"ca_show_none", {"ca", "show", "certificates/none"}, {}, 1},
        {"ca_issue_without_key", {"ca", "issue", "certificates/none", "web", "--out", "web.pem"}, {}, 2},
        {"worker_list", {"worker", "list"}, {{"GET /v1/status", {"status_retired"}}}},
        {"worker_list_down", {"worker", "list"}, {{"GET /v1/status", {"status_degraded"}}}, 4},
        {"worker_replace", {"worker", "replace"}, {{"POST /v1/worker/replace", {"worker_replace"}}}},
        {"log_level", {"log", "level", "debug"}, {{"PUT /v1/log-level", {"log_level"}}}},
        {"log_level_for", {"log", "level", "debug", "--for", "10m"}, {{"PUT /v1/log-level", {"log_level_for"}}}},
        {"log_level_forbidden", {"log", "level", "debug"}, {{"PUT /v1/log-level", {"forbidden", 403}}}, 1},
        {"version", {"version"}, {{"GET /v1/version", {"version"}}}},
        {"usage", {"service", "shw"}, {}, 2},
    };
}

// What differs from build to build and from run to run.
std::string without(std::string text, const std::string& part, const std::string& name) {
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + name.size()))
        text.replace(at, part.size(), name);
    return text;
}

std::string record(const Case& row, const std::string& format, const Outcome& outcome) {
    std::string text = "$ meshctl";
    for (const auto& argument : row.arguments) text += " " + argument;
    text += " -o " + format + "\n" + outcome.out;
    if (!outcome.err.empty()) text += "[stderr]\n" + outcome.err;
    return text + "[exit " + std::to_string(outcome.code) + "]\n";
}

class Golden : public testing::TestWithParam<Case> {
protected:
    // Files are named as they stand on the command line.
    void SetUp() override { std::filesystem::current_path(MESHD_GOLDEN_DIRECTORY); }

    static void compare(const std::string& name, const std::string& text) {
        const auto path = golden_path("text/" + name);
        if (std::getenv("MESHD_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
        EXPECT_EQ(text, read_file(path)) << "MESHD_UPDATE_GOLDEN=1 writes " << path << " anew";
    }
};

TEST_P(Golden, TextIsAsRecorded) {
    const auto& row = GetParam();
    FakeServer server(row.answers);
    for (const std::string format : {"table", "wide", "json", "yaml"}) {
        auto arguments = row.arguments;
        arguments.insert(arguments.end(), {"-o", format});
        auto outcome = run_meshctl(server.socket(), arguments);
        EXPECT_EQ(outcome.code, row.code);
        if (row.name == "version") outcome.out = without(without(outcome.out, base::commit, "COMMIT"), base::version, "VERSION");
        compare(row.name + "." + format, record(row, format, outcome));
        boost::json::error_code error;
        if (format == "json") boost::json::parse(outcome.out, error);
        EXPECT_FALSE(error) << outcome.out;
    }
}

TEST_P(Golden, JsonIsTheAnswerOfTheAgentItself) {
    const auto& row = GetParam();
    if (row.answers.size() != 1 || row.code == 1 || row.name == "version" || row.name == "backend_list_service") return;
    if (row.name == "acceleration_top" || row.name == "acceleration_top_service") return;  // sorted
    if (row.name == "top_once") return;                                                    // worked out
    if (row.name.starts_with("worker_list")) return;                                       // one member of it
    FakeServer server(row.answers);
    auto arguments = row.arguments;
    arguments.insert(arguments.end(), {"-o", "json"});
    const auto recorded = read_file(golden_path("answers/" + row.answers.begin()->second.file + ".json"));
    EXPECT_EQ(boost::json::parse(run_meshctl(server.socket(), arguments).out), boost::json::parse(recorded));
}

INSTANTIATE_TEST_SUITE_P(Commands, Golden, testing::ValuesIn(commands()), [](const auto& row) { return row.param.name; });

TEST_F(Golden, NoAgent) {
    for (const std::string format : {"table", "wide", "json", "yaml"}) {
        const Case row{"no_agent", {"status"}, {}, 3};
        const auto outcome = run_meshctl("/nonexistent/control.sock", {"status", "-o", format});
        EXPECT_EQ(outcome.code, 3);
        compare("no_agent." + format, record(row, format, outcome));
    }
}

TEST_F(Golden, Help) {
    std::string text;
    for (const std::vector<std::string>& command : {std::vector<std::string>{},
                                                    {"status"},
                                                    {"service"},
                                                    {"service", "list"},
                                                    {"service", "show"},
                                                    {"backend"},
                                                    {"backend", "list"},
                                                    {"device"},
                                                    {"device", "list"},
                                                    {"feature"},
                                                    {"feature", "list"},
                                                    {"doctor"},
                                                    {"bugreport"},
                                                    {"acceleration"},
                                                    {"acceleration", "status"},
                                                    {"acceleration", "selftest"},
                                                    {"acceleration", "pause"},
                                                    {"acceleration", "resume"},
                                                    {"acceleration", "top"},
                                                    {"flow"},
                                                    {"flow", "list"},
                                                    {"flow", "watch"},
                                                    {"connection"},
                                                    {"connection", "list"},
                                                    {"connection", "flush"},
                                                    {"top"},
                                                    {"apply"},
                                                    {"get"},
                                                    {"delete"},
                                                    {"config"},
                                                    {"config", "check"},
                                                    {"config", "diff"},
                                                    {"config", "schema"},
                                                    {"drift"},
                                                    {"map"},
                                                    {"map", "list"},
                                                    {"explain"},
                                                    {"policy"},
                                                    {"policy", "list"},
                                                    {"policy", "check"},
                                                    {"edge"},
                                                    {"edge", "list"},
                                                    {"certificate"},
                                                    {"certificate", "list"},
                                                    {"certificate", "show"},
                                                    {"tls"},
                                                    {"tls", "check"},
                                                    {"ca"},
                                                    {"ca", "init"},
                                                    {"ca", "issue"},
                                                    {"ca", "token"},
                                                    {"ca", "show"},
                                                    {"ca", "revoke"},
                                                    {"ca", "rotate"},
                                                    {"log"},
                                                    {"log", "level"},
                                                    {"version"}}) {
        auto arguments = command;
        arguments.emplace_back("--help");
        const auto outcome = run_meshctl(arguments);
        EXPECT_EQ(outcome.code, 0);
        text += "$ meshctl";
        for (const auto& argument : arguments) text += " " + argument;
        text += "\n" + outcome.out + "\n";
    }
    compare("help", text);
}

}  // namespace
}  // namespace meshd::meshctl
