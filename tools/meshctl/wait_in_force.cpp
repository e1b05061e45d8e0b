// SPDX-License-Identifier: Apache-2.0
#include "wait_in_force.hpp"

#include <algorithm>
#include <map>
#include <thread>

#include <fmt/format.h>

#include "model/policy_json.hpp"
#include "model/service_json.hpp"

namespace meshd::meshctl {

namespace {

using Clock = std::chrono::steady_clock;

// A refusal may be that of what stood there before.
constexpr int times_refused = 10;

// Whether all of `wanted` is in `shown`, which may have more members.
bool has(const json::value& shown, const json::value& wanted) {
    if (const auto* const members = wanted.if_object()) {
        const auto* const object = shown.if_object();
        return object != nullptr && std::all_of(members->begin(), members->end(), [&](const auto& member) {
                   const auto* const value = object->if_contains(member.key());
                   return value != nullptr && has(*value, member.value());
               });
    }
    if (const auto* const items = wanted.if_array()) {
        const auto* const list = shown.if_array();
        return list != nullptr && list->size() == items->size() &&
               std::all_of(items->begin(), items->end(), [&](const auto& item) {
                   return std::any_of(list->begin(), list->end(), [&](const auto& one) { return has(one, item); });
               });
    }
    return shown == wanted;
}

// Of a service: what no settings and nobody's word changes.
json::object essence(const model::Service& service) {
    const auto whole = model::to_json(service);
    json::array ports;
    for (const auto& port : array_at(whole, "ports")) {
        json::object one{{"port", port.at("port")}, {"protocol", port.at("protocol")}};
        json::array backends;
        for (const auto& backend : port.at("backends").as_array())
            backends.push_back(
                {{"address", backend.at("address")}, {"port", backend.at("port")}, {"weight", backend.at("weight")}});
        if (!service.backends_from) one["backends"] = std::move(backends);
        ports.push_back(std::move(one));
    }
    return {{"addresses", whole.at("addresses")}, {"ports", std::move(ports)}, {"status", "applied"}};
}

const json::object* named(const json::array& list, std::string_view name) {
    for (const auto& one : list)
        if (one.is_object() && text_at(one.get_object(), "name") == name) return &one.get_object();
    return nullptr;
}

class Waiting {
public:
    Waiting(const Agent& agent, const store::Store& store) : agent_(agent), store_(store) {}

    // What is still in the way of each object; empty: nothing is.
    Result<std::vector<std::string>> look(const std::vector<store::Declared>& declared) {
        auto registries = agent_.get("/v1/registries");
        if (!registries) return tl::make_unexpected(registries.error());
        const auto* const registry = named(array_at(*registries, "registries"), store_.name());
        if (registry == nullptr)
            return fail(ExitCode::failed, "it is written, but the agent of this host does not follow registry " + store_.name());
        auto policy = agent_.get("/v1/policy");
        if (!policy) return tl::make_unexpected(policy.error());
        std::vector<std::string> open;
        for (const auto& one : declared) {
            const auto why = refusal_of(*registry, one);
            auto missing = why.empty() ? is_missing(one, *policy) : Result<std::string>("it is refused: " + why);
            if (!missing) return tl::make_unexpected(missing.error());
            if (!missing->empty()) open.push_back(one.object.text() + ": " + *missing);
        }
        return open;
    }

    [[nodiscard]] bool is_refused() const {
        return std::any_of(refused_.begin(), refused_.end(), [](const auto& times) { return times.second >= times_refused; });
    }

private:
    std::string refusal_of(const json::object& registry, const store::Declared& one) {
        const auto where = store_.where(one.object);
        for (const auto& refused : array_at(registry, "refused"))
            if (refused.is_object() && where.ends_with("/" + text_at(refused.get_object(), "object"))) {
                ++refused_[one.object];
                return text_at(refused.get_object(), "error");
            }
        refused_.erase(one.object);
        return {};
    }

    Result<std::string> is_missing(const store::Declared& one, const json::object& policy) const {
        const auto where = store_.where(one.object);
        const auto& file = *one.file;
        if (one.object.kind == store::Kind::policy) {
            auto wanted = model::to_json(file.rules[one.index]);
            wanted["source"] = where;
            for (const auto& rule : array_at(policy, "rules"))
                if (has(rule, wanted)) return std::string{};
            return std::string("it is not in force");
        }
        const auto answer = agent_.get("/v1/services/" + one.object.name);
        const bool is_settings = one.object.kind == store::Kind::settings;
        // Settings wait for their service, as long as that takes.
        if (!answer && answer.error().code == ExitCode::failed) return std::string(is_settings ? "" : "it is not there");
        if (!answer) return tl::make_unexpected(answer.error());
        const auto& service = object_at(*answer, "service");
        // A service is called by the registry and its own name, settings by the object that they stand in.
        const auto source = is_settings ? where : where.substr(0, where.find('/') + 1) + one.object.name;
        if (text_at(service, "source").find(source) == std::string::npos)
            return fmt::format("{} has {}", text_at(service, "source"),
                               is_settings ? "the service, without these settings" : "it");
        if (is_settings || has(service, essence(file.services[one.index]))) return std::string{};
        const auto why = text_at(service, "why");
        return why == "-" ? std::string("the change is not in the kernel") : why;
    }

    const Agent& agent_;
    const store::Store& store_;
    std::map<store::Object, int> refused_;  // how often in a row
};

}  // namespace

Result<void> wait_in_force(const Agent& agent, const store::Store& store, const std::vector<store::Declared>& declared,
                           std::chrono::seconds time, std::chrono::milliseconds pause) {
    Waiting waiting(agent, store);
    const auto end = Clock::now() + time;
    while (true) {
        auto open = waiting.look(declared);
        if (!open) {
            auto failure = std::move(open.error());
            if (failure.code == ExitCode::not_reachable) failure.message = "it is written, but " + failure.message;
            return tl::make_unexpected(std::move(failure));
        }
        if (open->empty()) return {};
        if (waiting.is_refused() || Clock::now() > end)
            return tl::make_unexpected(Failure{ExitCode::not_healthy,
                                               "it is written, but this node does not have all of it in force:",
                                               "`meshctl registry show " + store.name() + "` tells more", std::move(*open)});
        std::this_thread::sleep_for(pause);
    }
}

}  // namespace meshd::meshctl
