// SPDX-License-Identifier: Apache-2.0
#include "config/mapping_reader.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "config/characters.hpp"

namespace meshd::config {

MappingReader::MappingReader(Document& document, Value value, std::string_view what, std::span<const std::string_view> keys)
    : document_(document), value_(value), what_(what), keys_(keys.first(std::min(keys.size(), max_keys))) {
    if (value.kind() != Kind::mapping) {
        refuse_value(document, value, what, "a mapping");
        return;
    }
    std::array<Value, max_keys> values;
    for (auto item = value.begin(); item != value.end(); ++item) {
        const auto key = *item;
        ++item;
        const auto known = std::find(keys_.begin(), keys_.end(), key.text());
        if (known == keys_.end()) {
            refuse_key(document, key, what, keys_);
            return;
        }
        values[static_cast<std::size_t>(known - keys_.begin())] = *item;
    }
    values_ = values;
}

Value MappingReader::find(std::string_view key) const {
    const auto known = std::find(keys_.begin(), keys_.end(), key);
    return known == keys_.end() ? Value{} : values_[static_cast<std::size_t>(known - keys_.begin())];
}

bool MappingReader::require(std::string_view key, std::string remedy) const {
    return has(key) || document_.refuse(mark(), fmt::format("{} needs the key \"{}\"", what_, key), std::move(remedy));
}

bool MappingReader::require_one_of(std::string_view a, std::string_view b) const {
    if (has(a) && has(b))
        return document_.refuse(find(b).mark(), fmt::format("{} has both \"{}\" and \"{}\", expected one of them", what_, a, b));
    return has(a) || has(b) || document_.refuse(mark(), fmt::format("{} needs the key \"{}\" or \"{}\"", what_, a, b));
}

std::string MappingReader::label(std::string_view key) { return '"' + std::string(key) + '"'; }

void refuse_key(Document& document, Value key, std::string_view what, std::span<const std::string_view> keys) {
    document.refuse(key.mark(), fmt::format("unknown key {} in {}, expected {}", quote(key.text()), what, join(keys, "or")),
                    suggest(key.text(), keys));
}

}  // namespace meshd::config
