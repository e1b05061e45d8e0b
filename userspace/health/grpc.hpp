// SPDX-License-Identifier: Apache-2.0
// The two messages of grpc.health.v1.Health/Check. Each has one field, so they are written and read here rather than by a
// library: protobuf would bring a compiler into the build and megabytes into the worker for some ten bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "health/conversation.hpp"

namespace meshd::health {

inline constexpr std::string_view grpc_path = "/grpc.health.v1.Health/Check";

// HealthCheckRequest, with gRPC's prefix of five bytes.
std::string grpc_request(std::string_view service);

// What the trailers and the body of an answer with HTTP status 200 say. `status`: of grpc-status, nothing: not there.
Finding grpc_finding(std::optional<unsigned> status, std::string_view message, std::string_view body);

}  // namespace meshd::health
