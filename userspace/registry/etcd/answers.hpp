// SPDX-License-Identifier: Apache-2.0
// What etcd's JSON gateway answers. It leaves out whatever is zero: a PUT has no type, an empty value is not there. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/error.hpp"

namespace meshd::registry::etcd {

struct KeyValue {
    std::string key;
    std::string value;
    std::int64_t mod_revision = 0;  // of its last change
    bool operator==(const KeyValue&) const = default;
};

struct Range {
    std::int64_t revision = 0;  // of the store when it was asked
    std::int64_t count = 0;     // keys there are, also those that are not in `items`
    bool more = false;
    std::vector<KeyValue> items;
};

struct Event {
    bool deleted = false;  // also by the end of its lease
    KeyValue item;         // without a value when it was deleted
    bool operator==(const Event&) const = default;
};

// What etcd says when it does not do what it was asked. The numbers are gRPC's.
struct Complaint {
    enum class Kind {
        token,      // ours is not valid, or there is none and one is needed
        denied,     // wrong password, or no right
        no_users,   // it does not ask for tokens at all
        compacted,  // the revision is no longer there
        too_large,  // the answer would be
        other,
    };
    int code = 0;
    std::string message;

    [[nodiscard]] Kind kind() const;
};

struct Watched {
    std::int64_t revision = 0;
    bool created = false;
    bool canceled = false;
    std::int64_t compact_revision = 0;
    Complaint complaint;  // why it was canceled
    std::vector<Event> events;
};

base::Result<Range> parse_range(std::string_view text);
base::Result<std::string> parse_token(std::string_view text);
base::Result<Watched> parse_watched(const boost::json::object& object);  // one of the objects of a watch

// Of an answer whose status is not 200. Text that is no complaint of etcd is one of something between it and us.
Complaint parse_complaint(long status, std::string_view text);

}  // namespace meshd::registry::etcd
