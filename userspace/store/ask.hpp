// SPDX-License-Identifier: Apache-2.0
// One question to a server, and its answer.
#pragma once

#include <functional>

#include "web/async_client.hpp"

namespace meshd::store {

using Answer = tl::expected<web::AsyncResponse, web::AsyncError>;
using Ask = std::function<Answer(web::AsyncRequest)>;

// Blocks until the answer is there. Connections are kept from question to question.
Ask ask_by_http();

}  // namespace meshd::store
