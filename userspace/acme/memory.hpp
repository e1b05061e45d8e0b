// SPDX-License-Identifier: Apache-2.0
// What of failures must outlive the worker: authorities lock out who asks too often, and a new worker would begin anew.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "acme/schedule.hpp"
#include "base/error.hpp"

namespace meshd::acme {

struct Failures {
    std::uint32_t count = 0;  // in a row
    Time next{};              // when it is tried again
    std::string problem;      // of the last time
};

class Memory {
public:
    // `settings`: in words, what the failures were met with. With others everything may be tried again at once.
    explicit Memory(std::string path, std::string settings) : path_(std::move(path)), settings_(std::move(settings)) {}

    // No file, and one of other settings, is no error: nothing has failed yet.
    base::Result<void> load(Time now);
    base::Result<void> save() const;

    // By the name of the certificate's file.
    [[nodiscard]] const Failures* find(const std::string& name) const;
    void set(const std::string& name, Failures failures) { all_[name] = std::move(failures); }
    void forget(const std::string& name) { all_.erase(name); }

private:
    std::string path_, settings_;
    std::map<std::string, Failures> all_;
};

}  // namespace meshd::acme
