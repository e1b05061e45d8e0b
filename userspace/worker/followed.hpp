// SPDX-License-Identifier: Apache-2.0
// One registry that is a server, for the parts of Registries.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "worker/registries.hpp"

namespace meshd::worker {

inline const std::string files_name = "files";
inline const std::string dns_name = "dns";  // has no services of its own, and no rank

struct Registries::Followed {
    std::string kind;
    std::size_t rank = 0;
    registry::Intake intake;
    std::unique_ptr<registry::Source> source;  // it uses the intake, so it goes first

    Followed(std::string of_kind, const std::string& name, model::Hold hold, registry::Intake::Handlers handlers)
        : kind(std::move(of_kind)), intake(name == dns_name ? dns_name : kind + ':' + name, hold, std::move(handlers)) {}
};

}  // namespace meshd::worker
