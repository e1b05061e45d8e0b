// SPDX-License-Identifier: Apache-2.0
// What etcd's JSON gateway is sent of a service of this host, and what it answers. Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "announce/book.hpp"

namespace meshd::announce {

std::string etcd_key(std::string_view prefix, const model::Announcement& what);  // PREFIXannounced/web/10.0.0.5:8080
std::string etcd_value(const Wanted& wanted);

std::string grant_request(std::chrono::milliseconds ttl);
std::string lease_request(std::string_view lease);  // to keep it alive, or to end it
std::string put_request(std::string_view key, std::string_view value, std::string_view lease);
std::string read_request(std::string_view key);
std::string delete_request(std::string_view key);

base::Result<std::string> parse_lease(std::string_view answer);  // its id
base::Result<bool> parse_alive(std::string_view answer);         // whether there is such a lease
bool is_no_lease(std::string_view complaint);

}  // namespace meshd::announce
