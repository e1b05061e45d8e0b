// SPDX-License-Identifier: Apache-2.0
// Answers of a server of DNS, or of whoever answers in its place. The first byte of an input says what was asked: 'a', '6' or
// 's'; the rest is the message.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "registry/dns/answer.hpp"
#include "registry/dns/backends.hpp"

namespace {

using namespace meshd::registry::dns;

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto type = data[0] == '6' ? RecordType::aaaa : data[0] == 's' ? RecordType::srv : RecordType::a;
    const auto answer = parse_answer(std::span(data + 1, size - 1), type);
    if (!answer) {
        require(!answer.error().message().empty());
        return 0;
    }
    require(answer->ttl.count() >= 0);
    require(type == RecordType::srv ? answer->addresses.empty() : answer->services.empty());
    const auto somewhere = [](const std::string& host) {
        require(!host.empty());
        return std::vector{*meshd::base::IpAddress::parse("10.0.0.1")};
    };
    auto backends = backends_of(answer->services, somewhere);
    for (auto& backend : backends) require(backend.weight > 0 && backend.weight <= meshd::model::max_weight);
    for (auto& backend : backends_of(answer->addresses)) require(!backend.endpoint.address.is_unspecified());
    return 0;
}
