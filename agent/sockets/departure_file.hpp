// SPDX-License-Identifier: Apache-2.0
// What an agent leaves to the next one, so that a deadline does not begin anew with it. After a reboot none of the sockets is
// there any more, and the file means nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "sockets/departures.hpp"

namespace meshd::sockets {

std::string departures_text(const Departures::All& departures, std::string_view boot);
// Empty when it is of another boot. A text that is not as departures_text() writes it is an error.
base::Result<std::vector<Departure>> parse_departures(std::string_view text, std::string_view boot);

class DepartureFile {
public:
    explicit DepartureFile(const std::string& directory) : directory_(directory), path_(directory + "/departures.json") {}

    // Written beside and renamed. For any thread, one at a time.
    [[nodiscard]] base::Result<void> save(const std::string& text) const;
    [[nodiscard]] base::Result<std::vector<Departure>> load() const;  // no file: none
    [[nodiscard]] base::Result<void> remove() const;

private:
    std::string directory_, path_;
};

// What the kernel calls this boot.
std::string boot_id();

}  // namespace meshd::sockets
