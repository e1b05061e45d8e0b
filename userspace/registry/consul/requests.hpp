// SPDX-License-Identifier: Apache-2.0
// What is asked of Consul, and what its refusals mean. All but read_token() pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "model/registries.hpp"
#include "registry/intake.hpp"

namespace meshd::registry::consul {

// As http::percent_encode(), but for '/': of a key.
std::string escaped_path(std::string_view path);

// `path` may have a query already. Index 0 asks for an answer at once, another one for the next after it.
std::string url_of(const model::ConsulRegistry& registry, const std::string& path, const std::string& datacenter,
                   std::uint64_t index, std::chrono::milliseconds wait);

// The index of an answer; 0: it has none, or none that can be read, and the next query must not wait.
std::uint64_t index_of(const std::map<std::string, std::string>& headers);

// Consul from 1.11 on tells when it has left out what the token may not see. An empty answer says nothing then.
bool hides_all(const std::map<std::string, std::string>& headers, std::string_view body);
base::Error hidden(const model::ConsulRegistry& registry, const std::string& path);

base::Result<std::string> read_token(const std::string& file);  // empty when no file is named

struct Refusal {
    Failure kind = Failure::server;
    bool of_server = false;  // it would refuse other queries as well
    base::Error error;
};
Refusal refusal(const model::ConsulRegistry& registry, const std::string& path, long status, std::string_view body);

}  // namespace meshd::registry::consul
