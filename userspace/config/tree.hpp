// SPDX-License-Identifier: Apache-2.0
// A YAML file as a tree of values that remember where they stand. Made from yaml-cpp's events rather than its nodes: those
// accept a key twice, follow aliases, forget positions of keys and take fifty times the memory of the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace meshd::config {

// A place in a file as an editor shows it: both begin with 1. Columns count bytes.
struct Mark {
    std::uint32_t line = 1;
    std::uint32_t column = 1;

    bool operator==(const Mark&) const = default;
};

std::string place(std::string_view file_name, Mark mark);  // "FILE:LINE:COLUMN"

// The one form of every refusal: "cannot accept FILE:LINE:COLUMN: DETAIL; REMEDY".
base::Error refusal(std::string_view file_name, Mark mark, std::string detail, std::string remedy = {});

enum class Kind : std::uint8_t { nothing, scalar, list, mapping };

inline constexpr std::size_t max_depth = 32;

class Value;

// Refuses what is not one plain document: syntax errors, a second document, a key given twice, keys that are not text, anchors,
// aliases, tags, nesting deeper than max_depth, bytes that are not UTF-8, control characters.
// Owns nothing of the text: it must outlive the tree. Needs 24 bytes for each value and key, and no copy of ordinary scalars.
class Tree {
public:
    static base::Result<Tree> parse(std::string_view text, std::string_view file_name);

    [[nodiscard]] Value root() const;  // Kind::nothing for an empty file

private:
    friend class TreeBuilder;
    friend class Value;

    // In order of appearance: the children of nodes[i] stand right behind it, the next sibling at nodes[i].next.
    struct Node {
        const char* text = nullptr;  // of a scalar
        std::uint32_t length = 0;    // bytes of a scalar, items of a list, keys and values of a mapping
        std::uint32_t next = 0;
        std::uint32_t line = 1;
        std::uint32_t column : 27 = 1;
        std::uint32_t kind : 2 = 0;
        std::uint32_t quoted : 1 = 0;
    };

    std::vector<Node> nodes_;
    std::deque<std::string> unescaped_;  // scalars that do not stand in the text as they read
};

// One value of a tree: cheap to copy, valid as long as the tree stays where it is.
class Value {
public:
    Value() = default;

    [[nodiscard]] bool exists() const { return tree_ != nullptr; }
    [[nodiscard]] Kind kind() const { return static_cast<Kind>(node().kind); }
    [[nodiscard]] bool is_quoted() const { return node().quoted != 0; }
    [[nodiscard]] Mark mark() const { return {node().line, node().column}; }
    [[nodiscard]] std::string_view text() const { return {node().text, node().length}; }  // of a scalar

    // Items of a list. In a mapping each key is an item, followed by its value.
    [[nodiscard]] std::size_t size() const { return node().length; }
    class Iterator;
    [[nodiscard]] Iterator begin() const;
    [[nodiscard]] Iterator end() const;

private:
    friend class Tree;
    Value(const Tree& tree, std::uint32_t index) : tree_(&tree), index_(index) {}
    [[nodiscard]] const Tree::Node& node() const { return tree_->nodes_[index_]; }

    const Tree* tree_ = nullptr;
    std::uint32_t index_ = 0;
};

class Value::Iterator {
public:
    explicit Iterator(Value value) : value_(value) {}
    Value operator*() const { return value_; }
    Iterator& operator++() {
        value_.index_ = value_.node().next;
        return *this;
    }
    bool operator!=(const Iterator& other) const { return value_.index_ != other.value_.index_; }

private:
    Value value_;
};

inline Value::Iterator Value::begin() const {
    const bool is_container = kind() == Kind::list || kind() == Kind::mapping;
    return Iterator({*tree_, is_container ? index_ + 1 : node().next});
}
inline Value::Iterator Value::end() const { return Iterator({*tree_, node().next}); }
inline Value Tree::root() const { return {*this, 0}; }

}  // namespace meshd::config
