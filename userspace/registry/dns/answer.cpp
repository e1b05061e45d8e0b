// SPDX-License-Identifier: Apache-2.0
#include "registry/dns/answer.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <arpa/nameser.h>
#include <resolv.h>

namespace meshd::registry::dns {

namespace {

constexpr std::uint16_t srv_fixed_bytes = 6;
constexpr std::chrono::seconds longest_ttl{604'800};  // RFC 8767, section 4: a larger one is a mistake

tl::unexpected<base::Error> refuse(std::string_view why) {
    return base::fail({"read", "the answer", 0, "it is no whole message of DNS: " + std::string(why), {}});
}

std::chrono::seconds ttl_of(const ns_rr& record) {
    // With the highest bit set it counts as zero, RFC 2181, section 8.
    const auto ttl = ns_rr_ttl(record);
    return (ttl & 0x80000000U) != 0 ? std::chrono::seconds(0) : std::min(std::chrono::seconds(ttl), longest_ttl);
}

std::optional<base::IpAddress> read_address(const ns_rr& record, RecordType type) {
    const std::size_t size = type == RecordType::a ? 4 : 16;
    if (ns_rr_rdlen(record) != size) return std::nullopt;
    base::IpAddress address;
    if (size == 4) address.bytes[10] = address.bytes[11] = 0xff;
    std::copy_n(ns_rr_rdata(record), size, address.bytes.end() - static_cast<std::ptrdiff_t>(size));
    return address;
}

std::optional<SrvRecord> read_service(ns_msg& message, const ns_rr& record) {
    if (ns_rr_rdlen(record) <= srv_fixed_bytes) return std::nullopt;
    const auto* const data = ns_rr_rdata(record);
    std::array<char, NS_MAXDNAME> target{};
    if (ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), data + srv_fixed_bytes, target.data(), target.size()) < 0)
        return std::nullopt;
    SrvRecord service{static_cast<std::uint16_t>(ns_get16(data)), static_cast<std::uint16_t>(ns_get16(data + 2)),
                      static_cast<std::uint16_t>(ns_get16(data + 4)), target.data()};
    if (service.target.ends_with('.')) service.target.pop_back();
    for (auto& c : service.target)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    return service;
}

// RFC 2308, section 5: the smaller of the TTL of the SOA record and its last number.
base::Result<std::chrono::seconds> ttl_of_nothing(ns_msg& message) {
    auto ttl = nothing_ttl;
    for (int i = 0; i < ns_msg_count(message, ns_s_ns); ++i) {
        ns_rr record;
        if (ns_parserr(&message, ns_s_ns, i, &record) != 0) return refuse("a record is cut off");
        if (ns_rr_type(record) != ns_t_soa || ns_rr_rdlen(record) < NS_INT32SZ) continue;
        const auto minimum = ns_get32(ns_rr_rdata(record) + ns_rr_rdlen(record) - NS_INT32SZ);
        ttl = std::min(ttl_of(record), std::chrono::seconds(minimum));
    }
    return ttl;
}

}  // namespace

std::string_view name(RecordType type) { return type == RecordType::a ? "A" : type == RecordType::aaaa ? "AAAA" : "SRV"; }

base::Result<Answer> parse_answer(std::span<const std::uint8_t> bytes, RecordType type) {
    ns_msg message;
    if (bytes.size() > NS_MAXMSG || ns_initparse(bytes.data(), static_cast<int>(bytes.size()), &message) != 0)
        return refuse("it ends too early");
    Answer answer{.addresses = {}, .services = {}, .ttl = longest_ttl};
    for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
        ns_rr record;
        if (ns_parserr(&message, ns_s_an, i, &record) != 0) return refuse("a record is cut off");
        if (ns_rr_class(record) != ns_c_in) continue;
        answer.ttl = std::min(answer.ttl, ttl_of(record));
        if (ns_rr_type(record) != static_cast<std::uint16_t>(type)) continue;
        if (type == RecordType::srv) {
            auto service = read_service(message, record);
            if (!service) return refuse("an SRV record cannot be read");
            answer.services.push_back(std::move(*service));
        } else {
            const auto address = read_address(record, type);
            if (!address) return refuse("an address has another length");
            answer.addresses.push_back(*address);
        }
    }
    if (!answer.addresses.empty() || !answer.services.empty()) return answer;
    // An alias that leads nowhere is believed no longer than it stands.
    const auto ttl = ttl_of_nothing(message);
    if (!ttl) return base::fail(ttl.error());
    answer.ttl = std::min(answer.ttl, *ttl);
    return answer;
}

}  // namespace meshd::registry::dns
