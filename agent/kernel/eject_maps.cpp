// SPDX-License-Identifier: Apache-2.0
#include "kernel/eject_maps.hpp"

#include <cstring>

#include <bpf/libbpf.h>

#include "kernel/map_content.hpp"

namespace meshd::kernel {

base::Result<std::map<std::uint32_t, md_vitals>> EjectMaps::ejected() const {
    std::map<std::uint32_t, md_vitals> all;
    auto read = vitals_.for_each([&](const std::byte* key, const std::byte* value) {
        const auto vitals = read_as<md_vitals>(value);
        if (vitals.ejected_until_ns != 0) all.emplace(read_as<std::uint32_t>(key), vitals);
    });
    if (!read) return tl::make_unexpected(read.error());
    return all;
}

base::Result<bool> EjectMaps::readmit(std::uint32_t service_id, std::uint32_t backend_id, bool early) const {
    md_readmit question{};
    question.service_id = service_id;
    question.backend_id = backend_id;
    question.early = early ? 1 : 0;
    const auto answer = datapath_.ask(question);
    if (!answer) return tl::make_unexpected(answer.error());
    return answer->ended != 0;
}

void EjectionEvents::Free::operator()(ring_buffer* ring) const { ::ring_buffer__free(ring); }

base::Result<EjectionEvents> EjectionEvents::open(const Datapath& datapath, Handler handler) {
    EjectionEvents events(std::make_unique<Handler>(std::move(handler)));
    const auto pass_on = [](void* context, void* data, std::size_t size) {
        md_ejected event{};
        if (size >= sizeof event) {
            std::memcpy(&event, data, sizeof event);
            (*static_cast<Handler*>(context))(event);
        }
        return 0;
    };
    events.ring_.reset(::ring_buffer__new(datapath.map("md_ejections").fd(), pass_on, events.handler_.get(), nullptr));
    if (!events.ring_) return base::fail_errno("read ring buffer", "md_ejections");
    return events;
}

int EjectionEvents::fd() const { return ::ring_buffer__epoll_fd(ring_.get()); }

void EjectionEvents::drain() { ::ring_buffer__consume(ring_.get()); }

}  // namespace meshd::kernel
