// SPDX-License-Identifier: Apache-2.0
// Services for tests of what registries say.
#pragma once

#include <string>
#include <vector>

#include "model/service.hpp"

namespace meshd::registry::test {

inline std::vector<model::Backend> backends(std::size_t count) {
    std::vector<model::Backend> all;
    for (std::size_t i = 0; i < count; ++i) {
        model::Backend backend;
        backend.endpoint = {*base::IpAddress::parse("10.0.0." + std::to_string(i + 1)), 8080};
        all.push_back(std::move(backend));
    }
    return all;
}

inline model::Service service(const std::string& name, std::size_t count, const std::string& address = "10.96.0.10") {
    model::Service made;
    made.name = name;
    made.addresses = {*base::IpAddress::parse(address)};
    made.ports.resize(1);
    made.ports.front().number = 80;
    made.ports.front().backends = backends(count);
    return made;
}

inline model::ServicePtr shared(model::Service service) { return std::make_shared<const model::Service>(std::move(service)); }

}  // namespace meshd::registry::test
