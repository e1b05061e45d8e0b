// SPDX-License-Identifier: Apache-2.0
// What a Consul agent is sent of a service of this host. Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "announce/book.hpp"
#include "model/registries.hpp"

namespace meshd::announce {

std::string consul_id(const model::Announcement& what);  // of the service and of its check: "meshd/web/10.0.0.5:8080"

// How long after its end Consul forgets a service: Consul takes no less than a minute.
std::chrono::milliseconds forgotten_after(std::chrono::milliseconds ttl);

// `is_passing`: what a check that Consul does not have yet begins with.
std::string registration(const Wanted& wanted, bool is_passing);
std::string check_update(const Wanted& wanted);

// Of the agent that is asked: without a datacenter and how to read.
std::string agent_url(const model::ConsulRegistry& registry, const std::string& path);

// Consul does not have the service, or its check.
bool is_unknown(long status, std::string_view body);

}  // namespace meshd::announce
