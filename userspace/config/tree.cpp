// SPDX-License-Identifier: Apache-2.0
#include "config/tree.hpp"

#include <algorithm>
#include <istream>
#include <optional>
#include <streambuf>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "config/characters.hpp"
#include "config/plain_scalar.hpp"

namespace meshd::config {

namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

constexpr const char* no_aliases = "aliases (*name) are not accepted";
constexpr const char* write_out = "write the value out";

// Leaves yaml-cpp's parser from inside an event; never crosses this file's border.
struct Refused {
    Mark mark;
    std::string detail;
    std::string remedy;
};

Mark to_mark(const YAML::Mark& mark) {
    if (mark.is_null()) return {};
    return {static_cast<std::uint32_t>(mark.line) + 1, static_cast<std::uint32_t>(mark.column) + 1};
}

Mark mark_at(std::string_view text, std::size_t offset) {
    const auto before = text.substr(0, offset);
    const auto line = 1 + static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n'));
    const auto line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    return {line, static_cast<std::uint32_t>(offset - line_start) + 1};
}

bool is_indented_with_tabs(std::string_view text, std::uint32_t line) {
    for (; line > 1 && !text.empty(); --line) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    return text.substr(0, text.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
}

// Reads from memory that somebody else owns (std::ispanstream is C++23).
class MemoryBuffer : public std::streambuf {
public:
    explicit MemoryBuffer(std::string_view text) {
        auto* const start = const_cast<char*>(text.data());  // std::streambuf has no read-only form; nothing writes to it
        setg(start, start, start + text.size());
    }
};

}  // namespace

// Puts nodes in order of their events; the open lists and mappings form a stack.
class TreeBuilder final : public YAML::EventHandler {
public:
    TreeBuilder(Tree& tree, std::string_view text) : tree_(tree), text_(text) {}

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (started_)
            throw Refused{to_mark(mark), "a second document begins here, expected one document in a file",
                          "remove the line \"---\" or put the documents into files of their own"};
        started_ = true;
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        check(mark, {}, anchor);
        if (is_key_next()) throw Refused{to_mark(mark), "found nothing where a key was expected", {}};
        auto& node = add(mark, Kind::nothing);
        // Where nothing was written, yaml-cpp names the place of what comes next: the key is what the reader looks for.
        const auto there = text_.substr(std::min(static_cast<std::size_t>(mark.pos), text_.size()));
        const auto word = there.substr(0, there.find_first_of(" \t\r\n,]}:#"));
        const bool is_written = !word.empty() && plain_type(word) == PlainType::nothing;
        if (const auto* const key = is_written ? nullptr : last_key()) {
            node.line = key->line;
            node.column = key->column;
        }
        close();
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { throw Refused{to_mark(mark), no_aliases, write_out}; }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
        check(mark, tag, anchor);
        auto& node = add(mark, Kind::scalar);
        node.quoted = tag != "?" ? 1 : 0;  // yaml-cpp tags plain scalars "?" and quoted ones "!"
        if (node.quoted != 0) last_quoted_ = mark;
        node.length = static_cast<std::uint32_t>(value.size());
        const auto start = static_cast<std::size_t>(mark.pos) + (node.quoted != 0 ? 1 : 0);
        if (start + value.size() <= text_.size() && text_.substr(start, value.size()) == value)
            node.text = text_.data() + start;
        else
            node.text = tree_.unescaped_.emplace_back(value).data();
        close();
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, Kind::list);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, Kind::mapping);
    }
    void OnMapEnd() override {
        check_keys_differ(tree_.nodes_[open_.back()], open_.back());
        close();
    }

    // yaml-cpp takes the end of the file for the end of a quoted scalar: a file that is half written would be believed.
    void check_last_quote_is_closed() const {
        const auto start = static_cast<std::size_t>(last_quoted_.pos);
        if (last_quoted_.is_null() || start >= text_.size()) return;
        const char quote_mark = text_[start];
        if (quote_mark != '"' && quote_mark != '\'') return;  // a block scalar
        for (auto at = start + 1; at < text_.size(); ++at) {
            const bool is_escape = quote_mark == '"' && text_[at] == '\\';
            const bool is_doubled = quote_mark == '\'' && text_.substr(at, 2) == "''";
            if (is_escape || is_doubled)
                ++at;
            else if (text_[at] == quote_mark)
                return;
        }
        throw Refused{to_mark(last_quoted_), "the quote that begins here is not closed", {}};
    }

private:
    static void check(const YAML::Mark& mark, std::string_view tag, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor) throw Refused{to_mark(mark), "anchors (&name) are not accepted", write_out};
        if (!tag.empty() && tag != "?" && tag != "!")
            throw Refused{to_mark(mark), fmt::format("tags are not accepted, found {}", quote(tag)), "remove the tag"};
    }

    [[nodiscard]] bool is_key_next() const {
        if (open_.empty()) return false;
        const auto& parent = tree_.nodes_[open_.back()];
        return static_cast<Kind>(parent.kind) == Kind::mapping && parent.length % 2 == 0;
    }

    // The key that the next value belongs to; nullptr in a list and at the top.
    [[nodiscard]] const Tree::Node* last_key() const {
        if (open_.size() < 2) return nullptr;
        const auto parent = open_[open_.size() - 2];
        const bool is_in_mapping = static_cast<Kind>(tree_.nodes_[parent].kind) == Kind::mapping;
        return is_in_mapping ? &tree_.nodes_[open_.back() - 1] : nullptr;
    }

    Tree::Node& add(const YAML::Mark& mark, Kind kind) {
        if (!open_.empty()) ++tree_.nodes_[open_.back()].length;
        open_.push_back(static_cast<std::uint32_t>(tree_.nodes_.size()));
        auto& node = tree_.nodes_.emplace_back();
        node.line = to_mark(mark).line;
        node.column = to_mark(mark).column & 0x7ffffffU;
        node.kind = static_cast<std::uint32_t>(kind) & 3U;
        return node;
    }

    void open(const YAML::Mark& mark, std::string_view tag, YAML::anchor_t anchor, Kind kind) {
        check(mark, tag, anchor);
        if (is_key_next()) throw Refused{to_mark(mark), "found a list or a mapping where a key was expected", {}};
        if (open_.size() >= max_depth)
            throw Refused{to_mark(mark), fmt::format("lists and mappings are nested more than {} deep", max_depth), {}};
        add(mark, kind);
    }

    void close() {
        tree_.nodes_[open_.back()].next = static_cast<std::uint32_t>(tree_.nodes_.size());
        open_.pop_back();
    }

    void check_keys_differ(const Tree::Node& mapping, std::uint32_t index) {
        keys_.clear();
        auto at = index + 1;
        for (std::uint32_t item = 0; item < mapping.length; ++item, at = tree_.nodes_[at].next)
            if (item % 2 == 0) keys_.push_back(at);

        const auto text = [this](std::uint32_t key) {
            return std::string_view(tree_.nodes_[key].text, tree_.nodes_[key].length);
        };
        const auto less = [&](std::uint32_t a, std::uint32_t b) { return text(a) != text(b) ? text(a) < text(b) : a < b; };
        std::sort(keys_.begin(), keys_.end(), less);
        for (std::size_t i = 1; i < keys_.size(); ++i) {
            if (text(keys_[i - 1]) != text(keys_[i])) continue;
            const auto& first = tree_.nodes_[keys_[i - 1]];
            const auto& again = tree_.nodes_[keys_[i]];
            throw Refused{{again.line, again.column},
                          fmt::format("the key {} is given twice, first in line {}", quote(text(keys_[i])), first.line),
                          {}};
        }
    }

    Tree& tree_;
    std::string_view text_;
    std::vector<std::uint32_t> open_;
    std::vector<std::uint32_t> keys_;
    YAML::Mark last_quoted_ = YAML::Mark::null_mark();
    bool started_ = false;
};

std::string place(std::string_view file_name, Mark mark) { return fmt::format("{}:{}:{}", file_name, mark.line, mark.column); }

base::Error refusal(std::string_view file_name, Mark mark, std::string detail, std::string remedy) {
    return {"accept", place(file_name, mark), 0, std::move(detail), std::move(remedy)};
}

base::Result<Tree> Tree::parse(std::string_view text, std::string_view file_name) {
    if (text.substr(0, byte_order_mark.size()) == byte_order_mark) text.remove_prefix(byte_order_mark.size());
    // yaml-cpp replaces what is not UTF-8 in silence and takes the byte 04 for the end of the file.
    if (const auto bad = find_bad_byte(text))
        return base::fail(
            refusal(file_name, mark_at(text, bad->offset), fmt::format("found {}", bad->why), std::string(bad->remedy)));

    Tree tree;
    TreeBuilder builder(tree, text);
    MemoryBuffer buffer(text);
    std::istream stream(&buffer);
    try {
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
        builder.check_last_quote_is_closed();
    } catch (const Refused& refused) {
        return base::fail(refusal(file_name, refused.mark, refused.detail, refused.remedy));
    } catch (const YAML::Exception& error) {
        const auto mark = to_mark(error.mark);
        // Anchors are refused, so yaml-cpp knows none when it looks up an alias. Newer ones append the name.
        if (error.msg.starts_with(YAML::ErrorMsg::UNKNOWN_ANCHOR))
            return base::fail(refusal(file_name, mark, no_aliases, write_out));
        const bool has_tab = is_indented_with_tabs(text, mark.line);
        return base::fail(
            refusal(file_name, mark, "not valid YAML: " + error.msg, has_tab ? "indent with spaces, not with tabs" : ""));
    }
    if (tree.nodes_.empty()) tree.nodes_.emplace_back().next = 1;
    return tree;
}

}  // namespace meshd::config
