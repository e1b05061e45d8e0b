// SPDX-License-Identifier: Apache-2.0
// Reads one file of the registry: a list of services, one of policy rules and one of settings for services that are described
// elsewhere. A file is taken whole or not at all.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "config/tree.hpp"
#include "model/policy.hpp"
#include "model/service.hpp"
#include "model/service_settings.hpp"

namespace meshd::config {

// Where the parts of a service that no other service may have were written.
struct ServiceMarks {
    Mark name;
    std::vector<Mark> addresses;  // as many as the service has, in the same order
};

struct RegistryFile {
    std::string name;                              // as it is called in errors
    std::vector<model::Service> services;          // without a source
    std::vector<ServiceMarks> marks;               // as many as services, in the same order
    std::vector<model::Rule> rules;                // without a source
    std::vector<model::ServiceSettings> settings;  // without a source
};

// Errors name FILE:LINE:COLUMN as their object. `file_name` is only for them.
base::Result<RegistryFile> parse_registry_file(std::string_view text, std::string_view file_name);
base::Result<std::vector<model::Service>> parse_services(std::string_view text, std::string_view file_name);

}  // namespace meshd::config
