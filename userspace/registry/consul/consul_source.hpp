// SPDX-License-Identifier: Apache-2.0
// Consul as a source: backends of services that files name, services that have an address of their own in Consul, and registry
// files in its keys (docs/consul.md).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "registry/consul/answers.hpp"
#include "registry/consul/blocking_queries.hpp"
#include "registry/source.hpp"
#include "registry/units.hpp"

namespace meshd::registry::consul {

class ConsulSource : public Source {
public:
    ConsulSource(boost::asio::io_context& io, web::AsyncClient& client, model::ConsulRegistry settings, Intake& intake,
                 Times times = {});
    ~ConsulSource() override;

    void start() override;
    void sync() override;
    void want(const std::set<model::BackendsFrom>& queries) override;

private:
    using Next = BlockingQueries::Next;

    struct Name {
        std::string service;
        std::string datacenter;  // empty: the registry's
        auto operator<=>(const Name&) const = default;
        [[nodiscard]] std::string id() const { return "service " + service + (datacenter.empty() ? "" : " in " + datacenter); }
    };
    // A service whose instances are asked for.
    struct Followed {
        std::set<model::BackendsFrom> queries;  // that are answered from them
        bool in_catalog = false;                // it may have an address of its own
        std::set<std::string> tags;             // that the catalog gave it last
        std::set<std::string> refused;          // what the intake was told to be wrong with it
    };

    void follow(const Name& name);
    void unfollow_if_unused(const Name& name);
    void ask_otherwise();
    base::Result<Next> take_catalog(const std::string& body);
    base::Result<Next> take_critical(const std::string& body);
    base::Result<Next> take_instances(const Name& name, const std::string& body);
    base::Result<Next> take_keys(const std::string& body);
    void put_discovered(const std::string& name);
    void remove_if_gone(const std::string& name);
    void refuse(std::set<std::string>& refused, const std::map<std::string, base::Error>& now);

    model::ConsulRegistry settings_;
    Intake& intake_;
    Units units_;
    bool is_started_ = false;
    bool knows_keys_ = false;
    std::map<Name, Followed> followed_;
    std::map<std::string, model::Service> discovered_;  // last good, by name
    std::set<std::string> keys_;                        // that units_ holds
    std::set<std::string> left_keys_;                   // services that no key has any more and that the intake may hold back
    Critical critical_;
    BlockingQueries queries_;
};

}  // namespace meshd::registry::consul
