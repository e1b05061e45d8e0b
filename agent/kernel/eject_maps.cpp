// SPDX-License-Identifier: Apache-2.0
#include "kernel/eject_maps.hpp"

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

}  // namespace meshd::kernel
