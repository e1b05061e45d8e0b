// SPDX-License-Identifier: Apache-2.0
#include "config/document.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "config/characters.hpp"
#include "config/plain_scalar.hpp"

namespace meshd::config {

namespace {

constexpr std::size_t max_plain_shown = 30;  // bytes of a number in an error

std::string describe(Value value) {
    switch (value.kind()) {
        case Kind::nothing:
            return "nothing";
        case Kind::list:
            return "a list";
        case Kind::mapping:
            return "a mapping";
        case Kind::scalar:
            break;
    }
    const bool is_text = value.is_quoted() || plain_type(value.text()) == PlainType::text;
    return is_text || value.text().size() > max_plain_shown ? quote(value.text()) : std::string(value.text());
}

bool is_plain(Value value, PlainType type) {
    return value.kind() == Kind::scalar && !value.is_quoted() && plain_type(value.text()) == type;
}

// Levenshtein's distance in which two neighbours that changed places count once.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before_last(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> current(b.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        current[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            current[j] = std::min({last[j] + 1, current[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                current[j] = std::min(current[j], before_last[j - 2] + 1);
        }
        before_last.swap(last);
        last.swap(current);
    }
    return last[b.size()];
}

}  // namespace

base::Result<Document> Document::parse(std::string_view text, std::string_view file_name) {
    auto tree = Tree::parse(text, file_name);
    if (!tree) return base::fail(std::move(tree.error()));
    return Document(file_name, std::move(*tree));
}

bool Document::refuse(Mark mark, std::string detail, std::string remedy) {
    return refuse(refusal(file_name_, mark, std::move(detail), std::move(remedy)));
}

bool Document::refuse(base::Error error) {
    if (ok()) error_ = std::move(error);
    return false;
}

bool refuse_value(Document& document, Value value, std::string_view label, std::string_view expected, std::string remedy) {
    return document.refuse(value.mark(), fmt::format("{} must be {}, found {}", label, expected, describe(value)),
                           std::move(remedy));
}

std::optional<std::uint64_t> read_number(Document& document, Value value, std::string_view label, Range range) {
    const auto expected = [&] {
        return range.least == range.most ? fmt::format("the number {}", range.least)
                                         : fmt::format("a number from {} to {}", range.least, range.most);
    };
    if (!is_plain(value, PlainType::number)) {
        const bool only_quotes_are_wrong = value.kind() == Kind::scalar && plain_type(value.text()) == PlainType::number;
        refuse_value(document, value, label, expected(), only_quotes_are_wrong ? "remove the quotes" : "");
        return std::nullopt;
    }
    const auto text = value.text();
    std::uint64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_decimal = error == std::errc{} && stop == text.data() + text.size() && (text.size() == 1 || text[0] != '0');
    if (is_decimal && number >= range.least && number <= range.most) return number;
    refuse_value(document, value, label, expected());
    return std::nullopt;
}

std::optional<bool> read_boolean(Document& document, Value value, std::string_view label) {
    const auto text = value.kind() == Kind::scalar ? value.text() : std::string_view{};
    const bool is_word = text == "true" || text == "false";
    if (is_word && !value.is_quoted()) return text == "true";
    refuse_value(document, value, label, "true or false", is_word ? "remove the quotes" : "");
    return std::nullopt;
}

std::optional<std::string_view> read_text(Document& document, Value value, std::string_view label, std::string_view expected) {
    if (value.kind() != Kind::scalar) {
        refuse_value(document, value, label, expected);
        return std::nullopt;
    }
    const auto text = value.text();
    if (!value.is_quoted() && plain_type(text) != PlainType::text) {
        const auto* const read_as = plain_type(text) == PlainType::number ? "a number" : "a boolean";
        if (expected != any_text)
            refuse_value(document, value, label, expected);
        else
            document.refuse(value.mark(),
                            fmt::format("{} must be text, found {}, which YAML reads as {}", label, describe(value), read_as),
                            "write it in quotes");
        return std::nullopt;
    }
    // Escapes in quotes can make what may not stand in a file as it is.
    if (find_bad_byte(text) || text.find_first_of("\t\r\n") != std::string_view::npos) {
        document.refuse(value.mark(),
                        fmt::format("{} must be text in one line without control characters, found {}", label, quote(text)));
        return std::nullopt;
    }
    return text;
}

std::optional<base::IpAddress> read_address(Document& document, Value value, std::string_view label) {
    constexpr std::string_view expected = "an IPv4 or IPv6 address";
    const auto text = read_text(document, value, label, expected);
    if (!text) return std::nullopt;
    const auto address = base::IpAddress::parse(*text);
    if (!address) {
        const bool has_port = base::SocketAddress::parse(*text).has_value();
        refuse_value(document, value, label, expected, has_port ? "give the port with a key of its own" : "");
    }
    return address;
}

bool expect_list(Document& document, Value value, std::string_view label, std::string_view of_what) {
    if (value.kind() == Kind::list) return true;
    return refuse_value(document, value, label, fmt::format("a list of {}", of_what),
                        value.kind() == Kind::nothing ? "write [] for an empty list" : "");
}

std::string join(std::span<const std::string_view> words, std::string_view last) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) text += i + 1 < words.size() ? ", " : fmt::format(" {} ", last);
        text += words[i];
    }
    return text;
}

std::string suggest(std::string_view found, std::span<const std::string_view> words) {
    if (found.size() > 64) return {};
    std::string_view nearest;
    std::size_t least = 3;  // two slips are still the same word, three are another one
    for (const auto word : words) {
        const auto distance = edit_distance(found, word);
        if (distance >= least || distance * 2 > word.size()) continue;
        least = distance;
        nearest = word;
    }
    return nearest.empty() ? std::string{} : fmt::format("did you mean \"{}\"?", nearest);
}

}  // namespace meshd::config
