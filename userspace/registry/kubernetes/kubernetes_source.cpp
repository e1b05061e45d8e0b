// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/kubernetes_source.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

namespace meshd::registry {

using kubernetes::Kind;

namespace {

// What kube-proxy leaves to others, so is left to them here too.
constexpr auto services_query =
    "labelSelector=%21service.kubernetes.io%2Fheadless%2C%21service.kubernetes.io%2Fservice-proxy-name";
// Labels are all that is asked of other nodes: their status changes every few minutes and is long. Servers that are offered both
// forms for one request answer a watch with nothing.
constexpr auto metadata_of_list = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
constexpr auto metadata_of_object = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

// `field` is that of the objects which has the node's name.
std::string here_query(const std::string& field, const std::string& node) {
    std::string query = "fieldSelector=" + field + "%3D";
    for (const char c : node)  // of the settings, or the host's: not only what is a name of a node
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.') query += c;
    return query;
}

}  // namespace

KubernetesSource::KubernetesSource(boost::asio::io_context& io, web::AsyncClient& client, model::KubernetesRegistry settings,
                                   Intake& intake)
    : io_(io),
      client_(client),
      intake_(intake),
      credentials_(settings),
      node_(kubernetes::node_name(settings)),
      cluster_(node_),
      configurations_(intake),
      status_writer_(io, client, credentials_, configurations_, intake.source()),
      publisher_(cluster_, intake, configurations_.units()),
      health_checks_(io),
      pods_(intake) {
    kubernetes::Resource nodes{"nodes", "", {"/api/v1/nodes"}, "", metadata_of_list, metadata_of_object};
    if (settings.hosts) nodes.list_accept = nodes.watch_accept = kubernetes::Resource{}.list_accept;
    reflectors_.push_back(reflector(Kind::services, {"services", "", {"/api/v1/services"}, services_query}));
    reflectors_.push_back(
        reflector(Kind::slices, {"endpointslices",
                                 "discovery.k8s.io",
                                 {"/apis/discovery.k8s.io/v1/endpointslices", "/apis/discovery.k8s.io/v1beta1/endpointslices"},
                                 services_query}));
    reflectors_.push_back(reflector(Kind::nodes, std::move(nodes)));
    reflectors_.push_back(reflector(Kind::here, {"nodes", "", {"/api/v1/nodes"}, here_query("metadata.name", node_)}));
    reflectors_.push_back(configurations_reflector());
    if (settings.pods) reflectors_.push_back(pods_reflector());
    reasons_.resize(reflectors_.size());
}

std::unique_ptr<kubernetes::Reflector> KubernetesSource::reflector(Kind kind, kubernetes::Resource resource) {
    const auto name = resource.name;
    return std::make_unique<kubernetes::Reflector>(
        io_, client_, credentials_, std::move(resource),
        kubernetes::Reflector::Handlers{[this, kind] {
                                            if (kind == Kind::here) here_exists_ = false;
                                            cluster_.begin_list(kind);
                                        },
                                        [this, kind, name](const boost::json::object& object) { put(kind, name, object); },
                                        [this, kind, name](const boost::json::object& object) {
                                            const auto key = kubernetes::key_of(object);
                                            cluster_.remove(kind, key);
                                            intake_.accept(name + " " + key);
                                            if (kind == Kind::here) tell_whether_here_exists(false);
                                        },
                                        [this, kind, name] { list_ended(kind, name); }, [this] { watch_spoke(); },
                                        [this, kind](Failure failure, const base::Error& why) {
                                            list_failed(static_cast<std::size_t>(kind), failure, why);
                                        }});
}

void KubernetesSource::start() {
    for (const auto& one : reflectors_) one->list();
}

// Later: a removal that is held asks from within what is told to the intake.
void KubernetesSource::sync() {
    boost::asio::post(io_, [this, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) start();
    });
}

void KubernetesSource::put(Kind kind, const std::string& kind_name, const boost::json::object& object) {
    if (kind == Kind::here) tell_whether_here_exists(true);
    const auto label = kind_name + " " + kubernetes::key_of(object);
    if (const auto taken = cluster_.put(kind, object); taken)
        intake_.accept(label);
    else
        intake_.refuse(label, taken.error());
}

void KubernetesSource::list_ended(Kind kind, const std::string& kind_name) {
    for (const auto& key : cluster_.end_list(kind)) intake_.accept(kind_name + " " + key);
    if (kind == Kind::here) tell_whether_here_exists(here_exists_);
    is_to_publish_ = true;
    publish_when_listed();
}

// Mostly all fail for one reason. The word of the first is told, not that of each in turn.
void KubernetesSource::list_failed(std::size_t index, Failure failure, const base::Error& why) {
    reasons_[index] = Reason{failure, why};
    for (std::size_t i = 0; i <= index; ++i) {
        if (!reflectors_[i]->is_failing() || !reasons_[i]) continue;
        intake_.failed(reasons_[i]->failure, reasons_[i]->why);
        break;
    }
    publish_when_listed();
}

void KubernetesSource::tell_whether_here_exists(bool exists) {
    here_exists_ = exists;
    const auto label = "node " + node_;
    if (here_exists_)
        intake_.accept(label);
    else
        intake_.refuse(label, {"find", "this node in the cluster", 0, "there is no node \"" + node_ + "\"",
                               "give its name in \"node\" of this registry in meshd.yaml; until then no endpoint is local"});
}

// Once, when the last of the lists that are under way has ended: a service whose endpoints are still being listed is not told.
void KubernetesSource::publish_when_listed() {
    if (!is_to_publish_ || std::any_of(reflectors_.begin(), reflectors_.end(), [](const auto& one) { return one->is_listing(); }))
        return;
    is_complete_ = is_complete_ || std::all_of(reflectors_.begin(), reflectors_.begin() + kinds,
                                               [](const auto& one) { return one->was_listed(); });
    if (!is_complete_) return;
    is_to_publish_ = false;
    publisher_.publish_all(reflectors_[configured]->was_listed());
    (void)publisher_.take_health_checks_changed();
    health_checks_.set(publisher_.health_check_ports());
    tell_answered();
}

void KubernetesSource::watch_spoke() {
    take_configurations();
    if (!is_complete_) return;
    publisher_.publish_touched();
    if (publisher_.take_health_checks_changed()) health_checks_.set(publisher_.health_check_ports());
    tell_answered();
}

void KubernetesSource::tell_answered() {
    if (std::all_of(reflectors_.begin(), reflectors_.end(),
                    [](const auto& one) { return one->was_listed() && !one->is_failing(); }))
        intake_.answered();
}

// ---- MeshConfigurations ----

std::unique_ptr<kubernetes::Reflector> KubernetesSource::configurations_reflector() {
    kubernetes::Resource resource{"meshconfigurations", "meshd.dev", {std::string(kubernetes::configurations_path)}, ""};
    resource.may_be_missing = true;
    return std::make_unique<kubernetes::Reflector>(
        io_, client_, credentials_, std::move(resource),
        kubernetes::Reflector::Handlers{
            [this] { configurations_.begin_list(); }, [this](const boost::json::object& object) { configurations_.put(object); },
            [this](const boost::json::object& object) { configurations_.remove(object); }, [this] { configurations_ended(); },
            [this] { watch_spoke(); }, [this](Failure failure, const base::Error& why) { list_failed(configured, failure, why); },
            [this] { configurations_missing(); }});
}

void KubernetesSource::configurations_ended() {
    configurations_.end_list();
    take_configurations();
    is_to_publish_ = true;
    publish_when_listed();
}

void KubernetesSource::configurations_missing() {
    if (!std::exchange(said_missing_, true))
        spdlog::info(
            "{}: the API server has no \"meshconfigurations\" of \"meshd.dev\"; `kubectl apply -f "
            "deploy/kubernetes/crd.yaml` brings them, and they are looked for every minute",
            intake_.source());
    publish_when_listed();
}

// ---- Pods ----

std::unique_ptr<kubernetes::Reflector> KubernetesSource::pods_reflector() {
    return std::make_unique<kubernetes::Reflector>(
        io_, client_, credentials_, kubernetes::Resource{"pods", "", {"/api/v1/pods"}, here_query("spec.nodeName", node_)},
        kubernetes::Reflector::Handlers{[this] { pods_.begin_list(); },
                                        [this](const boost::json::object& object) { pods_.put(object); },
                                        [this](const boost::json::object& object) { pods_.remove(object); },
                                        [this] {
                                            pods_.end_list();
                                            publish_when_listed();
                                        },
                                        [this] {
                                            pods_.tell();
                                            watch_spoke();
                                        },
                                        [this](Failure failure, const base::Error& why) { list_failed(of_pods, failure, why); }});
}

// A name that a MeshConfiguration has let go of is a Service's again.
void KubernetesSource::take_configurations() {
    for (const auto& name : configurations_.take_touched()) {
        cluster_.touch(name);
        if (name.ends_with(kubernetes::external_suffix))
            cluster_.touch(name.substr(0, name.size() - kubernetes::external_suffix.size()));
    }
    status_writer_.look();
}

}  // namespace meshd::registry
