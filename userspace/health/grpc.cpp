// SPDX-License-Identifier: Apache-2.0
#include "health/grpc.hpp"

#include <algorithm>

namespace meshd::health {

using model::ProbeResult;

namespace {

constexpr std::size_t prefix_size = 5;  // one byte of flags, four of length
constexpr unsigned not_found = 5;       // https://grpc.io/docs/guides/status-codes/
constexpr unsigned unimplemented = 12;

// HealthCheckResponse.ServingStatus
constexpr std::uint64_t serving = 1;
constexpr std::uint64_t not_serving = 2;
constexpr std::uint64_t service_unknown = 3;

void add_varint(std::string& text, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) text += static_cast<char>(value | 0x80);
    text += static_cast<char>(value);
}

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        value |= std::uint64_t{byte & 0x7fU} << shift;
        if ((byte & 0x80) == 0) return value;
    }
    return std::nullopt;
}

// Of a field that is not known: only its size matters.
bool skip(std::string_view& bytes, std::uint64_t wire_type) {
    std::uint64_t size = 0;
    if (wire_type == 0) return take_varint(bytes).has_value();
    if (wire_type == 1) size = 8;
    if (wire_type == 5) size = 4;
    if (wire_type == 2) size = take_varint(bytes).value_or(~std::uint64_t{0});
    if (size == 0 && wire_type != 2) return false;
    if (size > bytes.size()) return false;
    bytes.remove_prefix(size);
    return true;
}

// The field "status", 1, an enumeration; 0 when it is not there; nothing when this is no message.
std::optional<std::uint64_t> serving_status(std::string_view message) {
    std::uint64_t status = 0;
    while (!message.empty()) {
        const auto tag = take_varint(message);
        if (!tag) return std::nullopt;
        if (*tag == 0x08) {
            const auto value = take_varint(message);
            if (!value) return std::nullopt;
            status = *value;
        } else if (!skip(message, *tag & 7)) {
            return std::nullopt;
        }
    }
    return status;
}

std::optional<std::string_view> only_message(std::string_view body) {
    if (body.size() < prefix_size || body[0] != 0) return std::nullopt;  // compressed: nobody asked for it
    std::uint32_t size = 0;
    for (std::size_t i = 1; i < prefix_size; ++i) size = size << 8 | static_cast<unsigned char>(body[i]);
    if (body.size() - prefix_size != size) return std::nullopt;
    return body.substr(prefix_size);
}

}  // namespace

std::string grpc_request(std::string_view service) {
    std::string message;
    if (!service.empty()) {
        message += '\x0a';  // field 1, a string
        add_varint(message, service.size());
        message += service;
    }
    std::string request(1, '\0');
    for (const auto shift : {24, 16, 8, 0}) request += static_cast<char>(message.size() >> shift);
    return request + message;
}

Finding grpc_finding(std::optional<unsigned> status, std::string_view message, std::string_view body) {
    if (!status) return {ProbeResult::grpc_error, "no grpc-status"};
    if (*status == not_found) return {ProbeResult::unknown_service, {}};
    if (*status != 0) {
        auto detail = "status " + std::to_string(*status);
        if (*status == unimplemented)
            detail += ": the server has no grpc.health.v1.Health";
        else if (!message.empty())
            detail += ": " + std::string(message.substr(0, 100));
        return {ProbeResult::grpc_error, detail};
    }
    const auto answer = only_message(body);
    const auto health = answer ? serving_status(*answer) : std::nullopt;
    if (!health) return {ProbeResult::grpc_error, "the answer is no HealthCheckResponse"};
    if (*health == serving) return {};
    if (*health == not_serving) return {ProbeResult::not_serving, {}};
    if (*health == service_unknown) return {ProbeResult::unknown_service, {}};
    return {ProbeResult::grpc_error, "health status " + std::to_string(*health)};
}

}  // namespace meshd::health
