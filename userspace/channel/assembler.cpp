// SPDX-License-Identifier: Apache-2.0
#include "channel/assembler.hpp"

#include <iterator>
#include <utility>

#include <boost/json.hpp>

namespace meshd::channel {

namespace json = boost::json;

namespace {

tl::unexpected<base::Error> broken(std::string_view type, std::string why) {
    return base::fail({"accept message", std::string(type), 0, std::move(why), {}});
}

std::size_t backends_of(const model::Service& service) {
    std::size_t count = 0;
    for (const auto& port : service.ports) count += port.backends.size();
    return count;
}

template <typename T>
void append(std::vector<T>& to, std::vector<T>& from) {
    if (to.empty()) {
        to = std::move(from);
        return;
    }
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

base::Result<std::optional<Message>> Assembler::add(Message message) {
    if (auto* const delta = std::get_if<Delta>(&message)) return add_delta(std::move(*delta));
    if (auto* const policies = std::get_if<Policies>(&message)) return add_policies(std::move(*policies));
    if (auto* const registry = std::get_if<RegistryStatus>(&message)) return add_registry(std::move(*registry));
    if (auto* const pods = std::get_if<Pods>(&message)) return add_pods(std::move(*pods));
    if (auto* const metrics = std::get_if<MetricsPart>(&message)) return add_metrics(std::move(*metrics));
    return std::optional<Message>(std::move(message));
}

base::Result<std::optional<Message>> Assembler::add_delta(Delta delta) {
    if (delta.sequence != next_sequence_)
        return broken("delta",
                      "its sequence is " + std::to_string(delta.sequence) + ", " + std::to_string(next_sequence_) + " was due");
    if (delta.sequence == 1 && !delta.full) return broken("delta", "the first on a channel must be full");
    if (delta_ && (delta_->full != delta.full || delta_->complete != delta.complete))
        return broken("delta", "its frames do not agree on full and complete");

    for (const auto& service : delta.upsert) {
        if (!names_.insert(service->name).second) return broken("delta", "it names " + service->name + " twice");
        backends_ += backends_of(*service);
    }
    for (const auto& name : delta.remove)
        if (!names_.insert(name).second) return broken("delta", "it names " + name + " twice");
    if (names_.size() > limits_.services) return broken("delta", "more than " + std::to_string(limits_.services) + " services");
    if (backends_ > limits_.backends) return broken("delta", "more than " + std::to_string(limits_.backends) + " backends");

    if (!delta_) {
        delta_ = std::move(delta);
    } else {
        append(delta_->upsert, delta.upsert);
        append(delta_->remove, delta.remove);
        delta_->last = delta.last;
    }
    if (!delta_->last) return std::nullopt;
    ++next_sequence_;
    backends_ = 0;
    names_ = {};
    return std::optional<Message>(*std::exchange(delta_, std::nullopt));
}

base::Result<std::optional<Message>> Assembler::add_policies(Policies policies) {
    if (policies_ && policies_->complete != policies.complete) return broken("policies", "its frames do not agree on complete");
    if (!policies_) {
        policies_ = std::move(policies);
    } else {
        append(policies_->rules, policies.rules);
        policies_->last = policies.last;
    }
    if (policies_->rules.size() > limits_.rules)
        return broken("policies", "more than " + std::to_string(limits_.rules) + " rules");
    if (!policies_->last) return std::nullopt;
    return std::optional<Message>(*std::exchange(policies_, std::nullopt));
}

base::Result<std::optional<Message>> Assembler::add_registry(RegistryStatus status) {
    if (!registry_) {
        registry_ = std::move(status);
    } else {
        append(registry_->sources, status.sources);
        registry_->last = status.last;
    }
    if (registry_->sources.size() > limits_.sources)
        return broken("registry", "more than " + std::to_string(limits_.sources) + " sources");
    if (!registry_->last) return std::nullopt;
    return std::optional<Message>(*std::exchange(registry_, std::nullopt));
}

base::Result<std::optional<Message>> Assembler::add_pods(Pods pods) {
    if (!pods_) {
        pods_ = std::move(pods);
    } else {
        append(pods_->pods, pods.pods);
        pods_->last = pods.last;
    }
    if (pods_->pods.size() > limits_.pods) return broken("pods", "more than " + std::to_string(limits_.pods) + " pods");
    if (!pods_->last) return std::nullopt;
    return std::optional<Message>(*std::exchange(pods_, std::nullopt));
}

base::Result<std::optional<Message>> Assembler::add_metrics(MetricsPart part) {
    if (metrics_ && metrics_->whole.id != part.id) return broken("metrics", "it begins before the one before it has ended");
    if (!metrics_) metrics_ = Partial{{part.id, {{"families", json::array()}}, false}, 0};
    if (++metrics_->parts > limits_.metrics_parts)
        return broken("metrics", "more than " + std::to_string(limits_.metrics_parts) + " frames");
    auto* const families = part.part.if_contains("families");
    if (families == nullptr || !families->is_array()) return broken("metrics", "a part without families");
    // Copies into memory of its own: the frame's goes with the frame.
    auto& all = metrics_->whole.part.at("families").as_array();
    for (auto& family : families->get_array()) all.push_back(std::move(family));
    if (!part.last) return std::nullopt;
    metrics_->whole.last = true;
    auto whole = std::exchange(metrics_, std::nullopt);
    return std::optional<Message>(std::move(whole->whole));
}

}  // namespace meshd::channel
