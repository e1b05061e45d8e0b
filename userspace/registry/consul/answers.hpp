// SPDX-License-Identifier: Apache-2.0
// Reads what Consul answers. Pure. An answer whose form is not Consul's is an error and is to be dropped whole.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "model/service.hpp"

namespace meshd::registry::consul {

// Consul knows maintenance only: with these notes it is meshd, on the host of the instance, that lets it drain.
inline constexpr std::string_view drained_notes = "drained by meshd";

// An instance of a service, with all that its node and its checks say.
struct Instance {
    std::string id;          // "web-1 of node n1": for people
    model::Backend backend;  // its port may be 0
    std::set<std::string> tags;
    std::optional<base::SocketAddress> virtual_address;  // its service's, that programs connect to
    std::optional<base::Protocol> protocol;              // its meta "meshd-protocol"

    bool operator==(const Instance&) const = default;
};

struct Instances {
    std::vector<Instance> instances;
    std::map<std::string, std::string> left_out;  // ids, and why: what is wrong with one does not concern the others
};

base::Result<Instances> parse_instances(std::string_view text);  // /v1/health/service/NAME

// Those that have all the tags: each endpoint once, in its best state (a container that was started anew may have left an
// instance behind that fails), in an order that does not depend on the answer's.
std::vector<model::Backend> backends_of(const Instances& instances, const std::vector<std::string>& tags);

base::Result<std::map<std::string, std::set<std::string>>> parse_catalog(std::string_view text);  // /v1/catalog/services: tags
base::Result<std::map<std::string, std::string>> parse_keys(std::string_view text);               // /v1/kv/PREFIX?recurse: values

// /v1/health/state/critical: each check with the service it is about, empty for one of a node.
using Critical = std::map<std::string, std::string>;
base::Result<Critical> parse_critical(std::string_view text);

}  // namespace meshd::registry::consul
