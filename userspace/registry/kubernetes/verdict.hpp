// SPDX-License-Identifier: Apache-2.0
// What a node says of a MeshConfiguration in its status, beside what stands there. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json.hpp>

namespace meshd::registry::kubernetes {

struct Verdict {
    std::int64_t generation = 0;  // of the object that it is of
    std::string message;          // why it is refused; empty: it is accepted

    [[nodiscard]] bool accepted() const { return message.empty(); }
    bool operator==(const Verdict&) const = default;
};

// The same words on every node, whatever it calls the registry ("kubernetes:kubernetes"): else each would correct the others.
Verdict verdict_of(std::int64_t generation, const std::string& error, const std::string& source, const std::string& object);

// What is in the way of writing, of an object as the server has it.
struct Standing {
    std::string uid;
    std::string version;
    std::int64_t generation = 0;
    boost::json::array conditions;  // of its status

    // Whether the status says this already.
    [[nodiscard]] bool says(const Verdict& verdict) const;
};
Standing standing_of(const boost::json::object& object);

// A merge patch of the status; the server refuses it when the object has changed. Conditions of others stay.
std::string status_patch(const Standing& standing, const Verdict& verdict, std::chrono::system_clock::time_point now);

}  // namespace meshd::registry::kubernetes
