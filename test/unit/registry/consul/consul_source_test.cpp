// SPDX-License-Identifier: Apache-2.0
#include "registry/consul/consul_source.hpp"

#include <gmock/gmock.h>

#include "answer_texts.hpp"
#include "base/base64.hpp"
#include "fake_consul.hpp"

namespace meshd::registry::consul {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ConsulSourceTest : public testing::Test {
protected:
    ConsulSourceTest() {
        settings_.url = consul_.url();
        settings_.keys = "meshd/";
        consul_.set(catalog, R"({"consul":[]})");
        consul_.set(keys, "[]");
        set_instances("consul", {});
    }

    void start() {
        source_.emplace(loop_.context, client_, settings_, intake_, Times{.gap = 1ms, .blind = 1ms});
        source_->want(queries_);
        source_->start();
    }
    void set_instances(const std::string& name, const std::vector<InstanceText>& texts) {
        std::string list;
        for (const auto& text : texts) list += (list.empty() ? "" : ",") + text.json();
        consul_.set("/v1/health/service/" + name, "[" + list + "]");
    }
    void set_keys(const std::map<std::string, std::string>& values) {
        std::string list;
        for (const auto& [key, value] : values)
            list += (list.empty() ? "" : ",") + std::string(R"({"Key":")") + key + R"(","Value":")" + base::to_base64(value) +
                    R"("})";
        consul_.set(keys, "[" + list + "]");
    }
    static std::string file(const std::string& name, const std::string& address) {
        return "services:\n- {name: " + name + ", address: " + address +
               ", port: 80, backends: [{address: 10.1.0.1, port: 80}]}\n";
    }
    model::BackendsFrom query(const std::string& name, std::vector<std::string> tags = {}, const std::string& datacenter = {}) {
        return {model::BackendsFrom::Kind::consul, {}, name, std::move(tags), datacenter};
    }
    // What the intake has told of, also what is done.
    std::optional<std::vector<model::Backend>> set_of(const model::BackendsFrom& which) {
        const auto* const found = intake_.find_set(which);
        return found == nullptr ? std::nullopt : std::optional(*found);
    }
    const model::Service* service(const std::string& name) {
        const auto found = intake_.services().find(name);
        return found == intake_.services().end() ? nullptr : found->second.get();
    }
    template <typename Condition>
    bool until(Condition condition) {
        return loop_.run_until([&] {
            intake_.tick();
            return condition();
        });
    }

    const std::string catalog = "/v1/catalog/services", keys = "/v1/kv/meshd/?recurse";
    Loop loop_;
    FakeConsul consul_{loop_.context};
    web::AsyncClient client_{loop_.context};
    model::ConsulRegistry settings_;
    Intake intake_{"consul:consul",
                   {50, 20ms},
                   {[] {}, [] {},
                    [this] {
                        if (source_) source_->sync();
                    }}};
    std::set<model::BackendsFrom> queries_;
    std::optional<ConsulSource> source_;
};

TEST_F(ConsulSourceTest, AnswersQueries) {
    consul_.set("/v1/health/service/web", web_of_consul);
    consul_.set("/v1/health/service/web?dc=dc2", "[]");
    queries_ = {query("web"), query("web", {"canary"}), query("web", {}, "dc2")};
    start();
    ASSERT_TRUE(until([&] { return intake_.complete(); }));
    EXPECT_EQ(set_of(query("web"))->size(), 2u);
    EXPECT_EQ(set_of(query("web", {"canary"}))->size(), 1u);
    EXPECT_EQ(set_of(query("web", {}, "dc2"))->size(), 0u);
    EXPECT_EQ(consul_.count("/v1/health/service/web"), 1u) << "once for both queries";
}

TEST_F(ConsulSourceTest, FollowsWhatIsWantedLater) {
    start();
    ASSERT_TRUE(until([&] { return intake_.complete(); }));
    set_instances("api", {{}});
    source_->want({query("api")});
    ASSERT_TRUE(until([&] { return set_of(query("api")).has_value(); }));
    source_->want({query("api"), query("api", {"x"})});
    ASSERT_TRUE(until([&] { return set_of(query("api", {"x"})).has_value(); }));
    source_->want({});
    consul_.requests.clear();
    source_->sync();
    ASSERT_TRUE(until([&] { return consul_.count(keys) > 0; }));
    EXPECT_EQ(consul_.count("/v1/health/service/api"), 0u);
}

TEST_F(ConsulSourceTest, FindsServicesWithAnAddress) {
    set_instances("web", {{.more = virtual_address("10.96.0.10", 80)}});
    set_instances("plain", {{}});
    consul_.set(catalog, R"({"consul":[],"web":[],"plain":[]})");
    start();
    ASSERT_TRUE(until([&] { return intake_.complete(); }));
    ASSERT_NE(service("web"), nullptr);
    EXPECT_EQ(service("web")->ports[0].backends.size(), 1u);
    EXPECT_EQ(service("plain"), nullptr);
    set_instances("web", {{.more = virtual_address("10.96.0.10", 80)}, {.address = "10.0.0.2"}});
    ASSERT_TRUE(until([&] { return service("web")->ports[0].backends.size() == 2; }));
    consul_.set(catalog, R"({"consul":[],"plain":[]})");
    ASSERT_TRUE(until([&] { return service("web") == nullptr; })) << "held, asked again and taken";
    EXPECT_EQ(intake_.figures().held_taken, 1u);
}

TEST_F(ConsulSourceTest, SeesAnAddressThatComesWithATag) {
    set_instances("web", {{}});
    consul_.set(catalog, R"({"web":[]})");
    start();
    ASSERT_TRUE(until([&] { return intake_.complete(); }));
    set_instances("web", {{.more = virtual_address("10.96.0.10", 80)}});
    consul_.set(catalog, R"({"web":["v2"]})");
    ASSERT_TRUE(until([&] { return service("web") != nullptr; }));
}

TEST_F(ConsulSourceTest, KeepsTheLastGoodOfAServiceThatCannotBe) {
    set_instances("web", {{.more = virtual_address("10.96.0.10", 80)}});
    consul_.set(catalog, R"({"web":[]})");
    start();
    ASSERT_TRUE(until([&] { return service("web") != nullptr; }));
    set_instances("web", {{.more = virtual_address("10.96.0.10", 80)}, {.more = virtual_address("10.96.0.10", 81)}});
    ASSERT_TRUE(until([&] { return !intake_.refused().empty(); }));
    EXPECT_THAT(intake_.refused().at("service web"), HasSubstr("ports 80 and 81"));
    EXPECT_EQ(service("web")->ports[0].number, 80);
    set_instances("web", {{.more = virtual_address("10.96.0.10", 81)}});
    ASSERT_TRUE(until([&] { return intake_.refused().empty(); }));
    ASSERT_TRUE(until([&] { return service("web")->ports[0].number == 81; }));
}

TEST_F(ConsulSourceTest, TellsInstancesThatItLeavesOut) {
    set_instances("web", {{.id = "w1"}, {.id = "w2", .address = "db.example"}});
    queries_ = {query("web")};
    start();
    ASSERT_TRUE(until([&] { return intake_.complete(); }));
    EXPECT_EQ(set_of(query("web"))->size(), 1u);
    EXPECT_THAT(intake_.refused().at("instance w2 of node vm"), HasSubstr("db.example"));
    set_instances("web", {{.id = "w1"}});
    ASSERT_TRUE(until([&] { return intake_.refused().empty(); }));
}

TEST_F(ConsulSourceTest, ReadsRegistryFilesInKeys) {
    set_keys({{"meshd/web", file("web", "10.96.0.1")}, {"meshd/api", file("api", "10.96.0.2")}});
    start();
    ASSERT_TRUE(until([&] { return intake_.complete(); }));
    EXPECT_NE(service("web"), nullptr);
    EXPECT_NE(service("api"), nullptr);
    set_keys({{"meshd/web", "services: 1"}, {"meshd/api", file("api", "10.96.0.2")}});
    ASSERT_TRUE(until([&] { return !intake_.refused().empty(); }));
    EXPECT_THAT(intake_.refused().at("meshd/web"), HasSubstr("consul:consul/meshd/web:1"));
    EXPECT_NE(service("web"), nullptr) << "the last good one";
    set_keys({{"meshd/api", file("api", "10.96.0.2")}});
    ASSERT_TRUE(until([&] { return service("web") == nullptr; }));
    EXPECT_TRUE(intake_.refused().empty());
}

TEST_F(ConsulSourceTest, GivesAServiceToTheKeyOfItsName) {
    set_instances("web", {{.more = virtual_address("10.96.0.10", 80)}});
    consul_.set(catalog, R"({"web":[]})");
    set_keys({{"meshd/web", file("web", "10.96.0.1")}});
    start();
    ASSERT_TRUE(until([&] { return intake_.complete(); }));
    EXPECT_EQ(service("web")->addresses[0].text(), "10.96.0.1");
    ASSERT_TRUE(until([&] { return intake_.refused().contains("service web"); }));
    EXPECT_THAT(intake_.refused().at("service web"), HasSubstr("a key has"));
    set_keys({});
    ASSERT_TRUE(until([&] { return service("web") != nullptr && service("web")->addresses[0].text() == "10.96.0.10"; }));
    ASSERT_TRUE(until([&] { return intake_.refused().empty(); }));
    set_keys({{"meshd/web", file("web", "10.96.0.1")}});
    ASSERT_TRUE(until([&] { return !intake_.refused().empty() && service("web")->addresses[0].text() == "10.96.0.1"; }));
}

TEST_F(ConsulSourceTest, RemovesWhatItKnewFromEarlierOnlyWhenAllHasAnswered) {
    model::Service old;
    old.name = "old";
    old.addresses = {*base::IpAddress::parse("10.96.0.9")};
    old.ports.resize(1);
    old.ports[0].number = 80;
    intake_.remember({std::make_shared<const model::Service>(old)}, std::chrono::system_clock::now());
    consul_.set(keys, "", "500 no");
    start();
    ASSERT_TRUE(until([&] { return consul_.count(catalog) > 0 && !intake_.error().empty(); }));
    EXPECT_NE(service("old"), nullptr);
    consul_.set(keys, "[]");
    ASSERT_TRUE(until([&] { return service("old") == nullptr; }));
}

TEST_F(ConsulSourceTest, LosesNothingWithItsServer) {
    set_instances("web", {{.more = virtual_address("10.96.0.10", 80)}});
    consul_.set(catalog, R"({"web":[]})");
    start();
    ASSERT_TRUE(until([&] { return service("web") != nullptr && intake_.complete(); }));
    const auto url = consul_.url();
    consul_.stop();
    ASSERT_TRUE(until([&] { return !intake_.error().empty(); }));
    EXPECT_NE(service("web"), nullptr);
    consul_.set_index(1);
    consul_.start(url.substr(7));
    ASSERT_TRUE(until([&] { return intake_.error().empty(); }));
    EXPECT_NE(service("web"), nullptr);
}

TEST_F(ConsulSourceTest, BelievesAnEmptyAnswerOnlyTheSecondTime) {
    set_instances("web", {{}, {.address = "10.0.0.2"}});
    queries_ = {query("web")};
    start();
    ASSERT_TRUE(until([&] { return intake_.complete(); }));
    set_instances("web", {});
    ASSERT_TRUE(loop_.run_until([&] { return !intake_.held().empty(); }));
    EXPECT_EQ(set_of(query("web"))->size(), 2u);
    ASSERT_TRUE(until([&] { return set_of(query("web"))->empty(); }));
}

TEST_F(ConsulSourceTest, AsksWhetherTheServerIsThereWhenItHasNothingElseToAsk) {
    settings_.keys.clear();
    settings_.discover = false;
    consul_.set("/v1/status/leader", R"("")");
    start();
    ASSERT_TRUE(until([&] { return !intake_.error().empty(); }));
    EXPECT_FALSE(intake_.complete());
    consul_.set("/v1/status/leader", R"("127.0.0.1:8300")");
    ASSERT_TRUE(until([&] { return intake_.complete(); }));
}

}  // namespace
}  // namespace meshd::registry::consul
