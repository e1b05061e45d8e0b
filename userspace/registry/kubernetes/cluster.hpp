// SPDX-License-Identifier: Apache-2.0
// The objects of a cluster that this node needs, and which services a change of one of them means. Pure.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/json/object.hpp>

#include "base/error.hpp"
#include "registry/kubernetes/object_table.hpp"
#include "registry/kubernetes/objects.hpp"
#include "registry/kubernetes/translate.hpp"

namespace meshd::registry::kubernetes {

enum class Kind : std::uint8_t {
    services,
    slices,
    nodes,  // their metadata, of all
    here,   // this node, whole
};

class Cluster {
public:
    explicit Cluster(std::string node) { here_.node = std::move(node); }

    // An object of a list, or one that was added or has changed. One that cannot be read is as it was before.
    base::Result<void> put(Kind kind, const boost::json::object& object);
    void remove(Kind kind, const std::string& key);

    void begin_list(Kind kind);
    // All of the list was put. Returns the keys of what it did not name, which is removed.
    std::vector<std::string> end_list(Kind kind);

    // Keys of services that may be another than at the last call, and of those that are gone.
    std::set<std::string> take_touched();
    void touch(const std::string& key) { touched_.insert(key); }
    [[nodiscard]] std::set<std::string> all() const;

    // No services in it when there is none of this key.
    [[nodiscard]] base::Result<Translation> translate(const std::string& key) const;

    [[nodiscard]] std::size_t services() const { return services_.size(); }
    [[nodiscard]] const Here& here() const { return here_; }

private:
    void put(Service service);
    void put(Slice slice);
    void put(Node node);
    void put_here(Node node);
    void enter(const Slice& slice);
    void leave(const Slice& slice);
    void remove_node(const std::string& name);
    void touch_services_on(const std::string& node);

    ObjectTable<Service> services_;
    ObjectTable<Slice> slices_;
    Nodes nodes_;
    std::set<std::string> listed_nodes_;
    Here here_;
    std::unordered_map<std::string, std::vector<std::string>> slices_of_;  // service to slices, by key, sorted
    std::set<std::string> touched_;
};

}  // namespace meshd::registry::kubernetes
