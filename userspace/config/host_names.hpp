// SPDX-License-Identifier: Apache-2.0
// Names of hosts, and addresses of HTTP servers.
#pragma once

#include <string_view>

namespace meshd::config {

// HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT, where a host is a name or an IPv4 address.
bool is_authority(std::string_view text);

// Labels of at most 63 letters, digits, "-" and "_" with dots between them, at most 253 bytes; none is empty.
bool is_dns_name(std::string_view text);

}  // namespace meshd::config
