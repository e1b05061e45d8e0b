// SPDX-License-Identifier: Apache-2.0
// A source that follows an API server on the same loop.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "fake_api.hpp"
#include "kubernetes_texts.hpp"
#include "registry/kubernetes/kubernetes_source.hpp"

namespace meshd::registry {

using kubernetes::FakeApi;

inline std::string service(const std::string& name, const std::string& address = "10.96.0.10", int version = 5) {
    return fmt::format(R"({{"metadata":{{"namespace":"default","name":"{}","resourceVersion":"{}"}},"spec":{{"clusterIP":"{}",)"
                       R"("ports":[{{"name":"http","port":80}}]}}}})",
                       name, version, address);
}

inline std::string slice(const std::string& service, const std::string& address, int version = 6) {
    return fmt::format(R"({{"metadata":{{"namespace":"default","name":"{0}-1","resourceVersion":"{2}","labels":)"
                       R"({{"kubernetes.io/service-name":"{0}"}}}},"addressType":"IPv4","ports":[{{"name":"http","port":8080}}],)"
                       R"("endpoints":[{{"addresses":["{1}"],"nodeName":"n1"}}]}})",
                       service, address, version);
}

inline const std::string node =
    R"({"metadata":{"name":"n1","resourceVersion":"1","labels":{"topology.kubernetes.io/zone":"za"}}})";

class KubernetesSourceTest : public testing::Test {
protected:
    KubernetesSourceTest() {
        std::string path = "/tmp/meshd-kubernetes-XXXXXX";
        directory_ = ::mkdtemp(path.data());
        write_token("secret");
        settings_.kubeconfig = directory_ / "config";
        settings_.node = "n1";
        std::ofstream(settings_.kubeconfig)
            << "current-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: "
               "[{name: c, cluster: {server: '" +
                   api_.url() + "'}}]\nusers: [{name: u, user: {tokenFile: token}}]\n";
        api_.objects = {
            {"services", {service("web")}}, {"endpointslices", {slice("web", "10.1.0.1")}}, {"nodes", {node}}, {"here", {node}}};
    }
    ~KubernetesSourceTest() override {
        source_.reset();
        std::filesystem::remove_all(directory_);
    }

    void write_token(const std::string& token) { std::ofstream(directory_ / "token") << token; }

    void start() {
        source_ = std::make_unique<KubernetesSource>(io_, client_, settings_, intake_);
        source_->start();
    }
    void start_and_wait() {
        start();
        wait_until([&] { return intake_.complete() && all_watched(); });
    }
    [[nodiscard]] bool all_watched() const {
        for (const auto* const kind : {"services", "endpointslices", "nodes", "here"})
            if (!api_.watches(kind)) return false;
        return true;
    }

    template <typename Condition>
    void wait_until(Condition condition) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        io_.restart();
        while (!condition() && std::chrono::steady_clock::now() < end) io_.run_one_for(std::chrono::milliseconds(50));
        ASSERT_TRUE(condition()) << "error: " << intake_.error();
    }

    [[nodiscard]] std::string backends(const std::string& name) const {
        const auto found = intake_.services().find(name);
        return found == intake_.services().end() ? "none" : kubernetes::text(found->second->ports.at(0).backends);
    }

    std::filesystem::path directory_;
    model::KubernetesRegistry settings_;
    boost::asio::io_context io_;
    FakeApi api_{io_};
    web::AsyncClient client_{io_};
    Intake intake_{"kubernetes", {.share = 100}, {[] {}, [] {}, [this] { source_->sync(); }}};
    std::unique_ptr<KubernetesSource> source_;
};

}  // namespace meshd::registry
