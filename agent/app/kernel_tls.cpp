// SPDX-License-Identifier: Apache-2.0
#include "app/kernel_tls.hpp"

namespace meshd::app {

void look_at_kernel_tls(Context& context) {
    constexpr auto feature = "kernel tls";
    const auto& tls = context.settings.tls;
    const auto asked = tls ? tls->kernel : model::KernelTls::off;
    if (asked != model::KernelTls::off && !context.kernel_tls) context.kernel_tls = ktls::self_test();
    if (asked != model::KernelTls::on || context.kernel_tls->serves(true)) return context.degradations.clear(feature);
    context.degradations.set(feature, context.kernel_tls->reason + "; the worker does its work", "write tls.kernel: auto or off");
}

}  // namespace meshd::app
