// SPDX-License-Identifier: Apache-2.0
// Bytes that a socket has not taken yet. Holds memory only while there are any.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace meshd::relay {

class Backlog {
public:
    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    [[nodiscard]] std::size_t size() const { return bytes_.size() - begin_; }
    [[nodiscard]] std::string_view view() const { return std::string_view(bytes_).substr(begin_); }

    void append(std::string_view bytes) {
        if (begin_ > bytes_.size() / 2) {  // seldom enough that each byte is moved once at most
            bytes_.erase(0, begin_);
            begin_ = 0;
        }
        bytes_.append(bytes);
    }

    void consume(std::size_t size) {
        begin_ += size;
        if (begin_ < bytes_.size()) return;
        std::string().swap(bytes_);
        begin_ = 0;
    }

private:
    std::string bytes_;
    std::size_t begin_ = 0;
};

}  // namespace meshd::relay
