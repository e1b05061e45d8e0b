// SPDX-License-Identifier: Apache-2.0
// Cuts the bodies of lists and watches into objects while they come, wherever the network cut them: memory follows one object,
// not the answer. Pure.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "base/error.hpp"

namespace meshd::registry::kubernetes {

inline constexpr std::size_t max_object_bytes = std::size_t{16} << 20;  // etcd holds 1.5 MiB by default, 8 MiB at most

// Calls `use` with the object that the text is; an error when it is something else.
base::Result<void> with_object(std::string_view text, const std::function<void(const boost::json::object&)>& use);

// A watch: one object a line.
class Lines {
public:
    using Use = std::function<base::Result<void>(std::string_view line)>;  // an error ends it
    base::Result<void> feed(std::string_view piece, const Use& use);

private:
    std::string rest_;  // of the last piece
};

// A list: {"kind": …, "metadata": {…}, "items": [{…}, …]}. Items are given one by one, the rest is kept.
class ListItems {
public:
    using Use = std::function<base::Result<void>(std::string_view item)>;
    base::Result<void> feed(std::string_view piece, const Use& use);

    // The list without its items, once all of it was fed.
    [[nodiscard]] const std::string& frame() const { return frame_; }

private:
    enum class Place : unsigned char { frame, between, item };

    void take_in_frame(char c);
    bool take_in_item(char c);  // true: the item is whole
    bool take_in_text(char c);  // true: c belonged to a string

    Place place_ = Place::frame;
    std::size_t depth_ = 0;  // of brackets of either kind
    bool in_text_ = false;
    bool escaped_ = false;
    bool at_items_ = false;       // the last word at depth 1 was the key "items"
    std::size_t text_begin_ = 0;  // in frame_, of the string that began last
    std::string frame_;
    std::string item_;
};

}  // namespace meshd::registry::kubernetes
