// SPDX-License-Identifier: Apache-2.0
// What a message of DNS answers to one question. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/error.hpp"

namespace meshd::registry::dns {

enum class RecordType : std::uint8_t { a = 1, aaaa = 28, srv = 33 };
std::string_view name(RecordType type);  // "A", "AAAA", "SRV"

struct SrvRecord {
    std::uint16_t priority = 0;
    std::uint16_t weight = 0;
    std::uint16_t port = 0;
    std::string target;  // in lower case, without a dot at its end; empty: there is decidedly none
    auto operator<=>(const SrvRecord&) const = default;
};

struct Answer {
    std::vector<base::IpAddress> addresses;  // of A or AAAA
    std::vector<SrvRecord> services;         // of SRV
    std::chrono::seconds ttl{0};             // of the record that goes first, aliases on the way included
};

// How long to believe that there is nothing when the server does not say it: such answers are not to be kept (RFC 2308, section
// 5).
inline constexpr std::chrono::seconds nothing_ttl{5};

// The records of this type in the message; without any, also when the name does not exist, an answer that has none. A message
// that reports a failure is not for here.
base::Result<Answer> parse_answer(std::span<const std::uint8_t> message, RecordType type);

}  // namespace meshd::registry::dns
