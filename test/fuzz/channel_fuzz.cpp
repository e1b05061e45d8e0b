// SPDX-License-Identifier: Apache-2.0
// Bytes from a worker that has been taken over. The first byte of an input says what the rest is: 's' a stream of frames, cut by
// the second byte into pieces; anything else lines of JSON, each of which becomes a frame of its own.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "channel/assembler.hpp"
#include "channel/channel.hpp"
#include "channel/frame_reader.hpp"
#include "channel/split.hpp"

namespace {

using namespace meshd::channel;
namespace json = boost::json;

void require(bool holds) {
    if (!holds) std::abort();
}

// What was believed once must be sayable, and be believed again as the same.
void check_round_trip(const Delta& delta) {
    Delta again;
    const auto left_out = split_delta(delta, [&](std::string_view text) {
        require(text.size() <= max_frame);
        auto decoded = decode(json::parse(text).as_object());
        require(decoded.has_value());
        auto& part = std::get<Delta>(*decoded);
        again.upsert.insert(again.upsert.end(), part.upsert.begin(), part.upsert.end());
        again.remove.insert(again.remove.end(), part.remove.begin(), part.remove.end());
        again.last = part.last;
    });
    require(left_out.empty() && again.last && again.remove == delta.remove);
    require(std::equal(again.upsert.begin(), again.upsert.end(), delta.upsert.begin(), delta.upsert.end(),
                       [](const auto& a, const auto& b) { return *a == *b; }));
}

bool take(Assembler& assembler, json::object object) {
    auto message = decode(std::move(object));
    if (!message) {
        require(!message.error().message().empty());
        return true;  // of one line, the next may be better
    }
    if (const auto* const delta = std::get_if<Delta>(&*message)) check_round_trip(*delta);
    return assembler.add(std::move(*message)).has_value();
}

void read_stream(std::string_view bytes, std::size_t step) {
    FrameReader reader;
    Assembler assembler;
    while (!bytes.empty()) {
        auto piece = bytes.substr(0, step);
        bytes.remove_prefix(piece.size());
        while (!piece.empty()) {
            auto message = reader.next(piece);
            if (!message) return;
            if (*message && !take(assembler, std::move(**message))) return;
        }
    }
}

void read_lines(std::string_view text) {
    std::string stream;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        for (const auto shift : {24, 16, 8, 0}) stream += static_cast<char>((line.size() >> shift) & 0xff);
        stream += line;
    }
    read_stream(stream, 65536);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (bytes.size() >= 2 && bytes[0] == 's') {
        read_stream(bytes.substr(2), std::max<std::size_t>(1, data[1]));
    } else {
        read_lines(bytes);
    }
    return 0;
}
