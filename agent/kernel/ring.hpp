// SPDX-License-Identifier: Apache-2.0
// What programs tell by a ring buffer, one record of a kind after the other. What was not read when an agent ended waits for the
// next one.
#pragma once

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "kernel/datapath.hpp"

struct ring_buffer;

namespace meshd::kernel {

// Of any kind of record.
class RingReader {
public:
    using Handler = std::function<void(const void* data, std::size_t size)>;
    static base::Result<RingReader> open(const Datapath& datapath, const std::string& map, Handler handler);

    [[nodiscard]] int fd() const;  // readable when there is something to drain
    void drain();

private:
    struct Free {
        void operator()(ring_buffer* ring) const;
    };
    explicit RingReader(std::unique_ptr<Handler> handler) : handler_(std::move(handler)) {}

    std::unique_ptr<Handler> handler_;  // at an address that stays: the ring holds it
    std::unique_ptr<ring_buffer, Free> ring_;
};

// Shorter records, of another version, are passed over.
template <typename Record, typename Handle>
base::Result<RingReader> open_ring(const Datapath& datapath, const std::string& map, Handle handle) {
    return RingReader::open(datapath, map, [handle = std::move(handle)](const void* data, std::size_t size) {
        Record record{};
        if (size < sizeof record) return;
        std::memcpy(&record, data, sizeof record);
        handle(record);
    });
}

}  // namespace meshd::kernel
