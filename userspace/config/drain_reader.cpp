// SPDX-License-Identifier: Apache-2.0
#include "config/drain_reader.hpp"

#include "config/duration.hpp"
#include "model/misfit.hpp"

namespace meshd::config {

namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 3> drain_keys{"deadline", "sockets", "unhealthy"};
constexpr std::array<std::string_view, 2> sockets_words{"close", "keep"};
constexpr DurationRange deadline_range{1s, 168h, "none or a time from 1s to 168h (units: ms, s, m, h)"};

}  // namespace

void read_drain(Document& document, const MappingReader& service, model::DrainSettings& result) {
    const auto value = service.find("drain");
    if (!value.exists()) return;
    if (value.kind() == Kind::nothing) {
        refuse_value(document, value, "\"drain\"", "a mapping", "remove the key or put something into it");
        return;
    }
    MappingReader drain(document, value, "\"drain\"", drain_keys);
    const auto read_word = [&](auto key, auto& sockets) {
        return drain.choice(key, sockets, sockets_words, model::parse_drain_sockets);
    };
    drain.given("sockets", result.sockets, read_word);
    drain.given("unhealthy", result.unhealthy, read_word);
    if (const auto deadline = drain.find("deadline"); deadline.exists()) {
        std::chrono::milliseconds time{};
        if (deadline.kind() != Kind::scalar || deadline.text() != "none")
            read_duration(document, drain, "deadline", time, deadline_range);
        result.deadline_s = static_cast<std::uint32_t>((time + 999ms) / 1s);
    }
    if (!document.ok()) return;
    if (auto misfit = model::find_misfit(result))
        document.refuse(drain.find(misfit->key).mark(), std::move(misfit->detail), std::move(misfit->remedy));
}

}  // namespace meshd::config
