// SPDX-License-Identifier: Apache-2.0
// What belongs to the name of a server that a client asks for (RFC 6066, 3): the name itself counts before a wildcard for its
// left-most label (RFC 9525, 6.3), and that before "*".
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace meshd::model {

template <typename T>
class ServerNames {
public:
    // False: the pattern, in lower case, has something already, which stays.
    bool add(std::string pattern, T value) { return entries_.emplace(std::move(pattern), std::move(value)).second; }

    // `name` in lower case; empty: the client asked for none. Null: nothing belongs to it.
    [[nodiscard]] const T* find(std::string_view name) const {
        if (name.empty()) return at("*");
        if (const auto* const exact = at(name)) return exact;
        if (const auto dot = name.find('.'); dot != 0 && dot != std::string_view::npos)
            if (const auto* const wildcard = at("*" + std::string(name.substr(dot)))) return wildcard;
        return at("*");
    }

private:
    [[nodiscard]] const T* at(std::string_view key) const {
        const auto found = entries_.find(key);
        return found == entries_.end() ? nullptr : &found->second;
    }

    std::map<std::string, T, std::less<>> entries_;
};

}  // namespace meshd::model
