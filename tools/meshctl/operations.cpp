// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"

namespace meshd::meshctl {

Table operations_table(const json::array& operations) {
    return {{text_column("OPERATION", "operation"), text_column("SERVICE", "service"), text_column("WHAT", "text"),
             number_column("ID", "id").wide(), text_column("OBJECT", "object").wide()},
            operations,
            Shown::always,
            {}};
}

}  // namespace meshd::meshctl
