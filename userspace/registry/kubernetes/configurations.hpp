// SPDX-License-Identifier: Apache-2.0
// The MeshConfigurations of a cluster: registry files as objects. Pure: it is told objects and tells its Intake.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "registry/kubernetes/verdict.hpp"
#include "registry/units.hpp"

namespace meshd::registry::kubernetes {

class Configurations {
public:
    explicit Configurations(Intake& intake);

    void begin_list();
    void put(const boost::json::object& object);
    void remove(const boost::json::object& object);
    void end_list();  // all of the list was put: what it did not name is gone

    [[nodiscard]] const Units& units() const { return units_; }
    // Names of services that objects have got or lost since the last call.
    std::set<std::string> take_touched() { return std::exchange(touched_, {}); }

    // Statuses that do not say what they should and were not written yet. One node writes the same once: where another one then
    // says something else, as one of another version may, that stays.
    struct Unsaid {
        std::string object;
        Standing standing;
        Verdict verdict;
    };
    [[nodiscard]] std::vector<Unsaid> unsaid() const;
    void written(const Unsaid& unsaid);
    void not_written(const std::string& object);  // it may be written again

private:
    struct Written {
        std::string uid;
        Verdict verdict;
    };
    void remove(const std::string& name);
    template <typename Change>
    void changing(Change change);

    Intake& intake_;
    Units units_;
    std::map<std::string, Standing> objects_;
    std::map<std::string, Written> written_;
    std::set<std::string> listed_;
    std::set<std::string> touched_;
};

}  // namespace meshd::registry::kubernetes
