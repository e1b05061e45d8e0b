// SPDX-License-Identifier: Apache-2.0
// What the services would be if the files of the registry were others. Pure.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/service.hpp"

namespace meshd::reconcile {

using Services = std::map<std::string, model::ServicePtr, std::less<>>;

// `files` are all services of files, or (not complete) some. Those in `asked` do not list their backends but ask for them: they
// have the ones that they have now. Services of other registries stay, unless a file has one of the same name.
std::vector<model::ServicePtr> beside_other_registries(std::vector<model::Service> files, const std::set<std::string>& asked,
                                                       bool complete, const Services& now);

}  // namespace meshd::reconcile
