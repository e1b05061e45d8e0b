// SPDX-License-Identifier: Apache-2.0
// What the kernel can do of TLS between workers, for people to see. The worker tries it out for itself; the agent does before, as
// it may have the kernel load its module.
#pragma once

#include "app/context.hpp"

namespace meshd::app {

// Tries it out, once, where the configuration asks for it, and says so where `on` was asked for in vain.
void look_at_kernel_tls(Context& context);

}  // namespace meshd::app
