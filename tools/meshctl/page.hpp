// SPDX-License-Identifier: Apache-2.0
// What a command has to say: the value for programs, and blocks that describe how a person sees it. Commands make pages; only the
// renderer prints.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <boost/json.hpp>

#include "failure.hpp"
#include "value.hpp"

namespace meshd::meshctl {

enum class Shown : bool { always, when_wide };

struct Fact {
    std::string label;
    std::string text;
    Shown shown = Shown::always;
};

// One label and one text a line.
struct Facts {
    std::vector<Fact> facts;
};

struct Column {
    using Text = std::function<std::string(const json::object& row)>;
    enum class Side : bool { left, right };

    std::string title;
    Text text;
    Side side = Side::left;
    Shown shown = Shown::always;

    [[nodiscard]] Column wide() && {
        shown = Shown::when_wide;
        return std::move(*this);
    }
};

inline Column text_column(std::string title, std::string path) {
    return {std::move(title), [path = std::move(path)](const json::object& row) { return text_at(row, path); }};
}
inline Column number_column(std::string title, std::string path) {
    auto column = text_column(std::move(title), std::move(path));
    column.side = Column::Side::right;
    return column;
}
inline Column share_column(std::string title, std::string path) {
    return {std::move(title), [path = std::move(path)](const json::object& row) { return share_at(row, path); },
            Column::Side::right};
}

// A table without rows is not shown at all: the verdict says that there is nothing.
struct Table {
    std::vector<Column> columns;
    json::array rows;  // of objects
    Shown shown = Shown::always;
    std::string title;  // may be empty
};

struct Lines {
    std::vector<std::string> lines;
};

using Block = std::variant<Facts, Table, Lines>;

struct Page {
    json::object value;               // what json and yaml show
    std::vector<Block> blocks;        // what table and wide show, with an empty line between them
    std::optional<std::string> yaml;  // what yaml shows instead, as it was written
    std::string verdict;              // one line, the last one; may be empty
    ExitCode exit = ExitCode::done;
};

}  // namespace meshd::meshctl
