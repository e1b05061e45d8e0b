// SPDX-License-Identifier: Apache-2.0
// One file while it is being read. The readers below take a value, check it and either fill their result or refuse the file;
// the first refusal stays, so a reader can go through a whole object without looking at each outcome.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "config/tree.hpp"

namespace meshd::config {

class Document {
public:
    // text must outlive the document.
    static base::Result<Document> parse(std::string_view text, std::string_view file_name);

    [[nodiscard]] Value root() const { return tree_.root(); }
    [[nodiscard]] const std::string& file_name() const { return file_name_; }
    [[nodiscard]] bool ok() const { return !error_.has_value(); }
    [[nodiscard]] const base::Error& error() const { return *error_; }

    // Always false, so that a check can end with it.
    bool refuse(Mark mark, std::string detail, std::string remedy = {});
    bool refuse(base::Error error);

private:
    Document(std::string_view file_name, Tree tree) : file_name_(file_name), tree_(std::move(tree)) {}

    std::string file_name_;
    Tree tree_;
    std::optional<base::Error> error_;
};

struct Range {
    std::uint64_t least = 0;
    std::uint64_t most = 0;
};

inline constexpr std::string_view any_text = "text";

// Each refuses with "LABEL must be EXPECTED, found …" and then has no value. `label` names the value: "\"port\"".
bool refuse_value(Document& document, Value value, std::string_view label, std::string_view expected, std::string remedy = {});
std::optional<std::uint64_t> read_number(Document& document, Value value, std::string_view label, Range range);
std::optional<bool> read_boolean(Document& document, Value value, std::string_view label);
std::optional<std::string_view> read_text(Document& document, Value value, std::string_view label,
                                          std::string_view expected = "text");
std::optional<base::IpAddress> read_address(Document& document, Value value, std::string_view label);
bool expect_list(Document& document, Value value, std::string_view label, std::string_view of_what);

std::string join(std::span<const std::string_view> words, std::string_view last);  // "a, b or c"; `last` is "or" or "and"

// "did you mean "weight"?", or empty when no word is near.
std::string suggest(std::string_view found, std::span<const std::string_view> words);

}  // namespace meshd::config
