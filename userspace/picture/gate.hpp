// SPDX-License-Identifier: Apache-2.0
// Who may look at the picture: what a request must have before it is answered.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "http/message.hpp"
#include "model/picture.hpp"

namespace meshd::picture {

inline constexpr std::size_t least_token = 16;  // characters

// Whether the Host header of a request may lead here: an address, localhost or one of `hosts`. A page of somebody else that has
// had its own name led to this address (DNS rebinding) comes with that name.
bool is_own_host(std::string_view host, const model::PictureSettings& settings);

// The token that questions must bring; nothing: none. An error: there should be one, but the file holds none that is good for it.
base::Result<std::optional<std::string>> token_of(const model::PictureSettings& settings);

// Whether the request brings this token, "Authorization: Bearer TOKEN". It takes as long for one that is nearly right as for
// another.
bool brings(const http::Request& request, std::string_view token);

// Whether a browser says that a page of another site asks.
bool is_of_other_site(const http::Request& request);

}  // namespace meshd::picture
