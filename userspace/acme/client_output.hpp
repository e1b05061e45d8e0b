// SPDX-License-Identifier: Apache-2.0
// What uacme writes, as one sentence for a person. Pure.
#pragma once

#include <string>
#include <vector>

namespace meshd::acme {

struct Trouble {
    std::string text;  // why it failed, without an end
    bool is_rate_limited = false;
    bool has_no_account = false;  // the authority does not know the key
};

Trouble trouble_in(const std::vector<std::string>& lines);

// The account is there, whoever made it.
bool has_account_already(const std::vector<std::string>& lines);

}  // namespace meshd::acme
