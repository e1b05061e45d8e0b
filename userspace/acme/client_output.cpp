// SPDX-License-Identifier: Apache-2.0
#include "acme/client_output.hpp"

#include <algorithm>
#include <string_view>

#include <boost/json.hpp>

namespace meshd::acme {

namespace json = boost::json;

namespace {

constexpr std::string_view own_prefix = "uacme: ";
constexpr std::size_t longest_text = 1024;

bool any_has(const std::vector<std::string>& lines, std::string_view text) {
    return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

std::string text_at(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

// "urn:ietf:params:acme:error:rateLimited" -> "rateLimited"
std::string kind_of(const json::object& problem) {
    auto type = text_at(problem, "type");
    return type.substr(type.rfind(':') + 1);
}

std::string told_by(const json::object& problem) {
    const auto kind = kind_of(problem);
    auto text = text_at(problem, "detail");
    if (text.empty()) return kind;
    return kind.empty() ? text : text + " (" + kind + ")";
}

// The last problem document (RFC 7807), which uacme prints over several lines from "{" to "}".
json::object problem_in(const std::vector<std::string>& lines) {
    json::object last;
    for (auto begin = lines.begin(); begin != lines.end(); ++begin) {
        if (*begin != "{") continue;
        const auto end = std::find(begin, lines.end(), "}");
        if (end == lines.end()) break;
        std::string whole;
        for (auto line = begin; line <= end; ++line) whole += *line + '\n';
        boost::system::error_code error;
        if (auto value = json::parse(whole, error); !error && value.is_object()) last = std::move(value.get_object());
        begin = end;
    }
    return last;
}

// Its own words, without those that only say that it waits, or the same again.
std::string own_words(const std::vector<std::string>& lines) {
    std::vector<std::string> told;
    for (const auto& line : lines) {
        const auto words = line.starts_with(own_prefix) ? line.substr(own_prefix.size()) : line;
        if (words.empty() || words.find("before retrying") != std::string::npos ||
            words.find("autoaccepted") != std::string::npos)
            continue;
        if (std::find(told.begin(), told.end(), words) == told.end()) told.push_back(words);
    }
    std::string text;
    for (const auto& one : told) text += (text.empty() ? "" : "; ") + one;
    return text;
}

}  // namespace

Trouble trouble_in(const std::vector<std::string>& lines) {
    const auto problem = problem_in(lines);
    Trouble trouble;
    trouble.text = problem.empty() ? own_words(lines) : told_by(problem);
    if (trouble.text.empty()) trouble.text = "uacme does not say why";
    trouble.text = trouble.text.substr(0, longest_text);
    trouble.is_rate_limited = kind_of(problem) == "rateLimited";
    trouble.has_no_account = any_has(lines, "no account associated with");
    return trouble;
}

bool has_account_already(const std::vector<std::string>& lines) { return any_has(lines, "Account already exists"); }

}  // namespace meshd::acme
