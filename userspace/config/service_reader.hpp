// SPDX-License-Identifier: Apache-2.0
// Reads one service of a registry file.
#pragma once

#include <vector>

#include "config/document.hpp"
#include "config/registry_file.hpp"

namespace meshd::config {

struct ReadService {
    model::Service service;
    ServiceMarks marks;
    std::vector<Mark> backends;  // of each backend, in the order of the file; the same for every port
};

// Check document.ok() before the result is used.
ReadService read_service(Document& document, Value value);

}  // namespace meshd::config
