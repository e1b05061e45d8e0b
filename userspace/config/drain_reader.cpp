// SPDX-License-Identifier: Apache-2.0
#include "config/drain_reader.hpp"

#include "config/duration.hpp"

namespace meshd::config {

namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 3> drain_keys{"deadline", "sockets", "unhealthy"};
constexpr std::array<std::string_view, 2> sockets_words{"close", "keep"};
constexpr DurationRange deadline_range{1s, 168h, "none or a time from 1s to 168h (units: ms, s, m, h)"};

}  // namespace

void read_drain(Document& document, const MappingReader& service, model::Drain& result) {
    const auto value = service.find("drain");
    if (!value.exists()) return;
    if (value.kind() == Kind::nothing) {
        refuse_value(document, value, "\"drain\"", "a mapping", "remove the key or put something into it");
        return;
    }
    MappingReader drain(document, value, "\"drain\"", drain_keys);
    drain.choice("sockets", result.sockets, sockets_words, model::parse_drain_sockets);
    drain.choice("unhealthy", result.unhealthy, sockets_words, model::parse_drain_sockets);
    if (document.ok() && result.sockets == model::DrainSockets::keep && result.unhealthy == model::DrainSockets::close)
        document.refuse(drain.find("unhealthy").mark(), "\"unhealthy: close\" closes sockets, and \"sockets: keep\" never does",
                        "remove one of the two");
    const auto deadline = drain.find("deadline");
    if (!document.ok() || !deadline.exists()) return;
    if (deadline.kind() == Kind::scalar && deadline.text() == "none") return;
    std::chrono::milliseconds time{};
    read_duration(document, drain, "deadline", time, deadline_range);
    if (document.ok() && result.sockets == model::DrainSockets::keep)
        document.refuse(deadline.mark(), "\"deadline\" says when sockets are closed, and \"sockets: keep\" that they never are",
                        "remove one of the two");
    result.deadline_s = static_cast<std::uint32_t>((time + 999ms) / 1s);
}

}  // namespace meshd::config
