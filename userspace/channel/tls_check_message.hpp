// SPDX-License-Identifier: Apache-2.0
// Reading what is to be checked, and what was found. Private to this library.
#pragma once

#include <boost/json/object.hpp>

#include "channel/messages.hpp"

namespace meshd::channel {

base::Result<Message> decode_tls_check(const boost::json::object& object);
base::Result<Message> decode_tls_finding(const boost::json::object& object);

}  // namespace meshd::channel
