// SPDX-License-Identifier: Apache-2.0
// Where a measuring tool runs, and the other end of its connections as a process of its own.
#pragma once

#include <functional>
#include <string>

#include <sys/types.h>

namespace meshd::bench {

void pin_to(int cpu);  // -1: wherever the scheduler puts it

// Sockets belong to the cgroup that their maker was in. Empty: stay.
void enter_cgroup(const std::string& directory);

// A forked child that ends with this object, or with its parent.
class Child {
public:
    explicit Child(const std::function<void()>& body);
    Child(Child&& other) noexcept;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    Child& operator=(Child&&) = delete;
    ~Child();

private:
    pid_t pid_ = -1;
};

}  // namespace meshd::bench
