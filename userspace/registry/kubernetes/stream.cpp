// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/stream.hpp"

#include <array>

#include <boost/json.hpp>

namespace meshd::registry::kubernetes {

namespace json = boost::json;

namespace {

tl::unexpected<base::Error> malformed(std::string why) { return base::fail({"read", "its answer", 0, std::move(why), {}}); }

tl::unexpected<base::Error> too_large() {
    return malformed("an object has more than " + std::to_string(max_object_bytes) + " bytes");
}

}  // namespace

base::Result<void> with_object(std::string_view text, const std::function<void(const json::object&)>& use) {
    std::array<unsigned char, 16384> first{};
    json::monotonic_resource memory(first.data(), first.size());
    json::error_code error;
    json::parse_options options;
    options.max_depth = 128;
    const auto value = json::parse(text, error, &memory, options);
    if (error) return malformed("it is not JSON: " + error.message());
    if (!value.is_object()) return malformed("it is not an object");
    use(value.get_object());
    return {};
}

base::Result<void> Lines::feed(std::string_view piece, const Use& use) {
    for (auto end = piece.find('\n'); end != std::string_view::npos; end = piece.find('\n')) {
        const auto head = piece.substr(0, end);
        if (rest_.size() + head.size() > max_object_bytes) return too_large();
        piece.remove_prefix(end + 1);
        rest_.append(head);
        const auto line = std::exchange(rest_, {});
        if (line.find_first_not_of(" \r\t") == std::string::npos) continue;
        if (auto used = use(line); !used) return used;
    }
    if (rest_.size() + piece.size() > max_object_bytes) return too_large();
    rest_.append(piece);
    return {};
}

base::Result<void> ListItems::feed(std::string_view piece, const Use& use) {
    for (const char c : piece) {
        if (place_ == Place::item) {
            if (item_.size() == max_object_bytes) return too_large();
            if (!take_in_item(c)) continue;
            place_ = Place::between;
            if (auto used = use(item_); !used) return used;
            item_.clear();
        } else if (place_ == Place::between && c == '{') {
            place_ = Place::item;
            item_ = c;
            depth_ = 3;
        } else if (place_ == Place::between && c == ']') {
            place_ = Place::frame;
            depth_ = 1;
            frame_ += c;
        } else if (place_ == Place::between) {
            // Nothing but commas and white space may stand here.
            if (std::string_view(", \t\r\n").find(c) == std::string_view::npos)
                return malformed("an item of the list is no object");
        } else {
            if (frame_.size() == max_object_bytes) return too_large();
            take_in_frame(c);
        }
    }
    return {};
}

bool ListItems::take_in_text(char c) {
    if (!in_text_) return false;
    if (escaped_)
        escaped_ = false;
    else if (c == '\\')
        escaped_ = true;
    else if (c == '"')
        in_text_ = false;
    return true;
}

bool ListItems::take_in_item(char c) {
    item_ += c;
    if (take_in_text(c)) return false;
    if (c == '"') in_text_ = true;
    if (c == '{' || c == '[') ++depth_;
    if (c == '}' || c == ']') --depth_;
    return depth_ == 2;
}

void ListItems::take_in_frame(char c) {
    frame_ += c;
    if (take_in_text(c)) {
        if (!in_text_) at_items_ = depth_ == 1 && std::string_view(frame_).substr(text_begin_) == "\"items\"";
        return;
    }
    if (c == '"') {
        in_text_ = true;
        text_begin_ = frame_.size() - 1;
    }
    if (c == '[' && at_items_ && depth_ == 1) {
        place_ = Place::between;
        depth_ = 2;
    } else if (c == '{' || c == '[') {
        ++depth_;
    } else if ((c == '}' || c == ']') && depth_ > 0) {
        --depth_;
    }
    if (c != ':' && c != ' ' && c != '\t' && c != '\r' && c != '\n') at_items_ = false;
}

}  // namespace meshd::registry::kubernetes
