// SPDX-License-Identifier: Apache-2.0
// A registry as an operator writes to it: all that is in it, and changes that are made only when nobody was faster. Blocks.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "store/object.hpp"

namespace meshd::store {

struct Item {
    Object object;
    std::string where;    // for people, and for the places of errors: "etcd:etcd/meshd/services/web"
    std::string text;     // a registry file
    std::string version;  // of its last change, as the server counts; never empty
    std::string state;    // what a node has said about it, where the store keeps such a word; may be empty
};

struct Change {
    Object object;
    std::optional<std::string> text;  // nothing: it is to go
    std::string version;              // that it must still have; empty: it must not be there
};

enum class Written {
    done,
    overtaken
};  // overtaken: somebody else has changed one of these since; nothing, or not all, was written

class Store {
public:
    Store() = default;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    virtual ~Store() = default;

    [[nodiscard]] virtual const std::string& name() const = 0;  // of the registry
    [[nodiscard]] virtual std::string where(const Object& object) const = 0;

    // A text as list() gives it back after it was written.
    [[nodiscard]] virtual std::string as_kept(const std::string& text) const { return text; }

    virtual base::Result<std::vector<Item>> list() = 0;  // by key
    // After list(): what it read is what the changes were made for.
    virtual base::Result<Written> write(const std::vector<Change>& changes) = 0;
};

}  // namespace meshd::store
