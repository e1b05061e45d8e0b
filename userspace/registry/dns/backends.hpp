// SPDX-License-Identifier: Apache-2.0
// Which backends records of DNS stand for. Pure.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "model/service.hpp"
#include "registry/dns/answer.hpp"

namespace meshd::registry::dns {

using AddressesOf = std::function<std::vector<base::IpAddress>(const std::string& host)>;

// Without a port: the service knows it. What cannot be the address of a backend is left out.
std::vector<model::Backend> backends_of(std::span<const base::IpAddress> addresses);

// The records that are to be used, those of the lowest priority; targets that stand for "none" are not among them.
std::vector<SrvRecord> records_in_use(std::span<const SrvRecord> records);

// Each address of a target gets the weight of its record. Weights beyond what a backend may have are scaled down together. RFC
// 2782 gives a record of weight 0 a very small chance beside others; here it is that of weight 1.
std::vector<model::Backend> backends_of(std::span<const SrvRecord> records, const AddressesOf& addresses_of);

}  // namespace meshd::registry::dns
