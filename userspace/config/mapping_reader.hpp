// SPDX-License-Identifier: Apache-2.0
// The strict reader of one mapping: it knows every key that may stand there and refuses all others.
#pragma once

#include <array>
#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "config/document.hpp"

namespace meshd::config {

class MappingReader {
public:
    static constexpr std::size_t max_keys = 24;

    // Refuses a value that is no mapping, and the first key that is not in `keys` (at most max_keys of them, they must outlive
    // the reader). `what` names the mapping in errors: "a service". After a refusal the reader finds nothing.
    MappingReader(Document& document, Value value, std::string_view what, std::span<const std::string_view> keys);

    [[nodiscard]] Mark mark() const { return value_.mark(); }
    [[nodiscard]] bool has(std::string_view key) const { return find(key).exists(); }
    [[nodiscard]] Value find(std::string_view key) const;  // the value, not exists() when the key is absent

    bool require(std::string_view key, std::string remedy = {}) const;
    bool require_one_of(std::string_view a, std::string_view b) const;  // exactly one

    // These leave `result` as it is when the key is absent or its value was refused, and tell whether it has been set.
    template <std::unsigned_integral T>
    bool number(std::string_view key, T& result, Range range) const {
        return set(key, result, [&](Value value, std::string_view label) { return read_number(document_, value, label, range); });
    }
    bool boolean(std::string_view key, bool& result) const {
        return set(key, result, [&](Value value, std::string_view label) { return read_boolean(document_, value, label); });
    }
    bool text(std::string_view key, std::string& result) const {
        return set(key, result, [&](Value value, std::string_view label) { return read_text(document_, value, label); });
    }

    // Reads what may not be there with one of these, `read(key, value)`, and has it in `result` only when it is.
    template <typename T, typename Read>
    bool given(std::string_view key, std::optional<T>& result, Read read) const {
        if (!has(key)) return false;
        T value{};
        const bool is_set = read(key, value);
        if (is_set) result = std::move(value);
        return is_set;
    }

    // One of `words`, as `parse` understands them.
    template <typename T, typename Parse>
    bool choice(std::string_view key, T& result, std::span<const std::string_view> words, Parse parse) const {
        return set(key, result, [&](Value value, std::string_view label) -> std::optional<T> {
            if (value.kind() == Kind::scalar)
                if (const std::optional<T> chosen = parse(value.text())) return chosen;
            const auto expected = join(words, "or");
            const auto text = read_text(document_, value, label, expected);
            if (text) refuse_value(document_, value, label, expected, suggest(*text, words));
            return std::nullopt;
        });
    }

private:
    template <typename T, typename Read>
    bool set(std::string_view key, T& result, Read read) const {
        const auto value = find(key);
        if (!value.exists()) return false;
        const auto found = read(value, label(key));
        if (found) result = static_cast<T>(*found);
        return found.has_value();
    }
    [[nodiscard]] static std::string label(std::string_view key);

    Document& document_;
    Value value_;
    std::string_view what_;
    std::span<const std::string_view> keys_;
    std::array<Value, max_keys> values_;
};

// Calls read with a reader of the mapping behind the key, when it is there.
template <typename Read>
void read_section(Document& document, const MappingReader& object, std::string_view key, std::span<const std::string_view> keys,
                  Read read) {
    const auto value = object.find(key);
    if (!value.exists()) return;
    const auto what = '"' + std::string(key) + '"';
    if (value.kind() == Kind::nothing) {
        refuse_value(document, value, what, "a mapping", "remove the key or put something into it");
        return;
    }
    read(MappingReader(document, value, what, keys));
}

// "unknown key "x" in WHAT, expected …", with a suggestion when a key is near.
void refuse_key(Document& document, Value key, std::string_view what, std::span<const std::string_view> keys);

}  // namespace meshd::config
