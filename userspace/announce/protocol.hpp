// SPDX-License-Identifier: Apache-2.0
// How a kind of registry is told of a service.
#pragma once

#include <functional>
#include <string>

#include "announce/book.hpp"
#include "base/error.hpp"

namespace meshd::announce {

struct Problem {
    enum class Kind {
        forgotten,  // the registry knows nothing of the service
        refused,    // it does not take this one
        server,     // it would not take others either
    };
    Kind kind = Kind::server;
    base::Error error{};
};

// On the thread of the loop that it was made with, one request of its owner after the other: `done` is called once for each,
// perhaps at once. Whatever is under way when it is destroyed is given up, without a call.
class Protocol {
public:
    using Outcome = tl::expected<void, Problem>;
    using Done = std::function<void(Outcome)>;

    Protocol() = default;
    Protocol(const Protocol&) = delete;
    Protocol& operator=(const Protocol&) = delete;
    virtual ~Protocol() = default;

    virtual void perform(const Step& step, Done done) = 0;
};

}  // namespace meshd::announce
