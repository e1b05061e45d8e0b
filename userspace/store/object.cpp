// SPDX-License-Identifier: Apache-2.0
#include "store/object.hpp"

#include <algorithm>

#include "config/characters.hpp"
#include "model/service.hpp"

namespace meshd::store {

std::optional<Kind> parse_kind(std::string_view text) {
    for (std::size_t i = 0; i < kind_count; ++i) {
        const auto& word = kinds.at(i);
        const auto plural = word.folder.empty() ? "files" : word.folder.substr(0, word.folder.size() - 1);
        if (text == word.name || text == plural) return static_cast<Kind>(i);
    }
    return std::nullopt;
}

std::string Object::text() const { return std::string(words(kind).name) + '/' + name; }

std::string Object::key() const { return std::string(words(kind).folder) + name; }

base::Result<Object> parse_object(std::string_view text) {
    const auto slash = text.find('/');
    const auto kind = parse_kind(text.substr(0, slash));
    const auto name = slash == std::string_view::npos ? std::string_view{} : text.substr(slash + 1);
    if (!kind || name.empty())
        return base::fail({"understand", config::quote(text), 0, "it is not KIND/NAME",
                           "write for example service/web; kinds are service, policy, settings and file"});
    if (*kind != Kind::file && !model::is_service_name(name))
        return base::fail({"understand", config::quote(text), 0, config::quote(name) + " is no name of an object", {}});
    return Object{*kind, std::string(name)};
}

Object object_of_key(std::string_view key) {
    for (const auto kind : object_kinds) {
        const auto folder = words(kind).folder;
        if (key.starts_with(folder) && key.size() > folder.size()) return {kind, std::string(key.substr(folder.size()))};
    }
    return {Kind::file, std::string(key)};
}

}  // namespace meshd::store
