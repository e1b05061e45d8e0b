// SPDX-License-Identifier: Apache-2.0
// The pods of this node. Pure: it is told objects and tells its Intake.
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "registry/intake.hpp"
#include "registry/kubernetes/object_table.hpp"
#include "registry/kubernetes/objects.hpp"

namespace meshd::registry::kubernetes {

class Pods {
public:
    explicit Pods(Intake& intake) : intake_(intake) {}

    void begin_list() { pods_.begin_list(); }
    // One that cannot be read is none: whoever would have its identity has no other.
    void put(const boost::json::object& object);
    void remove(const boost::json::object& object);
    void end_list();  // all of the list was put: what it did not name is gone
    // What was put and removed is all for now. Those that have ended are left out, and in the order of their uids.
    void tell();

private:
    void remove(const std::string& key);

    Intake& intake_;
    ObjectTable<PodObject> pods_;
    bool is_changed_ = true;
};

}  // namespace meshd::registry::kubernetes
