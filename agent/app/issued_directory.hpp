// SPDX-License-Identifier: Apache-2.0
// Where the worker keeps keys that it has made itself, and what it was given for them.
#pragma once

#include "base/error.hpp"
#include "config/settings.hpp"

namespace meshd::app {

// Its user's alone, with all that is in it. Nothing when no certificate is issued here.
base::Result<void> make_issued_directory(const config::Settings& settings);   // by the signing agent
base::Result<void> make_storage_directory(const config::Settings& settings);  // by an authority, for clients from outside

}  // namespace meshd::app
