// SPDX-License-Identifier: Apache-2.0
#include "render.hpp"

#include <algorithm>
#include <array>
#include <ostream>

#include <fmt/format.h>

#include "config/yaml_output.hpp"

namespace meshd::meshctl {

namespace {

constexpr std::string_view gap = "  ";

// A control character from outside must not reach a terminal.
std::string printable(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](unsigned char letter) { return letter < 0x20 || letter == 0x7f; }, '?');
    return text;
}

// Letters of UTF-8: all bytes but those that continue one.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U; }));
}

std::string padding(std::string_view text, std::size_t to) { return std::string(to - std::min(to, width(text)), ' '); }

void print_line(std::ostream& out, std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
}

class BlockPrinter {
public:
    BlockPrinter(std::ostream& out, bool is_wide) : out_(out), is_wide_(is_wide) {}

    void operator()(const Facts& block) {
        std::size_t widest = 0;
        for (const auto& fact : block.facts)
            if (is_shown(fact.shown)) widest = std::max(widest, width(fact.label));
        begin_block();
        for (const auto& fact : block.facts)
            if (is_shown(fact.shown))
                print_line(out_, fact.label + padding(fact.label, widest) + std::string(gap) + printable(fact.text));
    }

    void operator()(const Table& block) {
        if (block.rows.empty() || !is_shown(block.shown)) return;
        std::vector<const Column*> columns;
        for (const auto& column : block.columns)
            if (is_shown(column.shown)) columns.push_back(&column);

        std::vector<std::vector<std::string>> cells(1);
        for (const auto* column : columns) cells.front().push_back(column->title);
        for (const auto& row : block.rows) {
            auto& line = cells.emplace_back();
            for (const auto* column : columns) line.push_back(printable(row.is_object() ? column->text(row.get_object()) : "-"));
        }
        begin_block();
        if (!block.title.empty()) out_ << block.title << '\n';
        print_cells(columns, cells);
    }

    void operator()(const Lines& block) {
        if (block.lines.empty()) return;
        begin_block();
        for (const auto& line : block.lines) print_line(out_, printable(line));
    }

    void begin_block() {
        if (!is_first_) out_ << '\n';
        is_first_ = false;
    }

private:
    [[nodiscard]] bool is_shown(Shown shown) const { return is_wide_ || shown == Shown::always; }

    void print_cells(const std::vector<const Column*>& columns, const std::vector<std::vector<std::string>>& cells) {
        std::vector<std::size_t> widths(columns.size());
        for (const auto& line : cells)
            for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width(line[i]));
        for (const auto& line : cells) {
            std::string text;
            for (std::size_t i = 0; i < line.size(); ++i) {
                const auto spaces = padding(line[i], widths[i]);
                if (i > 0) text += gap;
                text += columns[i]->side == Column::Side::right ? spaces + line[i] : line[i] + spaces;
            }
            print_line(out_, std::move(text));
        }
    }

    std::ostream& out_;
    bool is_wide_;
    bool is_first_ = true;
};

void write_json(const json::value& value, std::size_t depth, std::string& out);

void begin_line(std::size_t depth, std::string& out) { out.append(1, '\n').append(depth * 2, ' '); }

void write_json(const json::object& object, std::size_t depth, std::string& out) {
    if (object.empty()) {
        out += "{}";
        return;
    }
    char before = '{';
    for (const auto& member : object) {
        out += before;
        before = ',';
        begin_line(depth + 1, out);
        out.append(json::serialize(json::string(member.key()))).append(": ");
        write_json(member.value(), depth + 1, out);
    }
    begin_line(depth, out);
    out += '}';
}

void write_json(const json::array& array, std::size_t depth, std::string& out) {
    if (array.empty()) {
        out += "[]";
        return;
    }
    char before = '[';
    for (const auto& item : array) {
        out += before;
        before = ',';
        begin_line(depth + 1, out);
        write_json(item, depth + 1, out);
    }
    begin_line(depth, out);
    out += ']';
}

void write_json(const json::value& value, std::size_t depth, std::string& out) {
    if (value.is_object()) return write_json(value.get_object(), depth, out);
    if (value.is_array()) return write_json(value.get_array(), depth, out);
    if (!value.is_double()) {
        out += json::serialize(value);
        return;
    }
    // Boost writes 3.3E-1 for 0.33. A whole number stays a double when it is read again.
    const auto text = fmt::format("{}", value.get_double());
    out += text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

}  // namespace

std::optional<Format> parse_format(std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, Format>, 4> formats{
        {{"table", Format::table}, {"wide", Format::wide}, {"json", Format::json}, {"yaml", Format::yaml}}};
    for (const auto& [name, format] : formats)
        if (name == text) return format;
    return std::nullopt;
}

std::string pretty_json(const json::value& value) {
    std::string text;
    write_json(value, 0, text);
    return text + "\n";
}

void render(const Page& page, Format format, std::ostream& out) {
    if (format == Format::json) {
        out << pretty_json(page.value);
    } else if (format == Format::yaml) {
        out << (page.yaml ? *page.yaml : config::to_yaml(page.value));
    } else {
        BlockPrinter printer(out, format == Format::wide);
        for (const auto& block : page.blocks) std::visit(printer, block);
        if (page.verdict.empty()) return;
        printer.begin_block();
        print_line(out, printable(page.verdict));
    }
}

bool Output::line(const json::object& value, const std::string& text) {
    if (format_ == Format::json)
        out_ << json::serialize(value) << '\n';
    else if (format_ == Format::yaml)
        out_ << "---\n" << config::to_yaml(value);
    else
        print_line(out_, printable(text));
    return out_.good();
}

bool Output::screen(const Page& page) {
    if (format_ == Format::json) return line(page.value, {}) && flush();
    if (format_ == Format::yaml)
        out_ << "---\n";
    else if (is_terminal_)
        out_ << "\x1b[H\x1b[J";  // ECMA-48: CUP, ED
    render(page, format_, out_);
    return flush();
}

bool Output::flush() {
    out_.flush();
    return out_.good();
}

void render(const Failure& failure, Format format, std::ostream& out, std::ostream& err) {
    if (format == Format::json || format == Format::yaml) {
        Page page;
        json::object error{{"message", failure.message}, {"remedy", failure.remedy}};
        if (!failure.details.empty()) error["details"] = json::array(failure.details.begin(), failure.details.end());
        page.value = {{"error", std::move(error)}};
        render(page, format, out);
        return;
    }
    err << "meshctl: " << printable(failure.message) << '\n';
    for (const auto& line : failure.details) err << printable(line) << '\n';
    if (!failure.remedy.empty()) err << printable(failure.remedy) << '\n';
}

}  // namespace meshd::meshctl
