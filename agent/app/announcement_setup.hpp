// SPDX-License-Identifier: Apache-2.0
// Services of this host that the worker announces: which of them people have drained, and how they stand.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>

#include "app/context.hpp"

namespace meshd::app {

// One row for each that the settings name, as the worker told of it last, in the form of docs/api.md.
boost::json::array announcement_rows(const Context& context);

// Ids of those that a registry knows as well: a worker that begins takes them over.
std::vector<std::string> known_announcements(const Context& context);

class AnnouncementSetup {
public:
    // `changed`: the worker is to be told.
    AnnouncementSetup(Context& context, std::function<void()> changed) : context_(context), changed_(std::move(changed)) {}

    void load();  // what people said before this agent
    // False: no service of this name is announced.
    base::Result<bool> set_drained(const std::string& name, bool is_drained);

private:
    Context& context_;
    std::function<void()> changed_;
};

}  // namespace meshd::app
