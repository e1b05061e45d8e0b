// SPDX-License-Identifier: Apache-2.0
// The one place that prints.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "failure.hpp"
#include "page.hpp"

namespace meshd::meshctl {

enum class Format { table, wide, json, yaml };

std::optional<Format> parse_format(std::string_view text);

void render(const Page& page, Format format, std::ostream& out);

// Prints again and again. Each call is false when nobody reads any more.
class Output {
public:
    Output(Format format, std::ostream& out, bool is_terminal) : format_(format), out_(out), is_terminal_(is_terminal) {}

    // One line: `text`, or the value as JSON; with yaml a document of its own.
    bool line(const json::object& value, const std::string& text);
    // In place of the page before, on a terminal.
    bool screen(const Page& page);
    bool flush();

private:
    Format format_;
    std::ostream& out_;
    bool is_terminal_;
};

// For a person on `err`; with json and yaml as {"error": {"message", "remedy"}} on `out`, where a program reads.
void render(const Failure& failure, Format format, std::ostream& out, std::ostream& err);

// Indented by two spaces, doubles in their shortest form.
std::string pretty_json(const json::value& value);

}  // namespace meshd::meshctl
