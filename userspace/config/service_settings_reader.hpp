// SPDX-License-Identifier: Apache-2.0
// Reads what can be said of a service by itself or by an item of "service_settings".
#pragma once

#include "config/document.hpp"
#include "config/mapping_reader.hpp"
#include "model/service_settings.hpp"

namespace meshd::config {

// All keys but the name. `is_whole`: it is the service itself that is read, so what is not given is as usual.
void read_settings(Document& document, const MappingReader& object, bool is_whole, model::ServiceSettings& result);

// One item of "service_settings", with its place and without a source. Check document.ok() before the result is used.
model::ServiceSettings read_service_settings(Document& document, Value value);

}  // namespace meshd::config
