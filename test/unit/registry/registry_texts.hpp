// SPDX-License-Identifier: Apache-2.0
// Files of services in short.
#pragma once

#include <string>

namespace meshd::registry {

// An item of the list: service `name` at 10.96.0.`host`:80 with one backend of this weight.
inline std::string item(const std::string& name, int host, int weight = 1) {
    return "  - {name: " + name + ", address: 10.96.0." + std::to_string(host) +
           ", port: 80, backends: [{address: 10.0.0.1, port: 8080, weight: " + std::to_string(weight) + "}]}\n";
}

inline std::string file_of(const std::string& items) { return "services:\n" + items; }

}  // namespace meshd::registry
