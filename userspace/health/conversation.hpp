// SPDX-License-Identifier: Apache-2.0
// What is asked of a backend and how its answer is read, without I/O: bytes in, bytes out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "model/health.hpp"

namespace meshd::health {

// What an attempt came to.
struct Finding {
    model::ProbeResult result = model::ProbeResult::success;
    std::string detail;

    [[nodiscard]] bool is_success() const { return result == model::ProbeResult::success; }
    bool operator==(const Finding&) const = default;
};

// One question. Once there is a finding, nothing more may be called.
class Conversation {
public:
    Conversation() = default;
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;
    virtual ~Conversation() = default;

    virtual std::string take_output() = 0;  // what is to be sent now, the question first; empty: nothing
    virtual std::optional<Finding> take(std::string_view bytes) = 0;
    virtual Finding end() = 0;  // the peer sends nothing more
};

// The probe must outlive them. `authority`: what Host or :authority says.
std::unique_ptr<Conversation> http1_conversation(const model::Probe& probe, const std::string& authority);
// Also the one of gRPC, for a probe of that type. `scheme`: "http" or "https".
std::unique_ptr<Conversation> http2_conversation(const model::Probe& probe, const std::string& authority,
                                                 std::string_view scheme);

}  // namespace meshd::health
