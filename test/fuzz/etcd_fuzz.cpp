// SPDX-License-Identifier: Apache-2.0
// Answers of an etcd that is none, or of something between it and us. The first byte of an input says what the rest is: 'r' a
// range, 't' a token, 'c' a complaint, 'a' the value of an announcement, 'w' the stream of a watch, cut by the second byte into
// pieces. What a watch tells goes where it goes in the worker.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "registry/etcd/announced.hpp"
#include "registry/etcd/answers.hpp"
#include "registry/etcd/object_stream.hpp"
#include "registry/units.hpp"

namespace {

using namespace meshd::registry;

void require(bool holds) {
    if (!holds) std::abort();
}

void read_range(std::string_view text) {
    const auto range = etcd::parse_range(text);
    if (!range) return require(!range.error().message().empty());
    require(range->revision > 0 && (!range->more || !range->items.empty()));
    for (const auto& item : range->items) require(!item.key.empty());
}

// What is taken is one backend; what is not is refused, and none.
void read_announced(std::string_view text) {
    Intake intake("etcd:fuzz", {.share = 100}, {[] {}, [] {}, [] {}});
    etcd::Announced announced(intake, "announced/");
    const meshd::model::BackendsFrom query{meshd::model::BackendsFrom::Kind::etcd, {}, "web", {}, {}};
    announced.want({query});
    announced.replace({{"announced/web/a", std::string(text)}});
    require(intake.find_set(query)->size() + intake.refused().size() == 1);
    announced.remove("announced/web/a");
    require(intake.find_set(query)->empty() && intake.refused().empty());
}

void read_watch(std::string_view bytes, std::size_t step) {
    Intake intake("etcd:fuzz", {.share = 100}, {[] {}, [] {}, [] {}});
    Units units(intake);
    etcd::ObjectStream stream;
    while (!bytes.empty()) {
        const auto piece = bytes.substr(0, step);
        bytes.remove_prefix(piece.size());
        const auto fed = stream.feed(piece, [&](const boost::json::object& object) {
            const auto watched = etcd::parse_watched(object);
            if (!watched) return false;
            require(watched->canceled || watched->revision > 0);
            (void)watched->complaint.kind();
            for (const auto& event : watched->events) {
                if (event.deleted)
                    units.remove(event.item.key);
                else
                    units.put(event.item.key, event.item.value);
            }
            return true;
        });
        if (!fed) break;
    }
    units.replace({});
    require(intake.services().empty() && intake.refused().empty() && intake.rules().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (bytes.size() < 2) return 0;
    const auto rest = bytes.substr(1);
    if (bytes[0] == 'r') read_range(rest);
    if (bytes[0] == 't') (void)etcd::parse_token(rest);
    if (bytes[0] == 'c') require(!etcd::parse_complaint(500, rest).message.empty());
    if (bytes[0] == 'a') read_announced(rest);
    if (bytes[0] == 'w') read_watch(rest.substr(1), std::max<std::size_t>(1, data[1]));
    return 0;
}
