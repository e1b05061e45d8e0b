// SPDX-License-Identifier: Apache-2.0
// Puts messages that came in several frames together again.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_set>

#include "channel/messages.hpp"

namespace meshd::channel {

// What a peer may make the assembler hold. The defaults are above what the datapath's maps take at their default sizes.
struct AssemblerLimits {
    std::size_t services = 131072;
    std::size_t backends = 1048576;
    std::size_t sources = 131072;
    std::size_t rules = 4 * model::max_rules;  // more than max_rules are refused, with words, where they are compiled
    std::size_t pods = model::max_pods;
    std::size_t metrics_parts = 256;  // frames of one answer, so at most 256 MiB of text
};

// One for each Channel: it also knows which sequence comes next.
class Assembler {
public:
    explicit Assembler(AssemblerLimits limits = {}) : limits_(limits) {}

    // The message when it is whole, nothing while more frames must come. An error means that the peer does not keep the protocol:
    // a batch that does not follow the one before, a first batch that is not full, a batch mixed with another, more than the
    // limits allow. Close the channel then.
    base::Result<std::optional<Message>> add(Message message);

private:
    base::Result<std::optional<Message>> add_delta(Delta delta);
    base::Result<std::optional<Message>> add_policies(Policies policies);
    base::Result<std::optional<Message>> add_registry(RegistryStatus status);
    base::Result<std::optional<Message>> add_pods(Pods pods);
    base::Result<std::optional<Message>> add_metrics(MetricsPart part);

    struct Partial {
        MetricsPart whole;
        std::size_t parts = 0;
    };

    AssemblerLimits limits_;
    std::uint64_t next_sequence_ = 1;
    std::optional<Delta> delta_;
    std::unordered_set<std::string> names_;  // in the batch of delta_
    std::size_t backends_ = 0;
    std::optional<Policies> policies_;
    std::optional<RegistryStatus> registry_;
    std::optional<Pods> pods_;
    std::optional<Partial> metrics_;
};

}  // namespace meshd::channel
