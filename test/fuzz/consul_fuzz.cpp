// SPDX-License-Identifier: Apache-2.0
// Answers of Consul. The first byte says to which question; what is read of them must be what the rest of the worker relies on.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "registry/consul/discovered.hpp"

namespace {

using namespace meshd;
using namespace meshd::registry::consul;

void require(bool holds) {
    if (!holds) std::abort();
}

void check(const model::Backend& backend) {
    require(!backend.endpoint.address.is_unspecified() && !backend.endpoint.address.is_multicast());
    require(backend.weight <= model::max_weight && backend.locality.size() <= 255 && backend.labels.size() <= model::max_labels);
    for (const auto& [name, value] : backend.labels)
        require(!name.empty() && name.size() <= model::max_label_length && value.size() <= model::max_label_length);
}

void check_instances(std::string_view text) {
    const auto instances = parse_instances(text);
    if (!instances) return;
    const auto backends = backends_of(*instances, {});
    for (std::size_t i = 0; i < backends.size(); ++i) {
        check(backends[i]);
        require(i == 0 || backends[i - 1].endpoint < backends[i].endpoint);
    }
    require(backends_of(*instances, {"a"}).size() <= instances->instances.size());
    const auto service = discovered("web", *instances);
    if (!service || !*service) return;
    const auto& port = (*service)->ports.at(0);
    require(port.number != 0 && !(*service)->addresses.empty() && port.backends.size() <= backends.size());
    for (const auto& backend : port.backends) require(backend.endpoint.port != 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0]) {
        case 'c':
            (void)parse_catalog(text);
            break;
        case 'k':
            if (const auto keys = parse_keys(text))
                for (const auto& [key, value] : *keys) require(!key.empty() && key.back() != '/');
            break;
        case 's':
            (void)parse_critical(text);
            break;
        default:
            check_instances(text);
    }
    return 0;
}
