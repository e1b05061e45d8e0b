// SPDX-License-Identifier: Apache-2.0
// The services of a Kubernetes cluster, as this node balances them.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "model/registries.hpp"
#include "registry/intake.hpp"
#include "registry/kubernetes/cluster.hpp"
#include "registry/kubernetes/configurations.hpp"
#include "registry/kubernetes/credentials.hpp"
#include "registry/kubernetes/health_checks.hpp"
#include "registry/kubernetes/pods.hpp"
#include "registry/kubernetes/publisher.hpp"
#include "registry/kubernetes/reflector.hpp"
#include "registry/kubernetes/status_writer.hpp"
#include "registry/source.hpp"
#include "web/async_client.hpp"

namespace meshd::registry {

class KubernetesSource : public Source {
public:
    KubernetesSource(boost::asio::io_context& io, web::AsyncClient& client, model::KubernetesRegistry settings, Intake& intake);

    void start() override;
    void sync() override;

private:
    static constexpr std::size_t kinds = 4;            // of kubernetes::Kind
    static constexpr std::size_t configured = kinds;   // behind them: MeshConfigurations, without which the others can do
    static constexpr std::size_t of_pods = kinds + 1;  // and pods, when somebody asks for them
    struct Reason {
        Failure failure = Failure::unreachable;
        base::Error why;
    };

    [[nodiscard]] std::unique_ptr<kubernetes::Reflector> reflector(kubernetes::Kind kind, kubernetes::Resource resource);
    void put(kubernetes::Kind kind, const std::string& kind_name, const boost::json::object& object);
    void list_ended(kubernetes::Kind kind, const std::string& kind_name);
    void list_failed(std::size_t index, Failure failure, const base::Error& why);
    [[nodiscard]] std::unique_ptr<kubernetes::Reflector> configurations_reflector();
    void configurations_ended();
    void configurations_missing();
    [[nodiscard]] std::unique_ptr<kubernetes::Reflector> pods_reflector();
    void take_configurations();
    void watch_spoke();
    void publish_when_listed();
    void tell_answered();
    void tell_whether_here_exists(bool exists);

    boost::asio::io_context& io_;
    web::AsyncClient& client_;
    Intake& intake_;
    kubernetes::Credentials credentials_;
    std::string node_;
    kubernetes::Cluster cluster_;
    kubernetes::Configurations configurations_;
    kubernetes::StatusWriter status_writer_;
    kubernetes::Publisher publisher_;
    kubernetes::HealthChecks health_checks_;
    kubernetes::Pods pods_;
    std::vector<std::unique_ptr<kubernetes::Reflector>> reflectors_;
    std::vector<std::optional<Reason>> reasons_;  // of the last failure of each
    bool is_complete_ = false;                    // all kinds were listed once
    bool said_missing_ = false;                   // that the server has no MeshConfigurations
    bool is_to_publish_ = false;                  // a list has ended since everything was published
    bool here_exists_ = false;
    std::shared_ptr<char> alive_ = std::make_shared<char>();  // for what was posted
};

}  // namespace meshd::registry
