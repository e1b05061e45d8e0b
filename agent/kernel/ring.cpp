// SPDX-License-Identifier: Apache-2.0
#include "kernel/ring.hpp"

#include <bpf/libbpf.h>

namespace meshd::kernel {

void RingReader::Free::operator()(ring_buffer* ring) const { ::ring_buffer__free(ring); }

base::Result<RingReader> RingReader::open(const Datapath& datapath, const std::string& map, Handler handler) {
    RingReader reader(std::make_unique<Handler>(std::move(handler)));
    const auto pass_on = [](void* context, void* data, std::size_t size) {
        (*static_cast<Handler*>(context))(data, size);
        return 0;
    };
    reader.ring_.reset(::ring_buffer__new(datapath.map(map).fd(), pass_on, reader.handler_.get(), nullptr));
    if (!reader.ring_) return base::fail_errno("read ring buffer", map);
    return reader;
}

int RingReader::fd() const { return ::ring_buffer__epoll_fd(ring_.get()); }

void RingReader::drain() { ::ring_buffer__consume(ring_.get()); }

}  // namespace meshd::kernel
