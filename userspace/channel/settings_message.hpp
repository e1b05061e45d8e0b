// SPDX-License-Identifier: Apache-2.0
// Reading the settings that the agent gives its worker. Private to this library.
#pragma once

#include <boost/json/object.hpp>

#include "channel/messages.hpp"

namespace meshd::channel {

base::Result<Message> decode_settings(const boost::json::object& object);

}  // namespace meshd::channel
